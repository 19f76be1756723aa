{{/* How Prometheus finds one component. Takes (list . component suffix scheme). */}}
{{- define "tokenlease.monitor" -}}
{{- $root := index . 0 -}}
{{- $monitoring := $root.Values.monitoring -}}
{{- $isService := eq $monitoring.scrape "service" -}}
apiVersion: monitoring.coreos.com/v1
kind: {{ ternary "ServiceMonitor" "PodMonitor" $isService }}
metadata:
  {{- include "tokenlease.watchedMetadata" (list $root (index . 1) (index . 2)) | nindent 2 }}
spec:
  {{- if $monitoring.namespace }}
  namespaceSelector:
    matchNames: [{{ $root.Release.Namespace }}]
  {{- end }}
  selector:
    matchLabels:
      {{- include "tokenlease.selector" (list $root (index . 1)) | nindent 6 }}
      {{- if $isService }}
      # Of the two services of servers the one.
      tokenlease/scrape: {{ index . 1 }}
      {{- end }}
  {{ ternary "endpoints" "podMetricsEndpoints" $isService }}:
    - port: http
      path: /metrics
      interval: {{ $monitoring.interval }}
      {{- with $monitoring.scrapeTimeout }}
      scrapeTimeout: {{ . }}
      {{- end }}
      scheme: {{ index . 3 }}
      {{- if eq (index . 3) "https" }}
      # By address, for which there is no certificate; metrics are no secret.
      tlsConfig: {insecureSkipVerify: true}
      {{- end }}
      {{- with $monitoring.relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $monitoring.metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}

{{/*
Of what an operator or a sidecar looks for, where it looks. Two releases may have theirs in one namespace, so that there it has the
release's in its name. Takes (list . component suffix).
*/}}
{{- define "tokenlease.watchedMetadata" -}}
{{- $root := index . 0 -}}
{{- $elsewhere := $root.Values.monitoring.namespace -}}
name: {{ with $elsewhere }}{{ $root.Release.Namespace }}-{{ end }}{{ include "tokenlease.fullname" $root }}{{ index . 2 }}
namespace: {{ default $root.Release.Namespace $elsewhere }}
{{- include "tokenlease.annotations" (list $root dict) }}
labels:
  {{- include "tokenlease.labels" (list $root (index . 1)) | nindent 2 }}
  {{- with $root.Values.monitoring.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
