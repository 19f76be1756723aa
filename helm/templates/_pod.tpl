{{/* What all pods have in common. */}}

{{/* Of a pod: no rights in Kubernetes, no root, no variables about other services. Takes (list . settings). */}}
{{- define "tokenlease.pod" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* Of a container. Takes (list . program). */}}
{{- define "tokenlease.container" -}}
{{- $root := index . 0 -}}
image: {{ include "tokenlease.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
command: [/usr/bin/{{ index . 1 }}]
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Where pods go. Takes (list . settings component kind). */}}
{{- define "tokenlease.placement" -}}
{{- $settings := index . 1 -}}
{{- with $settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
  {{- if $settings.topologySpreadConstraints }}
  {{- toYaml $settings.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tokenlease.selector" (list (index $ 0) (index $ 2)) | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Still served while the endpoints are told: then SIGTERM. The image has no shell to sleep in. */}}
{{- define "tokenlease.lifecycle" -}}
{{- if .stopDelaySeconds }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ .stopDelaySeconds }}
{{- end }}
{{- end }}

{{/* A variable from a secret. Takes (list name reference). */}}
{{- define "tokenlease.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ (index . 1).name }}
      key: {{ (index . 1).key }}
{{- end }}
