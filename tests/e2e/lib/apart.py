"""A cluster whose API does not live in the operator's process, on either back end, so that one can die
without the other, and so that there is a network between them."""

import json

from .berth import Berth
from .cluster import ApiserverCluster, EmbeddedCluster
from .controlplane import write_kubeconfig


def rewritten_kubeconfig(source, target, server):
    """A copy of a kubeconfig that names another server."""
    with open(source, encoding="utf-8") as f:
        config = json.load(f)
    config["clusters"][0]["cluster"]["server"] = server
    with open(target, "w", encoding="utf-8") as f:
        json.dump(config, f)
    return target


class EmbeddedApart(EmbeddedCluster):
    """The embedded API in an operator that gives out nothing, and the operators beside it."""

    def __init__(self, folder, kubectl_binary, durable=True):
        super().__init__(folder, kubectl_binary, durable)
        self.server = None
        self.operator_kubeconfig = self.kubeconfig

    @property
    def server_port(self):
        return self.port

    def start_server(self):
        embedded = f"--embedded={self.store}" if self.store else "--embedded"
        self.server = Berth([embedded, f"--embedded-address=127.0.0.1:{self.port}", "--enable-lb-ipam=false",
                             "--embedded-fault=seed=1"], self.file("server.log")).wait_ready()
        return self

    def kill_server(self):
        self.server.kill9()

    def through(self, port):
        """Operators started from now on reach the API at this port."""
        self.operator_kubeconfig = write_kubeconfig(self.file(f"through-{port}.kubeconfig"),
                                                    f"http://127.0.0.1:{port}")

    def start(self, *flags, ready=True, json_log=False, env=None):
        if not any(f.startswith("--leader-elect") for f in flags):
            flags = ("--leader-elect=false", *flags)
        if not any(f.startswith("--kubeconfig") for f in flags):
            flags = (f"--kubeconfig={self.operator_kubeconfig}", *flags)
        operator = self._run(flags, json_log, env)
        return operator.wait_ready() if ready else operator

    # Faults of the embedded API itself

    def faults(self, plan):
        code, _, data = self.api.raw("PUT", "/faults", plan, "text/plain")
        assert code == 200, data.decode()

    def struck(self):
        """How often the rules of the plan struck so far."""
        return sum(rule["struck"] for rule in self.api.call("GET", "/faults")["rules"])

    def compact(self):
        code, _, data = self.api.raw("POST", "/faults/compact", "")
        assert code == 200, data.decode()

    def end(self):
        try:
            super().end()
        finally:
            if self.server is not None:
                self.server.end()


class ApiserverApart(ApiserverCluster):
    """kube-apiserver is apart from the operator anyway; this gives it the same face."""

    @property
    def server_port(self):
        return self.control_plane.port

    def start_server(self):
        return self

    def kill_server(self):
        self.control_plane.apiserver.kill()

    def restart_server(self):
        self.control_plane.start_apiserver(self.control_plane.port)
        self.api = self.control_plane.admin

    def through(self, port):
        self.operator_kubeconfig = rewritten_kubeconfig(
            self.operator_kubeconfig, self.file(f"through-{port}.kubeconfig"), f"https://127.0.0.1:{port}")

    def compact(self):
        self.control_plane.compact_etcd()
