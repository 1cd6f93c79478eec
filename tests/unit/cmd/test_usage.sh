#!/usr/bin/env bash
# The program as it is called.  test_usage.sh PROGRAM
set -u
berth=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# says STATUS STREAM TEXT ARGUMENT... : the exit status, and a text in what it prints there, with the
# other stream empty.
says() {
	local status=$1 stream=$2 text=$3 got other
	shift 3
	"${program[@]}" "$@" >"$folder/out" 2>"$folder/err" </dev/null
	got=$?
	[[ $stream == out ]] && other=err || other=out
	if [[ $got != "$status" || -s $folder/$other ]] || ! grep -qF -e "$text" "$folder/$stream"; then
		echo "not ok: ${program[*]} $*: status $got, want $status and '$text'"
		cat "$folder/out" "$folder/err"
		failed=1
	else
		echo "ok: $*"
	fi
}

program=("$berth")
says 0 out "operator   runs the controllers" --help
says 0 out "operator   runs the controllers" -h
says 0 out "operator   runs the controllers" help
says 0 out "Usage: berth operator [FLAG...]" operator --help
says 0 out "Usage: berth operator [FLAG...]" help operator
says 0 out "Usage: berth plan [FLAG...]" plan -h --no-such-flag
says 0 out "Usage: berth help [VERB]" help --help
says 0 out "compiler" version
says 0 out "libcurl" --version
says 2 err "Usage: berth VERB"
says 2 err "berth: oprator: there is no such verb; did you mean operator?" oprator
says 2 err "berth: zzz: there is no such verb; see berth --help" zzz
says 2 err "berth: --log-level=debug: want a verb first" --log-level=debug operator
says 2 err "berth help: plon: there is no such verb; did you mean plan?" help plon
says 2 err "berth help: unexpected argument b" help a b
says 2 err "berth version: --x: there is no such flag" version --x
says 2 err "berth completion: ksh: want bash, zsh or fish" completion ksh
says 2 err "want bash, zsh or fish" completion
says 2 err "berth operator: --log-level=loud: want debug, info, warn or error" operator --log-level=loud
says 2 err "berth plan: nothing to plan" plan
says 0 out "Usage: berth status [FLAG...]" status --help
says 2 err "berth status: unexpected argument all" status all
says 2 err "berth status: -o xml: want table, wide, json or yaml" status -o xml
says 2 err "berth history: nothing is named: want an address, or a Service as NAMESPACE/NAME" history
says 2 err "berth history: 192.0.2.300: want an address, or a Service as NAMESPACE/NAME" history 192.0.2.300
says 2 err "berth history: a/b/c: want an address, or a Service as NAMESPACE/NAME" history a/b/c
says 2 err "berth cleanup: --output: there is no such flag" cleanup --output=json

program=(env BERTH_LOG_LEVEL=loud "$berth")
says 2 err "berth operator: BERTH_LOG_LEVEL=loud: want" operator

mkdir "$folder/config"
printf 'maybe\n' >"$folder/config/enable-ipv4"
program=("$berth")
says 2 err "berth operator: $folder/config/enable-ipv4: maybe: want true or false" operator "--config-dir=$folder/config"

ln -s "$(realpath "$berth")" "$folder/kubectl-lbipam"
program=("$folder/kubectl-lbipam")
says 0 out "Usage: kubectl lbipam plan" plan --help
says 0 out "Usage: kubectl lbipam status" status --help
says 2 err "kubectl lbipam: plam: there is no such verb; did you mean plan?" plam

# shellcheck disable=SC2016 # the inner shell fills it in
program=(bash -c '"$0" "$@" >/dev/full' "$berth")
says 2 err "berth: standard output: No space left on device" version
exit "$failed"
