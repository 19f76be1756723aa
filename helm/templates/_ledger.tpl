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
{{- with $ledger.postgres.passwordSecret }}
{{ include "tokenlease.secretVariable" (list "PGPASSWORD" .) }}
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
{{- end }}
{{- end }}

{{/* The files that these variables name. */}}
{{- define "tokenlease.ledgerMounts" -}}
{{- range $store := splitList " " (include "tokenlease.verifiedStores" .) | compact }}
- {name: {{ $store }}-ca, mountPath: /etc/tokenlease/{{ $store }}-ca, readOnly: true}
{{- end }}
{{- if include "tokenlease.postgresClient" . }}
- {name: postgres-client, mountPath: /etc/tokenlease/postgres-client, readOnly: true}
{{- end }}
{{- end }}

{{- define "tokenlease.ledgerVolumes" -}}
{{- range $store := splitList " " (include "tokenlease.verifiedStores" .) | compact }}
- name: {{ $store }}-ca
  {{- $ca := (index $.Values.ledger $store).ca }}
  secret:
    secretName: {{ $ca.name }}
    items: [{key: {{ $ca.key }}, path: ca.crt}]
{{- end }}
{{- with include "tokenlease.postgresClient" . }}
- name: postgres-client
  secret: {secretName: {{ . }}}
{{- end }}
{{- end }}

{{/* The secret with what PostgreSQL is shown, if the rung has one. */}}
{{- define "tokenlease.postgresClient" -}}
{{- if ne .Values.ledger.kind "embedded" }}{{ .Values.ledger.postgres.clientSecret }}{{ end }}
{{- end }}

{{/* The stores of the rung of which the certificate's authorities are given, by name. */}}
{{- define "tokenlease.verifiedStores" -}}
{{- $ledger := .Values.ledger -}}
{{- if and $ledger.postgres.ca (ne $ledger.kind "embedded") }}postgres{{ end }} {{ if and $ledger.redis.ca (eq $ledger.kind "redis") }}redis{{ end }}
{{- end }}

{{/* Whether a job migrates before servers start; a volume has no job, its one server does it. */}}
{{- define "tokenlease.hasMigration" -}}
{{- if and (ne .Values.ledger.kind "embedded") .Values.ledger.migrate.enabled }}yes{{ end }}
{{- end }}
