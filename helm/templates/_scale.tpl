{{/* How many pods there are, and how many may be missing. Both take (list . settings component suffix). */}}

{{- define "tokenlease.autoscaler" -}}
{{- $root := index . 0 -}}
{{- $scale := (index . 1).autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "tokenlease.metadata" (list $root (index . 2) (index . 3)) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "tokenlease.fullname" $root }}{{ index . 3 }}
  minReplicas: {{ $scale.minReplicas }}
  maxReplicas: {{ $scale.maxReplicas }}
  metrics:
    {{- with $scale.targetCPU }}
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ . }}}
    {{- end }}
    {{- with $scale.targetQueuedCalls }}
    - type: Pods
      pods:
        metric: {name: quota_ledger_queued_calls}
        target: {type: AverageValue, averageValue: {{ . | quote }}}
    {{- end }}
    {{- with $scale.metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $scale.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "tokenlease.disruptionBudget" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $scale := $settings.autoscaling -}}
{{- $fewest := ternary $scale.minReplicas $settings.replicas $scale.enabled -}}
{{- if and $settings.disruptionBudget.enabled (gt (int $fewest) 1) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "tokenlease.metadata" (list $root (index . 2) (index . 3)) | nindent 2 }}
spec:
  maxUnavailable: {{ $settings.disruptionBudget.maxUnavailable }}
  # A pod that is not ready keeps no node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "tokenlease.selector" (list $root (index . 2)) | nindent 6 }}
{{- end }}
{{- end }}
