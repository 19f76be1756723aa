{{/* The ledger, as variables: they name secrets, and a job that migrates needs nothing else. */}}
{{- define "tokenlease.ledgerEnv" -}}
{{- $ledger := .Values.ledger -}}
- name: QUOTA_LEDGER
  value: {{ $ledger.kind }}
{{- if ne $ledger.kind "embedded" }}
{{- if $ledger.postgres.url }}
- name: QUOTA_DATABASE_URL
  value: {{ $ledger.postgres.url | quote }}
{{- else }}
{{ include "tokenlease.secretVariable" (list "QUOTA_DATABASE_URL" $ledger.postgres.urlSecret) }}
{{- end }}
{{- if $ledger.postgres.passwordSecret }}
- {name: QUOTA_DATABASE_PASSWORD_FILE, value: /etc/tokenlease/postgres-password/password}
{{- end }}
{{- if $ledger.postgres.ca }}
# What `sslmode` in the URL overrules.
- {name: PGSSLMODE, value: verify-full}
- {name: PGSSLROOTCERT, value: /etc/tokenlease/postgres-ca/ca.crt}
{{- end }}
{{- if $ledger.postgres.clientSecret }}
- {name: PGSSLCERT, value: /etc/tokenlease/postgres-client/tls.crt}
- {name: PGSSLKEY, value: /etc/tokenlease/postgres-client/tls.key}
{{- end }}
{{- end }}
{{- if eq $ledger.kind "redis" }}
{{- if $ledger.redis.url }}
- name: QUOTA_REDIS_URL
  value: {{ $ledger.redis.url | quote }}
{{- else }}
{{ include "tokenlease.secretVariable" (list "QUOTA_REDIS_URL" $ledger.redis.urlSecret) }}
{{- end }}
{{- if $ledger.redis.ca }}
- {name: QUOTA_REDIS_CA, value: /etc/tokenlease/redis-ca/ca.crt}
{{- end }}
{{- if $ledger.redis.clientSecret }}
- {name: QUOTA_REDIS_CERT, value: /etc/tokenlease/redis-client/tls.crt}
- {name: QUOTA_REDIS_KEY, value: /etc/tokenlease/redis-client/tls.key}
{{- end }}
{{- if $ledger.redis.passwordSecret }}
- {name: QUOTA_REDIS_PASSWORD_FILE, value: /etc/tokenlease/redis-password/password}
{{- end }}
{{- with $ledger.redis.sentinel.user }}
- {name: QUOTA_REDIS_SENTINEL_USER, value: {{ . | quote }}}
{{- end }}
{{- if $ledger.redis.sentinel.passwordSecret }}
- {name: QUOTA_REDIS_SENTINEL_PASSWORD_FILE, value: /etc/tokenlease/sentinel-password/password}
{{- end }}
{{- end }}
{{- end }}

{{/* The files that these variables name. */}}
{{- define "tokenlease.ledgerMounts" -}}
{{- range $folder, $_ := include "tokenlease.ledgerFiles" . | fromJson }}
- {name: {{ $folder }}, mountPath: /etc/tokenlease/{{ $folder }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "tokenlease.ledgerVolumes" -}}
{{- range $folder, $secret := include "tokenlease.ledgerFiles" . | fromJson }}
- name: {{ $folder }}
  secret:
    {{- toYaml $secret | nindent 4 }}
{{- end }}
{{- end }}

{{/* Each folder and the secret in it, as JSON: of the stores of the rung. */}}
{{- define "tokenlease.ledgerFiles" -}}
{{- $ledger := .Values.ledger -}}
{{- $files := dict -}}
{{- $stores := ternary list (ternary (list "postgres" "redis") (list "postgres") (eq $ledger.kind "redis")) (eq $ledger.kind "embedded") -}}
{{- range $store := $stores }}
{{- $settings := index $ledger $store }}
{{- include "tokenlease.addFile" (list $files (printf "%s-ca" $store) $settings.ca "ca.crt") }}
{{- include "tokenlease.addFile" (list $files (printf "%s-password" $store) $settings.passwordSecret "password") }}
{{- with $settings.clientSecret }}
{{- $_ := set $files (printf "%s-client" $store) (dict "secretName" .) }}
{{- end }}
{{- end }}
{{- if eq $ledger.kind "redis" }}
{{- include "tokenlease.addFile" (list $files "sentinel-password" $ledger.redis.sentinel.passwordSecret "password") }}
{{- end }}
{{- toJson $files }}
{{- end }}

{{/* Takes (list files folder reference name). */}}
{{- define "tokenlease.addFile" -}}
{{- $name := index . 3 -}}
{{- $folder := index . 1 -}}
{{- $files := index . 0 -}}
{{- with index . 2 }}
{{- $_ := set $files $folder (dict "secretName" .name "items" (list (dict "key" .key "path" $name))) }}
{{- end }}
{{- end }}

{{/* Whether a job migrates before servers start; a volume has no job, its one server does it. */}}
{{- define "tokenlease.hasMigration" -}}
{{- if and (ne .Values.ledger.kind "embedded") .Values.ledger.migrate.enabled }}yes{{ end }}
{{- end }}
