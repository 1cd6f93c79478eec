#!/usr/bin/env bash
# The main job in a minute, with no cluster: the operator runs on its embedded API, a real kubectl applies the
# examples and shows who got which address. On a terminal it stays up until Ctrl-C.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

berth=$(realpath "${1:-build/berth}")
work=$(mktemp -d)
pid=

finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

kubectl=$(command -v kubectl) || { echo "kubectl is missing: tools/install-packages.sh demo" >&2; exit 1; }

: >"$work/log" # it is read before the operator may have made it
# Free ports by default, so that the demo runs beside whatever runs already.
address=${BERTH_DEMO_ADDRESS:-127.0.0.1:0}
"$berth" operator --embedded --embedded-address="$address" --http-address=127.0.0.1:0 --log-format=json \
	>"$work/log" 2>&1 &
pid=$!

# From the log: where a port 0 ended up.
field() { sed -n "s/.*\"msg\":\"$1\".*\"address\":\"\([^\"]*\)\".*/\1/p" "$work/log" | head -n 1; }
api='' http=''
for _ in $(seq 100); do
	api=$(field 'the embedded API listens')
	http=$(field 'metrics and health listen')
	[ -n "$api" ] && [ -n "$http" ] && break
	kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
	sleep 0.1
done
if [ -z "$api" ] || [ -z "$http" ]; then
	cat "$work/log" >&2
	exit 1
fi

export KUBECONFIG=$work/kubeconfig
cat >"$KUBECONFIG" <<END
apiVersion: v1
kind: Config
clusters: [{name: berth, cluster: {server: "http://$api"}}]
contexts: [{name: berth, context: {cluster: berth, namespace: default}}]
current-context: berth
END

# Quoted as one would type it.
show() {
	printf '\n$ kubectl'
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9./:=,-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	"$kubectl" "$@"
}

show apply -f examples/pools.yaml -f examples/services.yaml
"$kubectl" wait --for=condition=cilium.io/IPAMRequestSatisfied --timeout=20s \
	service/web service/both service/by-name service/gateway >/dev/null
"$kubectl" wait --for=condition=cilium.io/IPAMRequestSatisfied=false --timeout=20s service/too-late >/dev/null
show get svc
show get ipaddresses -l ipaddress.kubernetes.io/managed-by=berth
printf '\nWhy has too-late no address?\n'
show get svc too-late -o 'jsonpath={.status.conditions[0].reason}: {.status.conditions[0].message}{"\n"}'
# Counts follow within a second of the addresses.
for _ in $(seq 50); do
	[ "$("$kubectl" get ippool edge -o 'jsonpath={.status.conditions[?(@.type=="cilium.io/IPsAvailable")].message}')" = 2 ] && break
	sleep 0.1
done
show get ippools

if [ -t 0 ] && [ -t 1 ]; then
	cat <<END

The operator is still running. In another terminal:

  export KUBECONFIG=$KUBECONFIG
  $kubectl delete svc by-name      # too-late gets 192.0.2.7 at once
  $kubectl get svc -w
  $berth explain default/too-late
  $berth status
  $kubectl annotate svc somebody-elses io.cilium.operator.external-ips=true
  $kubectl patch ippool general --type=merge -p '{"spec":{"disabled":true}}'
  curl http://$http/metrics

Ctrl-C stops it.
END
	wait "$pid"
fi
