#!/usr/bin/env bash
# The benchmarks: tools/bench.sh BUILD_FOLDER [OPTION...]; options as "tests/bench/bench.py --help" tells.
# Nothing else should run meanwhile: server and load share the processors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=${1:?usage: tools/bench.sh BUILD_FOLDER [OPTION...]}
shift
tools/install-packages.sh test
ninja -C "$build" berth tests/bench/load tests/bench/bench_core tests/tools/embedded_server
exec "${PYTHON:-/usr/bin/python3}" tests/bench/bench.py "$build" "$@"
