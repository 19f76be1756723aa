{{/*
What servers are told of deployments, as JSON: `deployments`, and with `gateway.register` what has limits in gateways' configuration.
So no gateway needs a token that may change limits. The id that a gateway makes of an entry without one depends on the provider's
key, which nobody knows here.
*/}}
{{- define "tokenlease.deployments" -}}
{{- $all := deepCopy .Values.deployments -}}
{{- if and .Values.gateway.enabled .Values.gateway.register }}
{{- $terms := pick (default dict .Values.gateway.config.quota_server) "window" "reservation" "settlement" "refused" }}
{{- range .Values.gateway.config.model_list }}
{{- $limits := include "tokenlease.entryLimits" . | fromJson }}
{{- $id := dig "id" "" (default dict .model_info) }}
{{- if and $limits (not $id) }}
{{- fail (printf "gateway.register needs a model_info.id for each entry with limits: %s has none" .model_name) }}
{{- end }}
{{- if and $limits (hasKey $all $id) }}
{{- fail (printf "gateway.register: the limits of %s are told twice, in deployments or another entry too" $id) }}
{{- end }}
{{- if $limits }}
{{- $_ := set $all $id (merge $limits (dict "model_group" .model_name) $terms) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $all }}
{{- end }}

{{/* LiteLLM's three places, in its order. Takes an entry of the model list. */}}
{{- define "tokenlease.entryLimits" -}}
{{- $limits := dict }}
{{- range $place := list . .litellm_params (default dict .model_info) }}
{{- range $key := list "tpm" "rpm" }}
{{- $limit := printf "%s_limit" $key }}
{{- if and (hasKey $place $key) (not (hasKey $limits $limit)) }}
{{- $_ := set $limits $limit (get $place $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $limits }}
{{- end }}
