{{/*
A secret that is made at the first install and kept over upgrades. `lookup` finds nothing where a chart is only rendered: tools that
render and compare take a secret of their own. Takes (list . suffix key prefix).
*/}}
{{- define "tokenlease.generated" -}}
{{- $root := index . 0 -}}
{{- $secret := lookup "v1" "Secret" $root.Release.Namespace (printf "%s%s" (include "tokenlease.fullname" $root) (index . 1)) -}}
{{- $kept := get (default dict $secret.data) (index . 2) -}}
{{- if $kept }}{{ b64dec $kept }}{{ else }}{{ index . 3 }}{{ randBytes 32 | b64dec | sha256sum }}{{ end }}
{{- end }}
