#!/usr/bin/env bash
# Makes deploy/manifests from the chart, for those who do without Helm: berth.yaml is the chart with its default
# values, options/ has what further values add to it. With a folder as argument they are written there instead,
# to be compared.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:-deploy/manifests}
helm=$(tests/controlplane/build.sh helm | tail -n 1)/helm

# render ARGUMENT...: the chart's objects, without Helm's notes of where each comes from, and without what it has
# to say about the chart's folder of CRDs being a link.
render() {
	"$helm" template berth deploy/chart --namespace berth-system --skip-crds --no-hooks "$@" \
		2> >(grep -v 'found symbolic link' >&2) | grep -v '^# Source: '
}

made() {
	echo "# Made from deploy/chart by tools/render-manifests.sh: change the template there, and run it."
}

mkdir -p "$out/options"
{
	made
	cat <<-'END'
		---
		apiVersion: v1
		kind: Namespace
		metadata:
		  name: berth-system
		  labels:
		    pod-security.kubernetes.io/enforce: restricted
	END
	render
} >"$out/berth.yaml"
{
	made
	render --set viewerRole.enabled=true --show-only templates/rbac-viewer.yaml
} >"$out/viewer.yaml"
{
	made
	render --set clusterPool.enabled=true --show-only templates/rbac-cluster-pool.yaml
} >"$out/options/cluster-pool.yaml"
{
	made
	render --set installCRDs=true --show-only templates/rbac-install-crds.yaml
} >"$out/options/install-crds.yaml"
