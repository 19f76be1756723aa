{{/* How Prometheus finds one component. Takes (list . component suffix scheme). */}}
{{- define "tokenlease.monitor" -}}
{{- $root := index . 0 -}}
{{- $isService := eq $root.Values.monitoring.scrape "service" -}}
apiVersion: monitoring.coreos.com/v1
kind: {{ ternary "ServiceMonitor" "PodMonitor" $isService }}
metadata:
  {{- include "tokenlease.metadata" (list $root (index . 1) (index . 2)) | nindent 2 }}
    {{- with $root.Values.monitoring.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
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
      interval: {{ $root.Values.monitoring.interval }}
      scheme: {{ index . 3 }}
      {{- if eq (index . 3) "https" }}
      # By address, for which there is no certificate; metrics are no secret.
      tlsConfig: {insecureSkipVerify: true}
      {{- end }}
{{- end }}
