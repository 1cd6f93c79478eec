#!/usr/bin/env bash
# Runs every check, goes on after a failure, and ends with the line "N passed, N failed, N skipped", added up
# over all of them. Arguments choose: tools/run-tests.sh format shell gcc clang tidy unit e2e (default: all but
# tidy, which takes minutes: "make lint").
#
# CI_JOBS             parallel jobs (default: the processors)
# BERTH_E2E_BACKLOG   Services in the tests of a backlog (default 500)
# PYTEST_ADDOPTS      further arguments of pytest (its own variable), such as "-x -k 'restart or faults'"
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

readonly logs=build-logs
readonly python=${PYTHON:-/usr/bin/python3}
jobs=${CI_JOBS:-$(nproc)}
mkdir -p "$logs"

passed=0 failed=0 skipped=0
failures=()

say() { printf '\n=== %s (%s s)\n' "$*" "$SECONDS"; }

# check NAME COMMAND...: one check that counts as one test; its output is kept, and shown where it fails.
check() {
	local name=$1 log=$logs/$1.log
	shift
	say "$name"
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		failures+=("$name")
		tail -n 60 "$log"
		echo "FAILED $name; all of its output: $log"
		return 1
	fi
}

# count NAME KIND FILE STATUS: adds up the results of a runner.
count() {
	local name=$1 p f s
	shift
	read -r p f s < <("$python" tools/count-results.py "$@") || { p=0 f=1 s=0; }
	echo "$name: $p passed, $f failed, $s skipped"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[ "$f" -eq 0 ] || failures+=("$name ($f)")
}

lost() {
	failed=$((failed + 1))
	failures+=("$1")
	echo "FAILED $1"
}

# build FOLDER COMPILER OPTION...
build() {
	local folder=$1 compiler=$2
	shift 2
	if [ ! -f "$folder/build.ninja" ]; then
		rm -rf "$folder"
		CC=$compiler meson setup "$folder" -Dtests=enabled "$@" || return
	fi
	ninja -C "$folder" -j "$jobs"
}

run_gcc() { check build-gcc build build-gcc gcc --buildtype=release; }

run_clang() { check build-clang build build-clang clang-19 --buildtype=debugoptimized; }

# Reads the commands of the build by clang.
run_tidy() {
	[ -f build-clang/compile_commands.json ] || run_clang || { lost "clang-tidy: not built"; return; }
	check clang-tidy run-clang-tidy-19 -quiet -p build-clang -j "$jobs" -warnings-as-errors='*'
}

# Both unit and e2e need it; it is built and counted once.
sanitized=
build_sanitized() {
	[ -z "$sanitized" ] || return "$sanitized"
	check build-sanitize build build-sanitize gcc --buildtype=debugoptimized -Db_sanitize=address,undefined
	sanitized=$?
	return "$sanitized"
}

run_format() {
	local files
	mapfile -t files < <(git ls-files '*.c' '*.h')
	check clang-format clang-format-19 --dry-run -Werror "${files[@]}"
}

run_shell() {
	local files
	mapfile -t files < <(git ls-files '*.sh' .ci/run)
	check shellcheck shellcheck "${files[@]}"
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}

run_unit() {
	build_sanitized || { lost "unit tests: not built"; return; }
	say "unit tests, with sanitizers"
	local results=build-sanitize/meson-logs/testlog.json status
	rm -f "$results"
	CMOCKA_MESSAGE_OUTPUT=TAP meson test -C build-sanitize --no-rebuild --timeout-multiplier 5 \
		--num-processes "$jobs" >"$logs/unit.log" 2>&1
	status=$?
	[ "$status" -eq 0 ] || tail -n 60 "$logs/unit.log"
	cp build-sanitize/meson-logs/testlog.txt "$logs/unit-testlog.txt" 2>/dev/null
	count "unit tests" meson "$results" "$status"
}

# The program as the build names it, wherever the build puts it.
program_in() {
	meson introspect --targets "$1" | "$python" -c '
import json, sys
for target in json.load(sys.stdin):
    if target["name"] == "berth" and target["type"] == "executable":
        print(target["filename"][0])'
}

# A share of the end-to-end tests: those of one back end, or only its scenarios, which are a share of their own, with a
# control plane of their own. Those that belong to neither back end are in the share of apiserver.
readonly shares=(apiserver embedded apiserver-scenarios embedded-scenarios)
e2e_share() {
	local share=$1 what=(tests/e2e --ignore=tests/e2e/test_scenarios.py)
	case $share in *-scenarios) what=(tests/e2e/test_scenarios.py) ;; esac
	rm -f "$logs/e2e-$share.xml"
	BERTH_E2E_BACKENDS=${share%-scenarios} "$python" -m pytest "${what[@]}" -p no:cacheprovider -q \
		--junitxml="$logs/e2e-$share.xml" --basetemp="$logs/e2e-$share" \
		>"$logs/e2e-$share.log" 2>&1
}

run_e2e() {
	local program share status
	local -A pids=()
	build_sanitized || { lost "end-to-end tests: not built"; return; }
	program=$(program_in build-sanitize)
	[ -x "$program" ] || { lost "end-to-end tests: the build made no program"; return; }
	check controlplane tests/controlplane/build.sh || { lost "end-to-end tests: no control plane"; return; }
	check helm tests/controlplane/build.sh helm || { lost "end-to-end tests: no Helm"; return; }
	say "end-to-end tests on both back ends side by side, with sanitizers"
	export BERTH_BIN=$program
	# What would go into the image; without it the step gcc has failed, or was not asked for.
	[ ! -f build-gcc/build.ninja ] || BERTH_RELEASE=$(program_in build-gcc)
	export BERTH_RELEASE
	for share in "${shares[@]}"; do
		e2e_share "$share" &
		pids[$share]=$!
	done
	for share in "${shares[@]}"; do
		wait "${pids[$share]}"
		status=$?
		if [ "$status" -eq 0 ]; then tail -n 3 "$logs/e2e-$share.log"; else tail -n 500 "$logs/e2e-$share.log"; fi
		count "end-to-end tests, $share" junit "$logs/e2e-$share.xml" "$status"
	done
}

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(format shell gcc clang unit e2e)
for step in "${wanted[@]}"; do
	case $step in
	gcc | clang | tidy | format | shell | unit | e2e) "run_$step" ;;
	*)
		echo "unknown step: $step (format shell gcc clang tidy unit e2e)" >&2
		exit 2
		;;
	esac
done

say "done"
for failure in "${failures[@]}"; do echo "failed: $failure"; done
# A run that ran nothing has shown nothing.
[ $((passed + failed)) -gt 0 ] || lost "no test ran"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
