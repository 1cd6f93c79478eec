#!/usr/bin/env bash
# A berth that needs no library where it runs: static.sh [BUILD_FOLDER] (default build-static). Debian has archives of
# all libraries but libcurl with less than everything, so that one is built here, once, from the source package of the
# version that is installed, into a cache folder outside the checkout. Progress goes to standard error; the program's
# path is the last line of standard output.
#
# XDG_CACHE_HOME      where the cache folder is made (default: ~/.cache)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=${1:-build-static}
say() { printf 'static: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# HTTP and TLS, HTTP/2 and proxies; nothing that a client of Kubernetes has no use for. With c-ares each handle would
# have a resolver of its own, of 75 kB.
curl_options=(
	--disable-shared --enable-static --disable-dependency-tracking
	--with-openssl --with-nghttp2 --enable-threaded-resolver --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --without-ca-path
	--without-zlib --without-brotli --without-zstd --without-libpsl --without-libidn2 --without-librtmp
	--without-libssh2 --without-libgsasl --without-nghttp3
	--disable-ftp --disable-file --disable-ldap --disable-ldaps --disable-rtsp --disable-dict --disable-telnet
	--disable-tftp --disable-pop3 --disable-imap --disable-smtp --disable-smb --disable-gopher --disable-mqtt
	--disable-ntlm --disable-tls-srp --disable-netrc --disable-cookies --disable-alt-svc --disable-hsts --disable-doh
	--disable-unix-sockets --disable-manual --disable-libcurl-option
)
curl_cflags='-O2 -ffunction-sections -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2'

tools/install-packages.sh static
version_of() { dpkg-query --show --showformat='${Version}' "$1"; }
curl_version=$(version_of libcurl4-openssl-dev)
of_all="$curl_version $(version_of libssl-dev) $(version_of libnghttp2-dev) ${curl_options[*]} $curl_cflags"
curl=${XDG_CACHE_HOME:-$HOME/.cache}/berth/libcurl-$(sha256sum <<<"$of_all" | cut -c 1-12)

# The source package into the current folder, by an apt of our own: where the system's packages come from, Debian's
# sources are too, though most systems are not told to ask for them.
fetch_source() {
	mkdir -p apt/parts apt/lists/partial apt/cache/archives/partial
	local from file
	for from in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		[ -f "$from" ] || continue
		grep --quiet --extended-regexp '/debian(-security)?/?( |$)' "$from" || continue
		file=apt/parts/$(basename "$from")
		sed --regexp-extended 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$from" >"$file"
	done
	cat >apt/conf <<-END
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$PWD/apt/parts";
		Dir::State::lists "$PWD/apt/lists";
		Dir::Cache "$PWD/apt/cache";
		APT::Sandbox::User "$(id -un)";
	END
	APT_CONFIG=$PWD/apt/conf apt-get --quiet=2 update >&2
	APT_CONFIG=$PWD/apt/conf apt-get --quiet=2 --download-only source "curl=$curl_version" >&2
}

build_curl() (
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	say "building libcurl $curl_version, once"
	fetch_source
	dpkg-source --extract ./curl_*.dsc source >log 2>&1 || { cat log >&2; die "the source package does not unpack"; }
	cd source
	# Debian's patches touch what configure and the makefiles are made from, for its own builds. The ones that came with
	# the source are as good, and need no autotools.
	find . -name aclocal.m4 -exec touch {} +
	find . '(' -name configure -o -name Makefile.in -o -name curl_config.h.in ')' -exec touch {} +
	{
		./configure --prefix="$curl" "${curl_options[@]}" CFLAGS="$curl_cflags" &&
			make -j"$(nproc)" -C lib V=0 &&
			make -C lib install && make -C include install && make install-pkgconfigDATA
	} >../log 2>&1 || { tail -n 40 ../log >&2; die "libcurl does not build"; }
	touch "$curl/complete"
)

mkdir -p "$(dirname "$curl")"
(
	flock 9
	[ -e "$curl/complete" ] || { rm -rf "$curl"; build_curl; }
) 9>"$curl.lock"

export PKG_CONFIG_PATH=$curl/lib/pkgconfig
if [ "$(cat "$build/libcurl" 2>/dev/null)" != "$curl" ]; then
	again=()
	[ ! -f "$build/build.ninja" ] || again=(--wipe)
	# Smaller rather than faster: what counts here is how many pages are touched.
	meson setup "${again[@]}" "$build" --buildtype=release --optimization=2 --prefer-static -Dtests=disabled \
		-Dc_args=-ffunction-sections -Dc_link_args='-static-pie -Wl,--gc-sections' >&2
	echo "$curl" >"$build/libcurl"
fi
ninja -C "$build" >&2
echo "$build/berth"
