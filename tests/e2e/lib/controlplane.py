"""etcd and a kube-apiserver of their own on loopback, started once per test run."""

import json
import os
import secrets
import signal
import subprocess

from .process import Process, free_port, wait_until
from .rest import Api

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
BUILD = os.path.join(ROOT, "tests", "controlplane", "build.sh")


def programs(*names):
    """The folder with kube-apiserver, etcd and kubectl; builds those that are missing."""
    done = subprocess.run([BUILD, *names], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{BUILD} failed with {done.returncode}")
    return done.stdout.splitlines()[-1]


def write_kubeconfig(path, server, ca_file=None, token=None, namespace="default"):
    cluster = {"server": server}
    if ca_file:
        cluster["certificate-authority"] = ca_file
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token} if token else {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
    }
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f, indent=1)  # JSON is YAML
    os.chmod(path, 0o600)
    return path


class ControlPlane:
    """start() returns when the server is ready and its bootstrap roles are there."""

    SERVICE_RANGE = "10.96.0.0/12,fd00:10:96::/112"

    def __init__(self, folder, audit_policy=None):
        """audit_policy: an audit.k8s.io Policy, by which the server writes what it was asked for to audit.log."""
        self.folder = str(folder)
        self.bin = programs()
        self.audit_policy = audit_policy
        self.admin_token = secrets.token_hex(16)
        self.etcd = self.apiserver = None
        self.etcd_port = self.port = 0

    def file(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        # A free port can be taken by someone else before the server binds it: then again, with others.
        for attempt in range(3):
            try:
                self._start_once()
                return self
            except AssertionError:
                self.stop()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _start_once(self):
        self._make_keys()
        self.start_etcd(free_port())
        self.start_apiserver(free_port())

    def start_etcd(self, port):
        """Also used by tests to start it again after kill -9, with the data it had."""
        self.etcd_port = port
        url = f"http://127.0.0.1:{port}"
        peer = f"http://127.0.0.1:{free_port()}"
        self.etcd = Process("etcd", [
            f"{self.bin}/etcd", "--name=test", f"--data-dir={self.file('etcd')}", "--unsafe-no-fsync",
            f"--listen-client-urls={url}", f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}", "--log-level=warn",
        ], self.file("etcd.log"))
        self._wait(self.etcd, Api(url), "/health")

    def compact_etcd(self):
        """etcd forgets all but the newest revision, by its gateway of HTTP and JSON."""
        etcd = Api(f"http://127.0.0.1:{self.etcd_port}")
        revision = etcd.call("POST", "/v3/kv/range", {"key": "AA=="})["header"]["revision"]
        etcd.call("POST", "/v3/kv/compaction", {"revision": revision, "physical": True})

    def start_apiserver(self, port, *more):
        """more: further flags, until it is started again."""
        self.port = port
        self.apiserver = Process("kube-apiserver", [
            f"{self.bin}/kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--secure-port={port}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            f"--cert-dir={self.file('certs')}", "--service-account-issuer=https://test.invalid",
            f"--service-account-key-file={self.file('sa.pub')}",
            f"--service-account-signing-key-file={self.file('sa.key')}",
            f"--token-auth-file={self.file('tokens.csv')}", "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={self.SERVICE_RANGE}", "--disable-admission-plugins=ServiceAccount",
            # Nothing serves the endpoint of this server to pods here.
            "--endpoint-reconciler-type=none", *self._audit_flags(), *more,
        ], self.file("kube-apiserver.log"))
        wait_until("the server's certificate", lambda: self._exited(self.apiserver) or os.path.exists(self.ca_file))
        self.admin = Api(self.url, self.admin_token, self.ca_file)
        self._wait(self.apiserver, self.admin, "/readyz")
        self.admin_kubeconfig = write_kubeconfig(self.file("admin.kubeconfig"), self.url, self.ca_file,
                                                 self.admin_token)

    def _audit_flags(self):
        if not self.audit_policy:
            return []
        with open(self.file("audit-policy.json"), "w", encoding="utf-8") as f:
            json.dump(self.audit_policy, f)  # JSON is YAML
        return [f"--audit-policy-file={self.file('audit-policy.json')}", f"--audit-log-path={self.file('audit.log')}",
                "--audit-log-maxsize=1000"]

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self):
        return self.file("certs/apiserver.crt")

    def _make_keys(self):
        os.makedirs(self.file("certs"), exist_ok=True)
        with open(self.file("tokens.csv"), "w", encoding="utf-8") as f:
            f.write(f'{self.admin_token},admin,admin,"system:masters"\n')
        key, public = self.file("sa.key"), self.file("sa.pub")
        if not os.path.exists(public):
            subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
            subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True,
                           capture_output=True)

    def _exited(self, process):
        if not process.running():
            raise AssertionError(f"{process.name} exited: {process.log_text()[-2000:]}")
        return False

    def _wait(self, process, api, path):
        def ready():
            self._exited(process)
            try:
                return api.raw("GET", path)[0] == 200
            except OSError:
                return False
        wait_until(f"{process.name} answers {path}", ready, timeout=120, every=0.1,
                   last=lambda: process.log_text()[-2000:])

    def service_account_token(self, namespace, name):
        answer = self.admin.call(
            "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}})
        return answer["status"]["token"]

    def stop(self):
        # In order the server would first wait for requests that tests have left half-open.
        for process in (self.apiserver, self.etcd):
            if process:
                process.stop(signal.SIGKILL)
        self.apiserver = self.etcd = None
