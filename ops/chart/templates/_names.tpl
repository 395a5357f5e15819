{{- define "rag-streams.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "rag-streams.labels" -}}
app.kubernetes.io/name: rag-streams
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* What a part's pods are found by: (list $ "index"). */ -}}
{{- define "rag-streams.selector" -}}
app.kubernetes.io/name: rag-streams
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "rag-streams.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "rag-streams.ollama" -}}
{{- if .Values.ollama.enabled -}}
http://{{ include "rag-streams.name" . }}-ollama:11434
{{- else -}}
{{ required "ollama.url: where is the Ollama that is not part of this release?" .Values.ollama.url }}
{{- end -}}
{{- end -}}

{{- define "rag-streams.weaviate" -}}
{{- if .Values.weaviate.enabled -}}
http://{{ include "rag-streams.name" . }}-weaviate:8080
{{- else -}}
{{ required "weaviate.url: where is the Weaviate that is not part of this release?" .Values.weaviate.url }}
{{- end -}}
{{- end -}}

{{- define "rag-streams.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "rag-streams.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "rag-streams.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The settings that every program of ours has; secrets by reference alone. */ -}}
{{- define "rag-streams.environment" -}}
envFrom:
  - configMapRef: {name: {{ include "rag-streams.name" . }}-settings}
env:
  - name: STREAMS_WEAVIATE_API_KEY
    valueFrom: {secretKeyRef: {name: {{ required "weaviate.apiKeySecret: name a Secret with the key `api-key`" .Values.weaviate.apiKeySecret }}, key: api-key}}
{{- if .Values.kafka.saslSecret }}
  - name: STREAMS_KAFKA_SASL_USERNAME
    valueFrom: {secretKeyRef: {name: {{ .Values.kafka.saslSecret }}, key: username}}
  - name: STREAMS_KAFKA_SASL_PASSWORD
    valueFrom: {secretKeyRef: {name: {{ .Values.kafka.saslSecret }}, key: password}}
{{- end }}
{{- end -}}

{{- define "rag-streams.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: state, mountPath: /var/lib/rag-streams}
{{- if .Values.sources }}
- {name: sources, mountPath: /etc/rag-streams, readOnly: true}
{{- end }}
{{- if .Values.kafka.caSecret }}
- {name: kafka-ca, mountPath: /etc/kafka-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "rag-streams.volumes" -}}
- {name: tmp, emptyDir: {}}
- {name: state, emptyDir: {}}
{{- if .Values.sources }}
- name: sources
  configMap: {name: {{ include "rag-streams.name" . }}-sources}
{{- end }}
{{- if .Values.kafka.caSecret }}
- name: kafka-ca
  secret: {secretName: {{ .Values.kafka.caSecret }}}
{{- end }}
{{- end -}}
