{{/* The pods of servers. */}}

{{- define "tokenlease.serverPod" -}}
metadata:
  labels:
    {{- include "tokenlease.podLabels" (list . "server") | nindent 4 }}
    {{- with .Values.server.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Settings are read at the start. Deployments, tokens and certificates are not in here: servers read them again.
    checksum/config: {{ include "tokenlease.quotaToml" . | sha256sum }}
    {{- include "tokenlease.secretsChecksum" (list . (include "tokenlease.serverSecrets" .)) | nindent 4 }}
    {{- with .Values.server.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tokenlease.serviceAccount" . }}
  {{- include "tokenlease.pod" . | nindent 2 }}
  {{- include "tokenlease.placement" .Values.server | nindent 2 }}
  {{- include "tokenlease.spread" (list . .Values.server "server") | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "tokenlease.serverGrace" . }}
  {{- with .Values.server.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: server
      {{- include "tokenlease.container" (list . "quota-server") | nindent 6 }}
      args: [serve, --config, /etc/tokenlease/server/quota.toml]
      env:
        {{- include "tokenlease.serverEnv" . | nindent 8 }}
      ports:
        - name: http
          containerPort: {{ .Values.server.port }}
      {{- include "tokenlease.serverProbes" . | nindent 6 }}
      {{- include "tokenlease.lifecycle" .Values.server | nindent 6 }}
      resources:
        {{- toYaml .Values.server.resources | nindent 8 }}
      {{- if eq .Values.ledger.kind "embedded" }}
      workingDir: /var/lib/tokenlease
      {{- end }}
      volumeMounts:
        {{- include "tokenlease.serverMounts" . | nindent 8 }}
        {{- with .Values.server.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.server.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "tokenlease.serverVolumes" . | nindent 4 }}
    {{- with .Values.server.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* The wait before the stop, the drain, closing the ledger (10 s at most), and 5 s to spare. */}}
{{- define "tokenlease.serverGrace" -}}
{{- $drain := dig "http" "drain_ms" 10000 .Values.config | float64 }}
{{- add .Values.server.stopDelaySeconds (ceil (divf $drain 1000)) 15 }}
{{- end }}

{{- define "tokenlease.serverEnv" -}}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
# How clients reach this pod: standbys send them to the active server.
- name: QUOTA_ADVERTISE_URL
  value: {{ printf "%s://%s:%v" (ternary "https" "http" (not (empty .Values.tls.secret))) (ternary "[$(POD_IP)]" "$(POD_IP)" (eq .Values.server.ipFamily "IPv6")) .Values.server.port }}
{{- if ne .Values.audit.to "log" }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: QUOTA_AUDIT_LOG
  value: /var/log/tokenlease/$(POD_NAME).jsonl
{{- end }}
{{ include "tokenlease.ledgerEnv" . }}
{{- with .Values.server.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "tokenlease.serverProbes" -}}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty .Values.tls.secret)) -}}
{{- include "tokenlease.probe" (list .Values.server "startup" "/healthz" $scheme) }}
{{- include "tokenlease.probe" (list .Values.server "liveness" "/healthz" $scheme) }}
{{- include "tokenlease.probe" (list .Values.server "readiness" "/readyz" $scheme) }}
{{- end }}

{{- define "tokenlease.serverMounts" -}}
- {name: config, mountPath: /etc/tokenlease/server, readOnly: true}
{{- include "tokenlease.ledgerMounts" . }}
{{- if include "tokenlease.deployments" . | fromJson }}
- {name: deployments, mountPath: /etc/tokenlease/deployments, readOnly: true}
{{- end }}
{{- if ne .Values.access.mode "anonymous" }}
- {name: tokens, mountPath: /etc/tokenlease/tokens, readOnly: true}
{{- end }}
{{- if .Values.tls.secret }}
- {name: tls, mountPath: /etc/tokenlease/tls, readOnly: true}
{{- end }}
{{- if .Values.tls.clientCa }}
- {name: client-ca, mountPath: /etc/tokenlease/client-ca, readOnly: true}
{{- end }}
{{- if eq .Values.ledger.kind "embedded" }}
- {name: data, mountPath: /var/lib/tokenlease}
{{- end }}
{{- if ne .Values.audit.to "log" }}
- {name: audit, mountPath: /var/log/tokenlease}
{{- end }}
{{- end }}

{{- define "tokenlease.serverVolumes" -}}
{{- $name := include "tokenlease.fullname" . -}}
- name: config
  configMap: {name: {{ $name }}-config}
{{- include "tokenlease.ledgerVolumes" . }}
{{- if include "tokenlease.deployments" . | fromJson }}
- name: deployments
  configMap: {name: {{ $name }}-deployments}
{{- end }}
{{- if eq .Values.access.mode "generated" }}
- name: tokens
  secret:
    secretName: {{ $name }}-tokens
    items: [{key: tokens.toml, path: tokens.toml}]
{{- else if eq .Values.access.mode "secret" }}
- name: tokens
  secret:
    secretName: {{ .Values.access.secret.name }}
    items: [{key: {{ .Values.access.secret.key }}, path: tokens.toml}]
{{- end }}
{{- with .Values.tls.secret }}
- name: tls
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .Values.tls.clientCa }}
- name: client-ca
  secret:
    secretName: {{ .name }}
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- if and (eq .Values.ledger.kind "embedded") .Values.ledger.embedded.volume.existingClaim }}
- name: data
  persistentVolumeClaim: {claimName: {{ .Values.ledger.embedded.volume.existingClaim }}}
{{- end }}
{{- if eq .Values.audit.to "scratch" }}
- name: audit
  emptyDir: {}
{{- else if eq .Values.audit.to "claim" }}
- name: audit
  persistentVolumeClaim: {claimName: {{ default (printf "%s%s" $name (include "tokenlease.auditClaim" .)) .Values.audit.volume.existingClaim }}}
{{- end }}
{{- end }}
