{{/*
What no single value shows to be wrong, told in a sentence. What one shows, values.schema.json refuses.
*/}}
{{- define "tokenlease.refuseContradictions" -}}
{{- include "tokenlease.refuseImage" . }}
{{- include "tokenlease.refuseLedger" . }}
{{- include "tokenlease.refuseServers" . }}
{{- include "tokenlease.refuseAccess" . }}
{{- include "tokenlease.refuseAudit" . }}
{{- include "tokenlease.refuseAlerts" . }}
{{- include "tokenlease.refuseGateway" . }}
{{- end }}

{{- define "tokenlease.refuseImage" -}}
{{- $first := splitList "/" .Values.image.repository | first }}
{{- if and (contains "/" .Values.image.repository) (or (regexMatch "[.:]" $first) (eq $first "localhost")) }}
{{- fail (printf "image.repository names a registry, %s: that is image.registry, so that global.imageRegistry can stand in its place" $first) }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseLedger" -}}
{{- $ledger := .Values.ledger }}
{{- if ne $ledger.kind "embedded" }}
{{- if $ledger.embedded.backup.enabled }}
{{- fail (printf "ledger.embedded.backup is of no use with ledger.kind %s: back up PostgreSQL" $ledger.kind) }}
{{- end }}
{{- include "tokenlease.refuseStore" (list $ledger.kind "postgres" $ledger.postgres) }}
{{- if and $ledger.postgres.passwordSecret $ledger.postgres.urlSecret }}
{{- fail "ledger.postgres.passwordSecret belongs to ledger.postgres.url: a URL from a secret has its password in it" }}
{{- end }}
{{- end }}
{{- $isEncrypted := or $ledger.postgres.ca $ledger.postgres.urlSecret (contains "sslmode=" $ledger.postgres.url) }}
{{- if and $ledger.postgres.clientSecret (not $isEncrypted) }}
{{- fail "ledger.postgres.clientSecret needs ledger.postgres.ca, or sslmode in the URL: without TLS nobody shows a certificate" }}
{{- end }}
{{- if eq $ledger.kind "redis" }}
{{- include "tokenlease.refuseStore" (list "redis" "redis" $ledger.redis) }}
{{- include "tokenlease.refuseRedis" $ledger.redis }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseRedis" -}}
{{- if and .passwordSecret .urlSecret }}
{{- fail "ledger.redis.passwordSecret belongs to ledger.redis.url: a URL from a secret has its password in it" }}
{{- end }}
{{- if and .sentinel.user (not .sentinel.passwordSecret) }}
{{- fail "ledger.redis.sentinel.user needs ledger.redis.sentinel.passwordSecret" }}
{{- end }}
{{- if and .url .sentinel.passwordSecret (not (contains "+sentinel://" .url)) }}
{{- fail "ledger.redis.sentinel.passwordSecret is of no use: ledger.redis.url names no Sentinel" }}
{{- end }}
{{- if and .url .clientSecret (not (hasPrefix "rediss" .url)) }}
{{- fail "ledger.redis.clientSecret needs a ledger.redis.url that begins with rediss: without TLS nobody shows a certificate" }}
{{- end }}
{{- end }}

{{/* Takes (list kind store settings). */}}
{{- define "tokenlease.refuseStore" -}}
{{- $kind := index . 0 }}
{{- $store := index . 1 }}
{{- $settings := index . 2 }}
{{- if not (or $settings.url $settings.urlSecret) }}
{{- fail (printf "ledger.kind %s needs ledger.%s.url or ledger.%s.urlSecret" $kind $store $store) }}
{{- end }}
{{- if and $settings.url $settings.urlSecret }}
{{- fail (printf "ledger.%s.url and ledger.%s.urlSecret are both set: which is it?" $store $store) }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseServers" -}}
{{- $server := .Values.server }}
{{- if and (eq .Values.ledger.kind "embedded") (gt (int $server.replicas) 1) }}
{{- fail "ledger.kind embedded has one server: for more, take postgres or redis" }}
{{- end }}
{{- if and $server.autoscaling.enabled (ne .Values.ledger.kind "redis") }}
{{- fail "server.autoscaling needs ledger.kind redis: elsewhere one server works, however many there are" }}
{{- end }}
{{- include "tokenlease.refuseStrategy" (list "server" $server (eq .Values.ledger.kind "embedded")) }}
{{- include "tokenlease.refuseScale" (list "server" $server) }}
{{- include "tokenlease.refuseEntry" (list "server" $server) }}
{{- include "tokenlease.refuseEgress" . }}
{{- if and .Values.tls.clientCa (not .Values.tls.secret) }}
{{- fail "tls.clientCa needs tls.secret: without TLS nobody shows a certificate" }}
{{- end }}
{{- if and .Values.tls.serverCa (not .Values.tls.secret) }}
{{- fail "tls.serverCa needs tls.secret: without TLS there is no certificate to check" }}
{{- end }}
{{- if and .Values.tls.gatewaySecret (not .Values.tls.clientCa) }}
{{- fail "tls.gatewaySecret needs tls.clientCa: servers take no certificate without it" }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseEgress" -}}
{{- $policy := .Values.server.networkPolicy }}
{{- $isShut := and $policy.enabled (not $policy.egress) (eq .Values.ledger.kind "embedded") }}
{{- if and $isShut (dig "trace" "otlp_endpoint" "" .Values.config) }}
{{- fail "server.networkPolicy.egress must name config.trace.otlp_endpoint: with ledger.kind embedded servers may connect nowhere else" }}
{{- end }}
{{- end }}

{{/* A deployment and a stateful set know different strategies. Takes (list component settings isStatefulSet). */}}
{{- define "tokenlease.refuseStrategy" -}}
{{- $strategy := (index . 1).updateStrategy }}
{{- $type := default "RollingUpdate" $strategy.type }}
{{- $rolling := default dict $strategy.rollingUpdate }}
{{- if and (index . 2) (or (eq $type "Recreate") (hasKey $rolling "maxSurge")) }}
{{- fail (printf "%s.updateStrategy: a stateful set has neither Recreate nor maxSurge, its pod goes before the next one comes" (index . 0)) }}
{{- end }}
{{- if and (not (index . 2)) (or (eq $type "OnDelete") (hasKey $rolling "partition")) }}
{{- fail (printf "%s.updateStrategy: a deployment has neither OnDelete nor partition" (index . 0)) }}
{{- end }}
{{- if and $rolling (ne $type "RollingUpdate") }}
{{- fail (printf "%s.updateStrategy.rollingUpdate is of no use with the type %s" (index . 0) $type) }}
{{- end }}
{{- end }}

{{/* Takes (list component settings). */}}
{{- define "tokenlease.refuseScale" -}}
{{- $scale := (index . 1).autoscaling }}
{{- if gt (int $scale.minReplicas) (int $scale.maxReplicas) }}
{{- fail (printf "%s.autoscaling.minReplicas is above maxReplicas" (index . 0)) }}
{{- end }}
{{- if and $scale.enabled (not (or $scale.targetCPU $scale.targetQueuedCalls $scale.metrics)) }}
{{- fail (printf "%s.autoscaling needs something to go by: targetCPU or metrics" (index . 0)) }}
{{- end }}
{{- end }}

{{/* How it is reached. Takes (list component settings). */}}
{{- define "tokenlease.refuseEntry" -}}
{{- $settings := index . 1 }}
{{- if and $settings.ingress.enabled (not $settings.ingress.host) }}
{{- fail (printf "%s.ingress needs a host" (index . 0)) }}
{{- end }}
{{- if and $settings.httpRoute.enabled (not $settings.httpRoute.parentRefs) }}
{{- fail (printf "%s.httpRoute needs parentRefs: a route that hangs on no gateway leads nowhere" (index . 0)) }}
{{- end }}
{{- if and (gt (len $settings.service.ipFamilies) 1) (not (hasSuffix "DualStack" $settings.service.ipFamilyPolicy)) }}
{{- fail (printf "%s.service.ipFamilies names two: ipFamilyPolicy must be PreferDualStack or RequireDualStack" (index . 0)) }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseAccess" -}}
{{- $access := .Values.access }}
{{- if and (eq $access.mode "secret") (not $access.secret) }}
{{- fail "access.mode secret needs access.secret" }}
{{- end }}
{{- if and (ne $access.mode "secret") $access.secret }}
{{- fail (printf "access.secret is of no use with access.mode %s" $access.mode) }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseAudit" -}}
{{- $audit := .Values.audit }}
{{- $level := dig "log" "log_level" "info" .Values.config }}
{{- if and (eq $audit.to "log") (not (regexMatch "(^|,)(audit=)?(info|debug|trace)(,|$)" $level)) }}
{{- fail (printf "config.log.log_level %s leaves nothing of the audit log: add audit=info, or send it elsewhere with audit.to" $level) }}
{{- end }}
{{- if and $audit.volume.existingClaim (ne $audit.to "claim") }}
{{- fail (printf "audit.volume.existingClaim is of no use with audit.to %s" $audit.to) }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseGateway" -}}
{{- $gateway := .Values.gateway }}
{{- if $gateway.enabled }}
{{- if not $gateway.config.model_list }}
{{- fail "gateway.enabled needs gateway.config with a model_list" }}
{{- end }}
{{- if and (eq .Values.access.mode "secret") (not (or $gateway.quotaToken .Values.tls.gatewaySecret)) }}
{{- fail "gateway.quotaToken must name the gateways' token: the tokens file of access.secret has only hashes, and there is no tls.gatewaySecret" }}
{{- end }}
{{- include "tokenlease.refuseStrategy" (list "gateway" $gateway false) }}
{{- include "tokenlease.refuseGatewayAccess" . }}
{{- include "tokenlease.refuseScale" (list "gateway" $gateway) }}
{{- include "tokenlease.refuseEntry" (list "gateway" $gateway) }}
{{- end }}
{{- end }}

{{- define "tokenlease.refuseGatewayAccess" -}}
{{- $access := .Values.gateway.access }}
{{- if and (eq $access.mode "secret") (not $access.secret) }}
{{- fail "gateway.access.mode secret needs gateway.access.secret" }}
{{- end }}
{{- if and (ne $access.mode "secret") $access.secret }}
{{- fail (printf "gateway.access.secret is of no use with gateway.access.mode %s" $access.mode) }}
{{- end }}
{{- if and (ne $access.mode "generated") (eq (include "tokenlease.masterKey" .) "own") }}
{{- fail (printf "gateway.access.mode %s and a master key of one's own, in gateway.config or gateway.env, are both set: which is it?" $access.mode) }}
{{- end }}
{{- end }}
