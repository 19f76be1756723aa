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
    checksum/config: {{ include "tokenlease.gatewayConfig" . | sha256sum }}
    {{- include "tokenlease.secretsChecksum" (list . (include "tokenlease.gatewaySecrets" .)) | nindent 4 }}
    {{- with $gateway.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tokenlease.serviceAccount" . }}
  {{- include "tokenlease.pod" . | nindent 2 }}
  {{- include "tokenlease.placement" $gateway | nindent 2 }}
  {{- include "tokenlease.spread" (list . $gateway "gateway") | nindent 2 }}
  # The wait before the stop, the drain, and 10 s in which the rest of the leases is given back.
  terminationGracePeriodSeconds: {{ add $gateway.stopDelaySeconds $gateway.drainSeconds 10 }}
  {{- with $gateway.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: gateway
      {{- include "tokenlease.container" (list . "openai-gateway") | nindent 6 }}
      args:
        {{- include "tokenlease.gatewayArgs" . | nindent 8 }}
      {{- with include "tokenlease.gatewayEnv" . | fromYamlArray }}
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
        {{- include "tokenlease.clientMounts" . | nindent 8 }}
        {{- if .Values.tls.gatewaySecret }}
        - {name: certificate, mountPath: /etc/tokenlease/certificate, readOnly: true}
        {{- end }}
        {{- if $gateway.tls.secret }}
        - {name: tls, mountPath: /etc/tokenlease/tls, readOnly: true}
        {{- end }}
        {{- with $gateway.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $gateway.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "tokenlease.fullname" . }}-gateway}
    {{- include "tokenlease.clientVolumes" . | nindent 4 }}
    {{- with .Values.tls.gatewaySecret }}
    - name: certificate
      secret: {secretName: {{ . }}}
    {{- end }}
    {{- with $gateway.tls.secret }}
    - name: tls
      secret: {secretName: {{ . }}}
    {{- end }}
    {{- with $gateway.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "tokenlease.gatewayArgs" -}}
{{- $gateway := .Values.gateway -}}
- --listen={{ include "tokenlease.any" (list . $gateway.service) }}:{{ $gateway.port }}
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
{{- if .Values.tls.serverCa }}
- --quota-ca-file=/etc/tokenlease/server-ca/ca.crt
{{- end }}
{{- if .Values.tls.gatewaySecret }}
- --quota-client-cert-file=/etc/tokenlease/certificate/tls.crt
- --quota-client-key-file=/etc/tokenlease/certificate/tls.key
{{- end }}
{{- if $gateway.tls.secret }}
- --tls-cert=/etc/tokenlease/tls/tls.crt
- --tls-key=/etc/tokenlease/tls/tls.key
{{- end }}
{{- if eq (include "tokenlease.masterKey" .) "anonymous" }}
- --allow-anonymous
{{- end }}
{{- range $name, $value := $gateway.flags }}
- --{{ $name | replace "_" "-" }}={{ if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ $value }}{{ end }}
{{- end }}
{{- end }}

{{/* A gateway without a quota server is no dead one: its leases in hand are good, and a restart would lose them. */}}
{{- define "tokenlease.gatewayProbes" -}}
{{- range $which := list "startup" "liveness" "readiness" }}
{{- include "tokenlease.probe" (list $.Values.gateway $which "/healthz" (include "tokenlease.gatewayScheme" $ | upper)) }}
{{- end }}
{{- end }}

{{- define "tokenlease.gatewayScheme" -}}
{{- ternary "https" "http" (not (empty .Values.gateway.tls.secret)) }}
{{- end }}

{{/* Where the key is from that callers must show: `own`, in the file or a variable, `generated`, `secret`, or `anonymous`. */}}
{{- define "tokenlease.masterKey" -}}
{{- $variables := list }}
{{- range .Values.gateway.env }}{{ $variables = append $variables .name }}{{ end }}
{{- if or (dig "general_settings" "master_key" "" .Values.gateway.config) (has "LITELLM_MASTER_KEY" $variables) }}own{{ else }}{{ .Values.gateway.access.mode }}{{ end }}
{{- end }}

{{/* LiteLLM's file as it is, but that it asks for a key. */}}
{{- define "tokenlease.gatewayConfig" -}}
{{- $config := deepCopy .Values.gateway.config -}}
{{- if has (include "tokenlease.masterKey" .) (list "generated" "secret") }}
{{- $settings := merge (dict "master_key" "os.environ/LITELLM_MASTER_KEY") (default dict $config.general_settings) }}
{{- $_ := set $config "general_settings" $settings }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "tokenlease.gatewayEnv" -}}
{{- with include "tokenlease.masterKeySecret" . | fromJson }}
{{ include "tokenlease.secretVariable" (list "LITELLM_MASTER_KEY" .) }}
{{- end }}
{{- with .Values.gateway.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where the key is, as JSON, if the chart gives it. */}}
{{- define "tokenlease.masterKeySecret" -}}
{{- $mode := include "tokenlease.masterKey" . -}}
{{- if eq $mode "generated" }}
{{- toJson (dict "name" (printf "%s-gateway-key" (include "tokenlease.fullname" .)) "key" "master-key") }}
{{- else if eq $mode "secret" }}
{{- toJson .Values.gateway.access.secret }}
{{- else }}{}
{{- end }}
{{- end }}
