{{/* The settings of servers: `config`, and over it what the chart sets itself. */}}
{{- define "tokenlease.quotaToml" -}}
{{- $own := dict "http" (fromJson (include "tokenlease.httpSettings" .)) -}}
{{- $_ := set $own "ledger" (fromJson (include "tokenlease.ledgerSettings" .)) -}}
{{- $_ := set $own "access" (fromJson (include "tokenlease.accessSettings" .)) -}}
{{- $_ := set $own "tls" (fromJson (include "tokenlease.tlsSettings" .)) -}}
{{- include "tokenlease.toml" (mergeOverwrite (deepCopy .Values.config) $own) }}
{{- end }}

{{- define "tokenlease.httpSettings" -}}
{{- $any := include "tokenlease.any" (list . .Values.server.service) -}}
{{- toJson (dict "listen" (printf "%s:%v" $any .Values.server.port)) }}
{{- end }}

{{- define "tokenlease.tlsSettings" -}}
{{- $tls := dict -}}
{{- if .Values.tls.secret }}
{{- $_ := set $tls "tls_cert" "/etc/tokenlease/tls/tls.crt" }}
{{- $_ := set $tls "tls_key" "/etc/tokenlease/tls/tls.key" }}
{{- end }}
{{- if .Values.tls.clientCa }}
{{- $_ := set $tls "tls_client_ca" "/etc/tokenlease/client-ca/ca.crt" }}
{{- /* A kubelet's probes show none. */}}
{{- $_ := set $tls "tls_client_auth" "optional" }}
{{- end }}
{{- toJson $tls }}
{{- end }}

{{- define "tokenlease.ledgerSettings" -}}
{{- $ledger := dict "no_migrate" (not (empty (include "tokenlease.hasMigration" .))) -}}
{{- if eq .Values.ledger.kind "embedded" }}
{{- $_ := set $ledger "data_dir" "/var/lib/tokenlease" }}
{{- end }}
{{- if include "tokenlease.deployments" . | fromJson }}
{{- $_ := set $ledger "deployments" "/etc/tokenlease/deployments/deployments.yaml" }}
{{- end }}
{{- toJson $ledger }}
{{- end }}

{{- define "tokenlease.accessSettings" -}}
{{- if eq .Values.access.mode "anonymous" }}
{{- toJson (dict "allow_anonymous" true) }}
{{- else }}
{{- toJson (dict "tokens_file" "/etc/tokenlease/tokens/tokens.toml") }}
{{- end }}
{{- end }}

{{/*
A TOML file of sections with scalars. Helm's own `toToml` turns whole numbers into floats. JSON's strings are TOML's too.
*/}}
{{- define "tokenlease.toml" -}}
{{- range $section, $settings := . }}
{{- if $settings }}
[{{ $section }}]
{{- range $key, $value := $settings }}
{{ $key }} = {{ if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ toJson $value }}{{ end }}
{{- end }}
{{ end }}
{{- end }}
{{- end }}
