// The rules and dashboards as a monitoring mixin, for installations that are written in jsonnet, such as
// kube-prometheus. Groups that hold an alert are prometheusAlerts, all others prometheusRules.
local files = [
  importstr '../../prometheus/rules/bounce-alerts.yml',
  importstr '../../prometheus/rules/bounces.yml',
  importstr '../../prometheus/rules/collectors.yml',
  importstr '../../prometheus/rules/dashboards.yml',
  importstr '../../prometheus/rules/exporter.yml',
  importstr '../../prometheus/rules/mailboxes.yml',
  importstr '../../prometheus/rules/sending.yml',
  importstr '../../prometheus/rules/settings.yml',
];
local groups = std.flatMap(function(file) std.parseYaml(file).groups, files);
local alerts(group) = std.length([rule for rule in group.rules if std.objectHas(rule, 'alert')]) > 0;

{
  grafanaDashboards+:: {
    'sendkit-domain.json': import '../../grafana/dashboards/domain.json',
    'sendkit-exporter.json': import '../../grafana/dashboards/exporter.json',
    'sendkit-fleet.json': import '../../grafana/dashboards/fleet.json',
    'sendkit-mailbox.json': import '../../grafana/dashboards/mailbox.json',
  },
  prometheusAlerts+:: {
    groups+: [group for group in groups if alerts(group)],
  },
  prometheusRules+:: {
    groups+: [group for group in groups if !alerts(group)],
  },
}
