#!/usr/bin/env bash
# Makes the root file system of the image: make-rootfs.sh PROGRAM FOLDER. The program comes with the libraries that
# the dynamic linker loads for it, the certificate authorities of this system, and a user; with nothing else.
set -euo pipefail

[ $# -eq 2 ] || { echo "usage: $0 PROGRAM FOLDER" >&2; exit 2; }
program=$1 root=$2
[ ! -e "$root" ] || { echo "$root is there already" >&2; exit 1; }

install -D --strip --mode=755 "$program" "$root/usr/bin/berth"
ln -s berth "$root/usr/bin/kubectl-lbipam"

# Lines such as "libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)" and "/lib64/ld-linux-x86-64.so.2 (0x...)".
libraries=$(ldd "$program")
if grep 'not found' <<<"$libraries" >&2; then exit 1; fi
while read -r library; do
	# What is linked to by its short name is there under that name, whatever it is called in this system.
	install -D --mode=755 "$(readlink -f "$library")" "$root$library"
done < <(grep --only-matching '/[^ ]*' <<<"$libraries")

# For a server of a kubeconfig that names no authority of its own; in a cluster the ServiceAccount brings one.
install -D --mode=644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
echo 'berth:x:65532:65532:berth:/:/usr/bin/berth' >"$root/etc/passwd"
echo 'berth:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
