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
{{- end }}
{{- if eq $ledger.kind "redis" }}
{{- if $ledger.redis.url }}
- name: QUOTA_REDIS_URL
  value: {{ $ledger.redis.url | quote }}
{{- else }}
{{ include "tokenlease.secretVariable" (list "QUOTA_REDIS_URL" $ledger.redis.urlSecret) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether a job migrates before servers start; a volume has no job, its one server does it. */}}
{{- define "tokenlease.hasMigration" -}}
{{- if and (ne .Values.ledger.kind "embedded") .Values.ledger.migrate.enabled }}yes{{ end }}
{{- end }}
