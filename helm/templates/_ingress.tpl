{{/* Takes (list . settings component suffix port). */}}
{{- define "tokenlease.ingress" -}}
{{- $root := index . 0 -}}
{{- $ingress := (index . 1).ingress -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "tokenlease.metadata" (list $root (index . 2) (index . 3)) | nindent 2 }}
  {{- with $ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
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
