{{/* The rules of files/alerts.yaml, with what `monitoring.alerts` says of them. */}}

{{- define "tokenlease.alertGroups" -}}
{{- $alerts := .Values.monitoring.alerts -}}
groups:
  {{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups }}
  - name: {{ .name }}
    rules:
      {{- range .rules }}
      {{- include "tokenlease.alertRules" (list $ . (get $alerts.rules .alert | default dict)) | nindent 6 }}
      {{- end }}
  {{- end }}
{{- end }}

{{/* One for each of its exceptions, and one for what is left. Takes (list . rule settings). */}}
{{- define "tokenlease.alertRules" -}}
{{- $settings := omit (index . 2) "except" -}}
{{- $before := list -}}
{{- range (index . 2).except }}
{{- $ids := include "tokenlease.idsOf" (list (index $ 0) .) }}
{{- $own := deepCopy $settings }}
{{- range $key, $value := omit . "ids" "labels" }}
{{- $_ := set $own $key $value }}
{{- end }}
{{- include "tokenlease.alertRule" (list (index $ 0) (index $ 1) $own $ids $before) }}
{{- $before = append $before $ids }}
{{- end }}
{{- include "tokenlease.alertRule" (list (index . 0) (index . 1) $settings "" $before) }}
{{- end }}

{{/* A pattern of the ids that an exception is about. Takes (list . exception). */}}
{{- define "tokenlease.idsOf" -}}
{{- $exception := index . 1 -}}
{{- if $exception.ids }}
{{- $exception.ids }}
{{- else }}
{{- $ids := list }}
{{- range $id, $deployment := (index . 0).Values.deployments }}
{{- $labels := default dict $deployment.labels }}
{{- if eq (toJson (merge (dict) $exception.labels $labels)) (toJson $labels) }}
{{- $ids = append $ids (regexQuoteMeta $id) }}
{{- end }}
{{- end }}
{{- if not $ids }}
{{- fail (printf "monitoring.alerts.rules: no deployment of `deployments` has the labels %s; name others by ids" (toJson $exception.labels)) }}
{{- end }}
{{- join "|" $ids }}
{{- end }}
{{- end }}

{{/* Takes (list . rule settings ids before): of these deployments, all where empty, but not of those before. */}}
{{- define "tokenlease.alertRule" -}}
{{- $alerts := (index . 0).Values.monitoring.alerts -}}
{{- $settings := index . 2 -}}
{{- if dig "enabled" true $settings }}
{{- $rule := deepCopy (index . 1) }}
{{- $_ := set $rule "expr" (include "tokenlease.alertExpression" .) }}
{{- $severity := dig "severity" $rule.labels.severity $settings }}
{{- $labels := dict "severity" (get $alerts.severities $severity | default $severity) }}
{{- $_ := set $rule "labels" (merge $labels (dig "labels" dict $settings) $alerts.labels) }}
{{- with $settings.for }}
{{- $_ := set $rule "for" . }}
{{- end }}
{{- with $alerts.runbookUrl }}
{{- $_ := set $rule.annotations "runbook_url" (replace "docs/runbook.md" . $rule.annotations.runbook_url) }}
{{- end }}
{{ list $rule | toYaml }}
{{- end }}
{{- end }}

{{- define "tokenlease.alertExpression" -}}
{{- $settings := index . 2 -}}
{{- $expression := (index . 1).expr -}}
{{- if hasKey $settings "threshold" }}
{{- $expression = regexReplaceAll "[0-9.]+ # threshold" $expression (printf "%v # threshold" $settings.threshold) }}
{{- end }}
{{- $matchers := list }}
{{- with index . 3 }}
{{- $matchers = append $matchers (printf "deployment=~%q" .) }}
{{- end }}
{{- range index . 4 }}
{{- $matchers = append $matchers (printf "deployment!~%q" .) }}
{{- end }}
{{- if $matchers }}
{{- /* Every metric of a deployment gets them, before matchers of its own. */}}
{{- $expression = regexReplaceAll "((?:quota_deployment|openai_gateway)_[a-z_]+)([^a-z_])" $expression "${1}{@}${2}" }}
{{- $expression = $expression | replace "{@}{" "{@," | replace "@" (join "," $matchers) }}
{{- end }}
{{- $expression }}
{{- end }}

{{/* What is said of alerts that there are not, or that have none of it. */}}
{{- define "tokenlease.refuseAlerts" -}}
{{- $rules := dict }}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups }}
{{- range .rules }}
{{- $_ := set $rules .alert . }}
{{- end }}
{{- end }}
{{- range $name, $settings := .Values.monitoring.alerts.rules }}
{{- $rule := get $rules $name }}
{{- if not $rule }}
{{- fail (printf "monitoring.alerts.rules.%s: there is no alert of this name" $name) }}
{{- end }}
{{- $thresholds := list (hasKey $settings "threshold") }}
{{- range $settings.except }}
{{- $thresholds = append $thresholds (hasKey . "threshold") }}
{{- end }}
{{- if and (has true $thresholds) (not (contains "# threshold" $rule.expr)) }}
{{- fail (printf "monitoring.alerts.rules.%s: this alert has no threshold" $name) }}
{{- end }}
{{- if and $settings.except (not (contains "$labels.deployment" $rule.annotations.summary)) }}
{{- fail (printf "monitoring.alerts.rules.%s.except: this alert is not of a deployment" $name) }}
{{- end }}
{{- end }}
{{- end }}
