{{/* Copies of the embedded ledger. */}}

{{- define "tokenlease.hasBackup" -}}
{{- if and (eq .Values.ledger.kind "embedded") .Values.ledger.embedded.backup.enabled }}yes{{ end }}
{{- end }}

{{/* Kubernetes allows a cron job's name 52 characters: its jobs are called by it, and the minute. */}}
{{- define "tokenlease.backupName" -}}
{{ include "tokenlease.fullname" . | trunc 45 | trimSuffix "-" }}-backup
{{- end }}

{{- define "tokenlease.backupMetadata" -}}
name: {{ include "tokenlease.backupName" (index . 0) }}
namespace: {{ (index . 0).Release.Namespace }}
{{- include "tokenlease.annotations" . }}
labels:
  {{- include "tokenlease.labels" (list (index . 0) "backup") | nindent 2 }}
{{- end }}

{{/* The server's, but where it is put: its volume is there alone. */}}
{{- define "tokenlease.backupPlacement" -}}
{{- include "tokenlease.placement" (omit .Values.server "affinity") }}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "tokenlease.selector" (list . "server") | nindent 12 }}
{{- end }}

{{- define "tokenlease.backupVolumes" -}}
- name: data
  persistentVolumeClaim: {claimName: {{ default (printf "data-%s-0" (include "tokenlease.fullname" .)) .Values.ledger.embedded.volume.existingClaim }}}
- name: copies
  persistentVolumeClaim: {claimName: {{ default (include "tokenlease.backupName" .) .Values.ledger.embedded.backup.volume.existingClaim }}}
{{- end }}
