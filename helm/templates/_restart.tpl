{{/*
Who reads a secret at its start must be started again when it changes. What is in it is found where the chart is installed, not
where it is only rendered. Files of tokens, certificates and passwords are not in here: programs read them again.
*/}}

{{/* The line of a pod's annotations, if there is something to go by. Takes (list . references), as JSON. */}}
{{- define "tokenlease.secretsChecksum" -}}
{{- $root := index . 0 -}}
{{- $found := dict -}}
{{- if $root.Values.restartOnSecretChange }}
{{- range index . 1 | fromJsonArray }}
{{- $data := default dict (lookup "v1" "Secret" $root.Release.Namespace .name).data }}
{{- $_ := set $found (printf "%s/%s" .name .key) (get $data .key) }}
{{- end }}
{{- end }}
{{- if without (values $found) "" }}
checksum/secrets: {{ toJson $found | sha256sum }}
{{- end }}
{{- end }}

{{- define "tokenlease.serverSecrets" -}}
{{- $ledger := .Values.ledger -}}
{{- $stores := ternary list (ternary (list $ledger.postgres $ledger.redis) (list $ledger.postgres) (eq $ledger.kind "redis")) (eq $ledger.kind "embedded") -}}
{{- $references := list -}}
{{- range $store := $stores }}
{{- with $store.urlSecret }}
{{- $references = append $references . }}
{{- end }}
{{- end }}
{{- concat $references (include "tokenlease.environmentSecrets" .Values.server | fromJsonArray) | toJson }}
{{- end }}

{{- define "tokenlease.gatewaySecrets" -}}
{{- $references := include "tokenlease.environmentSecrets" .Values.gateway | fromJsonArray -}}
{{- range list .Values.gateway.quotaToken .Values.gateway.access.secret }}
{{- with . }}
{{- $references = append $references . }}
{{- end }}
{{- end }}
{{- toJson $references }}
{{- end }}

{{/* What variables of a pod's containers name. Takes its settings. */}}
{{- define "tokenlease.environmentSecrets" -}}
{{- $variables := .env -}}
{{- range concat .extraContainers .extraInitContainers }}
{{- $variables = concat $variables (default list .env) }}
{{- end }}
{{- $references := list -}}
{{- range $variables }}
{{- with dig "valueFrom" "secretKeyRef" dict . }}
{{- $references = append $references (pick . "name" "key") }}
{{- end }}
{{- end }}
{{- toJson $references }}
{{- end }}
