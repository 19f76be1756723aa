{{/* How people come in from outside: an Ingress, or a route of the Gateway API. Both take (list . settings component suffix). */}}

{{- define "tokenlease.ingress" -}}
{{- $root := index . 0 -}}
{{- $ingress := (index . 1).ingress -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "tokenlease.metadata" (list $root (index . 2) (index . 3) $ingress.annotations) | nindent 2 }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with $ingress.tlsSecret }}
  tls:
    - hosts: [{{ $ingress.host | quote }}]
      secretName: {{ . }}
  {{- end }}
  rules:
    - host: {{ $ingress.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "tokenlease.fullname" $root }}{{ index . 3 }}
                port:
                  name: http
{{- end }}

{{- define "tokenlease.httpRoute" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $route := $settings.httpRoute -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "tokenlease.metadata" (list $root (index . 2) (index . 3) $route.annotations) | nindent 2 }}
spec:
  parentRefs:
    {{- toYaml $route.parentRefs | nindent 4 }}
  {{- with $route.hostnames }}
  hostnames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    - backendRefs:
        - name: {{ include "tokenlease.fullname" $root }}{{ index . 3 }}
          port: {{ default $settings.port $settings.service.port }}
      {{- with $route.timeouts }}
      timeouts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
