#!/usr/bin/env bash
# Installs the Debian packages that the project needs: "build" (make), "static" (make static), "demo" (make demo) or
# "test" (everything; the default). Says nothing and calls no package manager where all of them are there already.
set -euo pipefail

build=(
	# compile and link
	gcc libc6-dev make meson ninja-build pkg-config git
	libevent-dev libcurl4-openssl-dev libssl-dev libsqlite3-dev libjson-c-dev libyaml-dev
	# CRDs are turned into C
	python3 python3-yaml
)
static=(
	"${build[@]}"
	# libcurl from its source package, and what it is linked with
	dpkg-dev libnghttp2-dev
)
demo=(
	"${build[@]}"
	curl
)
# Debian's kubectl is old, and real; another one that is there already is as good.
command -v kubectl >/dev/null || demo+=(kubernetes-client)
test=(
	"${build[@]}"
	# programs of the control plane, built with the Go toolchain from PyPI where Go is missing
	curl ca-certificates procps util-linux python3-venv
	libcmocka-dev python3-pytest openssl faketime
	clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19
	shellcheck nghttp2-client iproute2 faketime
	# the image
	buildah
)

case ${1:-test} in
build) wanted=("${build[@]}") ;;
static) wanted=("${static[@]}") ;;
demo) wanted=("${demo[@]}") ;;
test) wanted=("${test[@]}") ;;
*)
	echo "usage: $0 [build|static|demo|test]" >&2
	exit 2
	;;
esac

# dpkg-query fails for a name it never heard of, and prints the others all the same.
installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null) || true
missing=()
for package in "${wanted[@]}"; do
	grep --quiet --line-regexp "$package installed" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "not root, and no sudo; missing packages: ${missing[*]}" >&2
		exit 1
	}
	as_root=(sudo)
fi
echo "installing ${missing[*]}" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 -o DPkg::Lock::Timeout=300)
"${apt[@]}" update >&2
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >&2
