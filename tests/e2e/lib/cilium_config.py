"""What Cilium's chart puts into the ConfigMap cilium-config by default (1.18), as far as it may matter: keys that berth
knows, in the form in which Cilium writes them, and enough of the others."""

BERTH_KNOWS = {
    "cluster-pool-ipv4-cidr": "10.0.0.0/8", "cluster-pool-ipv4-mask-size": "24", "default-lb-service-ipam": "lbipam",
    "enable-bgp-control-plane": "true", "enable-ipv4": "true", "enable-ipv6": "false", "enable-l2-announcements": "true",
    "enable-lb-ipam": "true", "ipam": "cluster-pool", "k8s-service-proxy-name": "", "nodes-gc-interval": "5m0s",
}
FOREIGN = {
    "agent-not-ready-taint-key": "node.cilium.io/agent-not-ready", "auto-direct-node-routes": "false",
    "bpf-lb-acceleration": "disabled", "bpf-lb-map-max": "65536", "bpf-map-dynamic-size-ratio": "0.0025",
    "bpf-root": "/sys/fs/bpf", "ces-slice-mode": "fcfs", "cgroup-root": "/run/cilium/cgroupv2",
    "cilium-endpoint-gc-interval": "5m0s", "cluster-id": "0", "cluster-name": "default", "cni-exclusive": "true",
    "cni-log-file": "/var/run/cilium/cilium-cni.log",
    "controller-group-metrics": "write-cni-file sync-host-ips sync-lb-maps-with-k8s-services",
    "datapath-mode": "veth", "debug": "false", "debug-verbose": "", "devices": "", "enable-bpf-masquerade": "false",
    "enable-endpoint-health-checking": "true", "enable-health-check-nodeport": "true", "enable-hubble": "true",
    "enable-ipv4-masquerade": "true", "enable-ipv6-masquerade": "true", "enable-k8s-networkpolicy": "true",
    "enable-l7-proxy": "true", "enable-node-selector-labels": "false", "enable-policy": "default",
    "enable-well-known-identities": "false", "hubble-socket-path": "/var/run/cilium/hubble.sock",
    "identity-allocation-mode": "crd", "identity-gc-interval": "15m0s", "ipam-cilium-node-update-rate": "15s",
    "k8s-client-burst": "20", "k8s-client-qps": "10", "k8s-require-ipv4-pod-cidr": "false", "kube-proxy-replacement": "true",
    "log-opt": '{"format":"json"}', "mesh-auth-gc-interval": "5m0s", "monitor-aggregation": "medium",
    "monitor-aggregation-flags": "all", "node-port-bind-protection": "true", "nodeport-addresses": "",
    "operator-api-serve-addr": "127.0.0.1:9234", "operator-prometheus-serve-addr": ":9963", "policy-cidr-match-mode": "",
    "preallocate-bpf-maps": "false", "procfs": "/host/proc", "routing-mode": "tunnel", "set-cilium-is-up-condition": "true",
    "synchronize-k8s-nodes": "true", "tunnel-protocol": "vxlan", "unmanaged-pod-watcher-interval": "15s",
    "vtep-cidr": "", "vtep-endpoint": "", "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
}


def write(folder, **changes):
    """As the kubelet mounts it: each key a link into a folder that a link `..data` leads to. With None a key is left
    out; underscores stand for dashes."""
    version = folder / "..2026_11_23"
    version.mkdir(parents=True)
    (folder / "..data").symlink_to(version.name)
    config = {**BERTH_KNOWS, **FOREIGN, **{k.replace("_", "-"): v for k, v in changes.items()}}
    for key, value in config.items():
        if value is not None:
            (version / key).write_text(value, encoding="utf-8")
            (folder / key).symlink_to(f"..data/{key}")
    return str(folder)
