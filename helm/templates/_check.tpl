{{/* What `helm test` asks. A lease needs a token, if servers do. */}}
{{- define "tokenlease.checkArgs" -}}
- check
- --url={{ include "tokenlease.serversUrl" . }}
{{- $token := include "tokenlease.quotaToken" . }}
{{- if $token }}
- --token-file=/etc/tokenlease/quota-token/token
{{- end }}
{{- if .Values.tls.serverCa }}
- --ca-file=/etc/tokenlease/server-ca/ca.crt
{{- end }}
{{- $deployments := include "tokenlease.deployments" . | fromJson }}
{{- if and $deployments (or $token (eq .Values.access.mode "anonymous")) }}
- --deployment={{ keys $deployments | sortAlpha | first }}
{{- end }}
{{- end }}
