{{/* The name of everything: the release's, with the chart's where it is not in it. */}}
{{- define "sendkit-exporter.name" -}}
{{- $name := contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) }}
{{- $name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* What selects the pods. */}}
{{- define "sendkit-exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sendkit-exporter.labels" -}}
{{ include "sendkit-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "sendkit-exporter.secret" -}}
{{- if .Values.keys.values }}{{ include "sendkit-exporter.name" . }}-keys{{ else }}{{ .Values.keys.existingSecret }}{{ end }}
{{- end }}
