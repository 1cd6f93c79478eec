#!/usr/bin/env bash
# What the shells offer, asked of the shells themselves.  test_completion.sh PROGRAM
set -u
berth=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

wrong() {
	echo "not ok: $*"
	failed=1
}

# is WHAT GOT WANT
is() {
	if [[ $2 == "$3" ]]; then
		echo "ok: $1"
	else
		wrong "$1: got '$2', want '$3'"
	fi
}

"$berth" completion bash >"$folder/berth.bash" || wrong "no script for bash"
bash -n "$folder/berth.bash" || wrong "bash does not take its script"

# offers WORD... : what bash offers for the last word, sorted, on one line.
offers() {
	bash -c '
		source "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_berth
		((${#COMPREPLY[@]})) && printf "%s\n" "${COMPREPLY[@]}" | LC_ALL=C sort | tr "\n" " "
	' bash "$folder/berth.bash" "$@" 2>"$folder/errors"
	[[ -s $folder/errors ]] && wrong "$*: $(cat "$folder/errors")"
}

cd "$folder" && mkdir sub && touch 'a file.yaml'
is "verbs" "$(offers berth '')" "--help cleanup explain help history operator plan status version "
is "the beginning of a verb" "$(offers berth op)" "operator "
is "flags" "$(offers berth operator --log-)" "--log-format= --log-level= "
is "a boolean flag has no =" "$(offers berth operator --install)" "--install-crds "
is "values as the next word" "$(offers berth operator --log-level '')" "debug error info warn "
is "values where = is a word" "$(offers berth operator --log-level = w)" "warn "
is "values just behind =" "$(offers berth operator --log-level =)" "debug error info warn "
is "values in the same word" "$(offers berth operator --log-level=w)" "--log-level=warn "
is "a boolean takes its value only with =" "$(offers berth operator --enable-ipv4 = '')" "false true "
is "flags of the verb only" "$(offers berth operator --against)" ""
is "files" "$(offers berth plan -f 'a')" "a file.yaml "
is "folders" "$(offers berth operator --config-dir '')" "sub "
is "no offer where anything goes" "$(offers berth operator --context '')" ""
is "after a value come flags again" "$(offers berth plan -o json --allow)" "--allow= "
is "help of a verb" "$(offers berth help pl)" "plan "
is "the plugin's name" "$(bash -c 'source "$1"; complete -p kubectl-lbipam' bash berth.bash)" \
	"complete -F _berth kubectl-lbipam"

"$berth" completion zsh >"$folder/_berth" || wrong "no script for zsh"
if command -v zsh >/dev/null; then
	is "zsh takes its script" "$(zsh -n "$folder/_berth" 2>&1)" ""
fi

"$berth" completion fish >"$folder/berth.fish" || wrong "no script for fish"
if command -v fish >/dev/null; then
	fish_offers() {
		# shellcheck disable=SC2016 # fish fills it in
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$folder/berth.fish" "$1" 2>&1 |
			cut -f1 | LC_ALL=C sort | tr '\n' ' '
	}
	is "fish: verbs" "$(fish_offers 'berth ')" "cleanup explain help history operator plan status version "
	is "fish: flags" "$(fish_offers 'berth operator --log-')" "--log-format --log-level "
	is "fish: values" "$(fish_offers 'berth operator --log-level ')" "debug error info warn "
	is "fish: files" "$(fish_offers 'berth plan -f a')" "a file.yaml "
fi

# Each flag that the help of a verb tells is in each script and in the manual page.
"$berth" man >"$folder/berth.1" || wrong "no manual page"
for verb in operator plan explain status history cleanup; do
	for flag in $("$berth" help "$verb" | sed -n 's/^  \(-[a-z], \)\{0,1\}--\([a-z0-9-]*\).*/\2/p'); do
		grep -q -e "--$flag" berth.bash || wrong "bash does not know --$flag"
		grep -q -e "--$flag" _berth || wrong "zsh does not know --$flag"
		grep -q -e "from $verb' -l $flag" berth.fish || wrong "fish does not know --$flag"
		sed 's/\\-/-/g' berth.1 | grep -q -e "--$flag" || wrong "the manual page does not know --$flag"
	done
done
if command -v groff >/dev/null; then
	is "roff takes the manual page" "$(groff -ww -man -Tutf8 "$folder/berth.1" 2>&1 >/dev/null)" ""
fi
exit "$failed"
