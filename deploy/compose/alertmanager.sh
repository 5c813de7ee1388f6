#!/bin/sh
# Start Alertmanager: with messages to Slack where SLACK_WEBHOOK_URL is set, else with the example as it is.
# Alertmanager reads no environment, so the address goes to a file, which is kept in memory alone.
set -eu
config=/etc/alertmanager/alertmanager.yml
if [ -n "${SLACK_WEBHOOK_URL:-}" ]; then
  umask 077
  printf %s "$SLACK_WEBHOOK_URL" >/tmp/slack_webhook_url
  config=/etc/alertmanager/alertmanager-slack.yml
fi
exec /bin/alertmanager --config.file="$config" "$@"
