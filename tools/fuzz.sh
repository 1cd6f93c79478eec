#!/usr/bin/env bash
# Searches with each fuzz target in turn, for FUZZ_SECONDS (default 60) each, with sanitizers. What is found lands in
# build-fuzz/; put it into tests/fuzz/corpus/TARGET/ and it is a test from then on. Arguments choose targets, as
# "objects plan".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build="build-fuzz"
if [ ! -f "$build/build.ninja" ]; then
	CC=clang-19 meson setup "$build" -Dfuzz=true -Dtests=enabled -Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args=-fsanitize=fuzzer-no-link
fi
ninja -C "$build"

targets=("${@/#/fuzz_}")
if [ ${#targets[@]} -eq 0 ]; then
	for source in tests/fuzz/fuzz_*.c; do
		targets+=("$(basename "$source" .c)")
	done
fi
failed=0
for target in "${targets[@]}"; do
	mkdir -p "$build/found/$target"
	echo "=== $target"
	"$build/tests/fuzz/$target" -max_total_time="${FUZZ_SECONDS:-60}" -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$build/found/$target/" "$build/found/$target" "tests/fuzz/corpus/$target" || failed=1
done
exit "$failed"
