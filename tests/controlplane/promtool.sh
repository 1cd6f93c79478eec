#!/usr/bin/env bash
# Prints a promtool as the last line of standard output: the one that is installed, else that of Debian's package
# prometheus, which is fetched and taken apart in the cache folder: to install it would start a server.
set -euo pipefail

if command -v promtool; then exit; fi
folder=${XDG_CACHE_HOME:-$HOME/.cache}/berth/promtool-$(dpkg --print-architecture)
if [ ! -x "$folder/promtool" ]; then
	mkdir -p "$folder"
	exec 9>"$folder.lock"
	flock 9
	work=$(mktemp -d "$folder.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(
		cd "$work"
		apt-get --quiet=2 download prometheus
		dpkg-deb --extract prometheus_*.deb .
	) >&2
	mv "$work/usr/bin/promtool" "$folder/promtool"
fi
echo "$folder/promtool"
