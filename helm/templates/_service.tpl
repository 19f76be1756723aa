{{/* Of which families of addresses a service has some. Takes its settings. */}}
{{- define "tokenlease.families" -}}
{{- with .ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .ipFamilies }}
ipFamilies: [{{ join ", " . }}]
{{- end }}
{{- end }}

{{/* All of the pod's addresses. `::` takes IPv4 too; without IPv6 there is no `::`. Takes (list . settings of a service). */}}
{{- define "tokenlease.any" -}}
{{- $isDual := hasSuffix "DualStack" (index . 1).ipFamilyPolicy -}}
{{ ternary "[::]" "0.0.0.0" (or $isDual (eq (index . 0).Values.server.ipFamily "IPv6")) }}
{{- end }}
