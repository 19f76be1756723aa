{{/* What a client of the servers needs: gateways, and `helm test`. */}}

{{/* The secret with the token, if servers want one and the chart knows it. */}}
{{- define "tokenlease.quotaToken" -}}
{{- if .Values.gateway.quotaToken }}
secret:
  secretName: {{ .Values.gateway.quotaToken.name }}
  items: [{key: {{ .Values.gateway.quotaToken.key }}, path: token}]
{{- else if eq .Values.access.mode "generated" }}
secret:
  secretName: {{ include "tokenlease.fullname" . }}-tokens
  items: [{key: gateway-token, path: token}]
{{- end }}
{{- end }}

{{- define "tokenlease.clientMounts" -}}
{{- if include "tokenlease.quotaToken" . }}
- {name: quota-token, mountPath: /etc/tokenlease/quota-token, readOnly: true}
{{- end }}
{{- if .Values.tls.serverCa }}
- {name: server-ca, mountPath: /etc/tokenlease/server-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "tokenlease.clientVolumes" -}}
{{- with include "tokenlease.quotaToken" . }}
- name: quota-token
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.tls.serverCa }}
- name: server-ca
  secret:
    secretName: {{ .name }}
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
