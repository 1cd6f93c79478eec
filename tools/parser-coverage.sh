#!/usr/bin/env bash
# Which lines of the parsers the fuzz corpora and the unit tests run: one line a file, those below 90 % marked.
# tools/parser-coverage.sh [FOLDER]: where to build (default build-coverage). Needs clang 19 with llvm-cov.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build-coverage}
jobs=${CI_JOBS:-$(nproc)}

# What reads that which somebody else wrote.
parsers=(
	src/base/times.c src/base/slice.c
	src/data/base64.c src/data/json.c src/data/json_keep.c src/data/json_patch.c src/data/json_scan.c
	src/data/merge_patch.c src/data/pattern.c src/data/schema.c src/data/schema_check.c
	src/data/strategic_patch.c src/data/yaml.c src/data/yaml_scalar.c
	src/core/ip.c src/core/selector.c src/core/service.c src/core/classify.c src/core/pool_in.c src/core/record_in.c
	src/core/policy_in.c src/core/reservation.c src/core/node_in.c src/core/forecast.c
	src/io/http_answer.c src/io/http_client.c src/io/http_headers.c src/io/http_server.c
	src/view/node.c src/view/others.c src/view/parts.c src/view/policy.c src/view/pool.c src/view/record.c
	src/view/reservation.c src/view/service.c
	src/kube/config.c src/kube/credentials.c src/kube/exec_credential.c src/kube/kubeconfig.c src/kube/lease.c
	src/kube/lease_io.c src/kube/listing.c src/kube/watch.c
	src/plan/manifest.c src/plan/past.c
	src/embedded/fault.c src/embedded/protobuf.c src/embedded/select.c src/embedded/rest.c
	src/cmd/checks.c src/cmd/flags.c src/cmd/config_dir.c src/cmd/operator_options.c src/cmd/common_options.c
	src/cmd/cluster_pool_options.c
)

if [ ! -f "$build/build.ninja" ]; then
	CC=clang-19 meson setup "$build" -Dtests=enabled -Dc_args='-fprofile-instr-generate -fcoverage-mapping' \
		-Dc_link_args=-fprofile-instr-generate >/dev/null
fi
ninja -C "$build" -j "$jobs" >/dev/null
rm -rf "$build/profiles"
mkdir "$build/profiles"
LLVM_PROFILE_FILE=$PWD/$build/profiles/%p.profraw
case $build in /*) LLVM_PROFILE_FILE=$build/profiles/%p.profraw ;; esac
export LLVM_PROFILE_FILE
# A test that fails shows in the ordinary run; here its lines count all the same.
meson test -C "$build" --no-rebuild --num-processes "$jobs" >/dev/null || true
llvm-profdata-19 merge -sparse "$build"/profiles/*.profraw -o "$build/merged.profdata"

objects=()
while read -r program; do
	objects+=(-object "$program")
done < <(find "$build/tests/unit" "$build/tests/fuzz" -type f -perm -u+x \
	\( -name 'test_*' -o -name 'fuzz_*' \) ! -name '*.sh')
llvm-cov-19 export -summary-only -instr-profile "$build/merged.profdata" "${objects[@]}" |
	"${PYTHON:-/usr/bin/python3}" -c '
import json, sys
wanted, seen = sys.argv[1:], {}
for f in json.load(sys.stdin)["data"][0]["files"]:
    for w in wanted:
        if f["filename"].endswith("/" + w) or f["filename"] == w:
            seen[w] = f["summary"]["lines"]
covered = total = 0
for w in wanted:
    if w not in seen:
        sys.exit(f"{w}: nothing is known of it")
    n, of = seen[w]["covered"], seen[w]["count"]
    covered, total = covered + n, total + of
    mark = "" if n >= 0.9 * of else "  below 90 %"
    print(f"{w:32} {n:5} of {of:5}  {100 * n / of:5.1f} %{mark}")
print(f"{len(wanted)} files{covered:28} of {total:5}  {100 * covered / total:5.1f} %")
' "${parsers[@]}"
