{{/* What all pods have in common. */}}

{{/* Of a pod: no rights in Kubernetes, no root, no variables about other services. */}}
{{- define "tokenlease.pod" -}}
{{- include "tokenlease.pullSecrets" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if .Values.podSecurity.fixedUser }}
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* Of all charts of a release, as names or objects, and of this one. */}}
{{- define "tokenlease.pullSecrets" -}}
{{- $names := list -}}
{{- range concat .Values.global.imagePullSecrets .Values.image.pullSecrets }}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "string" . | ternary dict .) "name")) }}
{{- end }}
{{- with uniq $names }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
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

{{/* Where a pod goes and what surrounds it there. Takes its settings. */}}
{{- define "tokenlease.placement" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "dnsConfig" "hostAliases" }}
{{- with index $ $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with index $ $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where pods of one set go. Takes (list . settings component). */}}
{{- define "tokenlease.spread" -}}
topologySpreadConstraints:
  {{- with (index . 1).topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    # Pods of the version before, which are about to go, do not count.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "tokenlease.selector" (list (index $ 0) (index $ 2)) | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* How pods of a set replace each other. Takes its settings. */}}
{{- define "tokenlease.rollout" -}}
revisionHistoryLimit: {{ .revisionHistoryLimit }}
minReadySeconds: {{ .minReadySeconds }}
{{- end }}

{{/* The new one is ready before an old one goes. Takes the settings of a deployment. */}}
{{- define "tokenlease.strategy" -}}
strategy:
  {{- with .updateStrategy }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  {{- end }}
{{- end }}

{{/* Takes (list settings which path scheme). */}}
{{- define "tokenlease.probe" }}
{{ index . 1 }}Probe:
  httpGet: {path: {{ index . 2 }}, port: http, scheme: {{ index . 3 }}}
  {{- toYaml (index (index . 0).probes (index . 1)) | nindent 2 }}
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
