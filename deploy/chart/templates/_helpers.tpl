{{/* The name of nearly everything: berth-operator for the release "berth". */}}
{{- define "berth.name" -}}
{{- if eq .Release.Name "berth" -}}berth-operator
{{- else -}}{{ printf "%s-berth-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "berth.account" -}}
{{ .Values.serviceAccount.name | default (include "berth.name" .) }}
{{- end -}}

{{/* What tells the Pods of this release from all others. */}}
{{- define "berth.selector" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{/* The ConfigMap with flags, or nothing. */}}
{{- define "berth.configMap" -}}
{{- if .Values.configMapName -}}{{ .Values.configMapName }}
{{- else if .Values.config -}}{{ include "berth.name" . }}
{{- end -}}
{{- end -}}

{{/* The command line: a value that is null is not there, so that the program's default holds. */}}
{{- define "berth.args" -}}
{{- $o := .Values.operator -}}
{{- $l := .Values.leaderElection -}}
- operator
- --http-address=:{{ .Values.httpPort }}
{{- if include "berth.configMap" . }}
- --config-dir=/etc/berth
{{- end }}
{{- range $flag, $value := dict
    "enable-lb-ipam" $o.enableLBIPAM
    "enable-ipv4" $o.enableIPv4
    "enable-ipv6" $o.enableIPv6
    "service-opt-in" $o.serviceOptIn
    "enable-bgp-control-plane" $o.enableBGPControlPlane
    "enable-l2-announcements" $o.enableL2Announcements
    "default-lb-service-ipam" $o.defaultLBServiceIPAM
    "k8s-service-proxy-name" $o.k8sServiceProxyName
    "accept-metallb-annotations" $o.acceptMetalLBAnnotations
    "address-records" $o.addressRecords
    "max-in-flight" $o.maxInFlight
    "mass-release-delay" $o.massReleaseDelay
    "log-level" $o.logLevel
    "log-format" $o.logFormat
    "leader-elect" (ternary nil false $l.enabled)
    "leader-election-lease-duration" $l.leaseDuration
    "leader-election-renew-deadline" $l.renewDeadline
    "leader-election-retry-period" $l.retryPeriod
}}
{{- if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- end }}
{{- if .Values.clusterPool.enabled }}
{{- $c := .Values.clusterPool }}
{{- range $flag, $list := dict
    "cluster-pool-ipv4-cidr" $c.ipv4CIDRs
    "cluster-pool-ipv6-cidr" $c.ipv6CIDRs
    "operator-ipam-pod-cidr" $c.podCIDRs
}}
{{- with $list }}
- {{ printf "--%s=%s" $flag (join "," .) | quote }}
{{- end }}
{{- end }}
{{- range $flag, $value := dict
    "cluster-pool-ipv4-mask-size" $c.ipv4MaskSize
    "cluster-pool-ipv6-mask-size" $c.ipv6MaskSize
    "external-ips-from-cluster-pool" $c.externalIPs
    "node-resource" $c.nodeResource
}}
{{- if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- end }}
{{- else if or .Values.clusterPool.ipv4CIDRs .Values.clusterPool.ipv6CIDRs }}
{{- fail "clusterPool.enabled must be true where clusterPool has CIDRs" }}
{{- end }}
{{- with $o.lbClasses }}
- {{ printf "--lb-class=%s" (join "," .) | quote }}
{{- end }}
{{- with $o.fieldManagers }}
- {{ printf "--field-manager=%s" (join "," .) | quote }}
{{- end }}
{{- if .Values.installCRDs }}
- --install-crds
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* What takes finalizers off when the release goes. */}}
{{- define "berth.cleanup" -}}
{{ include "berth.name" . | trunc 55 | trimSuffix "-" }}-cleanup
{{- end -}}

{{- define "berth.cleanupLabels" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: cleanup
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "berth.cleanupHook" -}}
helm.sh/hook: pre-delete,post-delete
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
