{{/* The pods of gateways. */}}

{{- define "tokenlease.gatewayPod" -}}
{{- $gateway := .Values.gateway -}}
metadata:
  labels:
    {{- include "tokenlease.podLabels" (list . "gateway") | nindent 4 }}
    {{- with $gateway.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ toYaml $gateway.config | sha256sum }}
    {{- with $gateway.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tokenlease.serviceAccount" . }}
  {{- include "tokenlease.pod" (list .) | nindent 2 }}
  {{- include "tokenlease.placement" (list . $gateway "gateway") | nindent 2 }}
  # The wait before the stop, the drain, and 10 s in which the rest of the leases is given back.
  terminationGracePeriodSeconds: {{ add $gateway.stopDelaySeconds $gateway.drainSeconds 10 }}
  containers:
    - name: gateway
      {{- include "tokenlease.container" (list . "openai-gateway") | nindent 6 }}
      args:
        {{- include "tokenlease.gatewayArgs" . | nindent 8 }}
      {{- with $gateway.env }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ $gateway.port }}
      {{- include "tokenlease.gatewayProbes" . | nindent 6 }}
      {{- include "tokenlease.lifecycle" $gateway | nindent 6 }}
      resources:
        {{- toYaml $gateway.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/tokenlease/gateway, readOnly: true}
        {{- if include "tokenlease.quotaToken" . }}
        - {name: quota-token, mountPath: /etc/tokenlease/quota-token, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "tokenlease.fullname" . }}-gateway}
    {{- with include "tokenlease.quotaToken" . }}
    - name: quota-token
      {{- . | nindent 6 }}
    {{- end }}
{{- end }}

{{- define "tokenlease.gatewayArgs" -}}
{{- $gateway := .Values.gateway -}}
- --listen={{ ternary "[::]" "0.0.0.0" (eq .Values.server.ipFamily "IPv6") }}:{{ $gateway.port }}
- --config=/etc/tokenlease/gateway/config.yaml
- --quota-url={{ include "tokenlease.serversUrl" . }}
- --holder={{ include "tokenlease.fullname" . }}-gateway
- --drain-ms={{ mul $gateway.drainSeconds 1000 }}
{{- if not (hasKey $gateway.flags "log_format") }}
- --log-format=json
{{- end }}
{{- if include "tokenlease.quotaToken" . }}
- --quota-token-file=/etc/tokenlease/quota-token/token
{{- end }}
{{- if $gateway.register }}
- --register
{{- end }}
{{- range $name, $value := $gateway.flags }}
- --{{ $name | replace "_" "-" }}={{ if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ $value }}{{ end }}
{{- end }}
{{- end }}

{{/* The volume with the token for the quota server, if one is needed. */}}
{{- define "tokenlease.quotaToken" -}}
{{- if .Values.gateway.quotaToken }}
secret:
  secretName: {{ .Values.gateway.quotaToken.name }}
  items: [{key: {{ .Values.gateway.quotaToken.key }}, path: token}]
{{- else if eq .Values.access.mode "generated" }}
secret:
  secretName: {{ include "tokenlease.fullname" . }}-tokens
  items: [{key: {{ ternary "admin" "gateway" .Values.gateway.register }}-token, path: token}]
{{- end }}
{{- end }}

{{/* A gateway without a quota server is no dead one: its leases in hand are good, and a restart would lose them. */}}
{{- define "tokenlease.gatewayProbes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}
