{{/* Pods that come, do one thing and go: the migration, and `helm test`. */}}

{{/* Takes (list . settings component). */}}
{{- define "tokenlease.hookPodMetadata" -}}
{{- $settings := index . 1 -}}
labels:
  {{- include "tokenlease.podLabels" (list (index . 0) (index . 2)) | nindent 2 }}
  {{- with $settings.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $settings.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Takes (list mounts settings). */}}
{{- define "tokenlease.hookMounts" -}}
{{- if or (index . 0) (index . 1).extraVolumeMounts }}
volumeMounts:
  {{- index . 0 | nindent 2 }}
  {{- with (index . 1).extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Takes (list volumes settings). */}}
{{- define "tokenlease.hookVolumes" -}}
{{- if or (index . 0) (index . 1).extraVolumes }}
volumes:
  {{- index . 0 | nindent 2 }}
  {{- with (index . 1).extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
