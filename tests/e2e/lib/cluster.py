"""The two back ends behind one face, so that a test's body is the same on both.

A test asks for the fixture `cluster`, calls start(), and uses api, kubectl, and the operator that start()
returned. On "apiserver" the API is there all the time; on "embedded" it lives in the operator's process, so
it comes with start() and goes with the operator's end."""

import contextlib
import glob
import os
import time

import yaml

from .berth import Berth
from .controlplane import ROOT, write_kubeconfig
from .kubectl import Kubectl
from .process import free_port, wait_until
from .objects import MANAGED_BY, addresses_of, condition_of, pool, service
from .rest import Api, ApiError
from .watch import Recorder

CRDS = os.path.join(ROOT, "deploy", "crds")
MANIFESTS = os.path.join(ROOT, "deploy", "manifests")
OPERATOR_NAMESPACE = "berth-system"
OPERATOR_ACCOUNT = "berth-operator"

KUBERNETES_RECORDS = "ipallocator.k8s.io"  # managed-by of the records that kube-apiserver keeps itself


def crd_files():
    return sorted(glob.glob(os.path.join(CRDS, "*.yaml")))


class Cluster:
    """What both back ends share."""

    backend = ""

    def __init__(self, folder, kubectl_binary):
        self.folder = str(folder)
        self.kubectl_binary = kubectl_binary
        self.api = None
        self.kubectl = None
        self.operators = []
        self.n_replicas = 0
        self.recorders = []

    def file(self, name):
        return os.path.join(self.folder, name)

    # The operator

    def start(self, *flags, ready=True, json_log=False, env=None):
        raise NotImplementedError

    def api_only(self):
        """A context in which the API is there and nobody gives out addresses."""
        raise NotImplementedError

    def _run(self, flags, json_log, env):
        operator = Berth(list(flags), self.file("berth.log"), env, json_log)
        self.operators.append(operator)
        return operator

    def replica(self, *flags, kubeconfig=None):
        """One of several operators beside each other that elect a leader; not waited for. On the embedded back
        end somebody must have started the API by itself: start("--enable-lb-ipam=false")."""
        flags = [f"--kubeconfig={kubeconfig or self.replica_kubeconfig}",
                 f"--namespace={self.replica_namespace}", *flags]
        self.n_replicas += 1
        operator = Berth(flags, self.file(f"replica-{self.n_replicas}.log"))
        self.operators.append(operator)
        return operator

    @property
    def operator(self):
        return self.operators[-1]

    def grant(self, option):
        """Until the end of the test the operator may also do what deploy/manifests/options/OPTION.yaml says."""

    def record(self, kind="Service", name=None):
        recorder = Recorder(self.api, kind, name).start()
        self.recorders.append(recorder)
        return recorder

    def end(self):
        """Ends everything the test left running, the API that others use last; the first failure is raised when all
        is ended."""
        errors = []
        for ending in [r.stop for r in self.recorders] + [o.end for o in reversed(self.operators)]:
            try:
                ending()
            except AssertionError as e:
                errors.append(e)
        for operator in self.operators:
            if operator.running():
                operator.process.kill()
        if errors:
            raise errors[0]

    # Objects

    def create_service(self, name, namespace="default", **spec):
        return self.api.create(service(name, namespace, **spec))

    def create_services(self, names, namespace="default", **spec):
        self.api.in_parallel(lambda n: self.create_service(n, namespace, **spec), names)

    def create_pool(self, name, *blocks, **spec):
        return self.api.create(pool(name, *blocks, **spec))

    def create_namespace(self, name):
        try:
            return self.api.create({"kind": "Namespace", "metadata": {"name": name}})
        except ApiError as e:
            if e.reason != "AlreadyExists":
                raise
            return self.api.get("Namespace", name)

    def addresses(self, name, namespace="default"):
        return addresses_of(self.api.get("Service", name, namespace))

    def all_addresses(self):
        """{ns/name: [addresses]} of every Service that has any."""
        found = {}
        for svc in self.api.list("Service"):
            if addresses_of(svc):
                found[f"{svc['metadata']['namespace']}/{svc['metadata']['name']}"] = addresses_of(svc)
        return found

    # Waiting

    def wait_addresses(self, name, namespace="default", count=1, timeout=30):
        """The addresses of the Service once it has at least `count` of them."""
        def enough():
            held = self.addresses(name, namespace)
            return held if len(held) >= count else None
        return wait_until(f"{namespace}/{name} has {count} address(es)", enough, timeout,
                          last=lambda: self.api.get("Service", name, namespace).get("status"))

    def wait_condition(self, kind, name, condition, status=None, reason=None, message=None, timeout=30):
        """The condition once it is as asked; message: a part of it."""
        def as_asked():
            c = condition_of(self.api.find(kind, name) or {}, condition)
            if c is None or (status and c["status"] != status) or (reason and c["reason"] != reason):
                return None
            return c if message is None or message in c["message"] else None
        return wait_until(f"{kind} {name} has {condition}={status}/{reason}", as_asked, timeout,
                          last=lambda: (self.api.find(kind, name) or {}).get("status"))

    def wait_pool_counts(self, name, total=None, available=None, used=None, timeout=30):
        wanted = {"cilium.io/IPsTotal": total, "cilium.io/IPsAvailable": available, "cilium.io/IPsUsed": used}

        def as_wanted():
            p = self.api.get("CiliumLoadBalancerIPPool", name)
            return all(count is None or (condition_of(p, c) or {}).get("message") == str(count)
                       for c, count in wanted.items())
        return wait_until(f"pool {name} counts {wanted}", as_wanted, timeout,
                          last=lambda: self.api.get("CiliumLoadBalancerIPPool", name).get("status"))

    def wait_all_served(self, count, timeout):
        """Waits until `count` Services have an address; lists twice a second, being dear on big clusters."""
        found = {}

        def served():
            found.clear()
            found.update(self.all_addresses())
            return len(found) >= count
        wait_until(f"{count} Services have an address", served, timeout, every=0.5,
                   last=lambda: f"{len(found)} have one")
        return dict(found)

    def settled(self, snapshot, quiet=1.5, timeout=30):
        """snapshot() once it stayed equal for `quiet` seconds: the pool counts of a burst are written up to
        a second later, so that a shorter look could miss a write."""
        deadline = time.monotonic() + timeout
        last, since = snapshot(), time.monotonic()
        while time.monotonic() - since < quiet:
            assert time.monotonic() < deadline, f"still changing after {timeout} s"
            time.sleep(0.1)
            now = snapshot()
            if now != last:
                last, since = now, time.monotonic()
        return last


class EmbeddedCluster(Cluster):
    backend = "embedded"
    replica_namespace = "default"

    @property
    def replica_kubeconfig(self):
        return self.kubeconfig

    def __init__(self, folder, kubectl_binary, durable):
        super().__init__(folder, kubectl_binary)
        self.port = free_port()
        self.store = self.file("store.db") if durable else None
        url = f"http://127.0.0.1:{self.port}"
        self.api = Api(url)
        self.kubeconfig = write_kubeconfig(self.file("kubeconfig"), url)
        self.kubectl = Kubectl(kubectl_binary, self.kubeconfig, self.folder)

    def start(self, *flags, ready=True, json_log=False, env=None):
        embedded = f"--embedded={self.store}" if self.store else "--embedded"
        operator = self._run([embedded, f"--embedded-address=127.0.0.1:{self.port}", *flags], json_log, env)
        return operator.wait_ready() if ready else operator

    @contextlib.contextmanager
    def api_only(self):
        assert self.store, "what is made here must outlive the process: mark the test durable"
        operator = self.start("--enable-lb-ipam=false")
        yield
        operator.stop()


class ApiserverCluster(Cluster):
    """One server for the whole run; reset() gives each test an empty one."""

    backend = "apiserver"
    replica_namespace = OPERATOR_NAMESPACE

    @property
    def replica_kubeconfig(self):
        return self.operator_kubeconfig

    def __init__(self, folder, control_plane):
        super().__init__(folder, os.path.join(control_plane.bin, "kubectl"))
        self.control_plane = control_plane
        self.api = control_plane.admin
        self.kubectl = Kubectl(self.kubectl_binary, control_plane.admin_kubeconfig, self.folder)
        self.kubeconfig = control_plane.admin_kubeconfig
        self.operator_kubeconfig = None
        self.crds = []
        self._granted = {}

    def install(self):
        """The CRDs, and the account and roles that the operator runs under: what a user would apply.
        (Its Deployment comes along, and nothing here makes Pods of it.) Returns what adopt() needs."""
        self.install_crds()
        self.kubectl("apply", "-f", os.path.join(MANIFESTS, "berth.yaml"))
        token = self.kubectl("create", "token", OPERATOR_ACCOUNT, "-n", OPERATOR_NAMESPACE,
                             "--duration=24h").strip()
        self.operator_kubeconfig = write_kubeconfig(
            self.control_plane.file("operator.kubeconfig"), self.control_plane.url,
            self.control_plane.ca_file, token, OPERATOR_NAMESPACE)
        return {"crds": self.crds, "token": token, "operator_kubeconfig": self.operator_kubeconfig}

    def adopt(self, installed):
        self.crds = installed["crds"]
        self.operator_kubeconfig = installed["operator_kubeconfig"]

    def grant(self, option):
        if option in self._granted:
            return
        path = os.path.join(MANIFESTS, "options", f"{option}.yaml")
        self.kubectl("apply", "-f", path)
        self._granted[option] = path
        with open(path, encoding="utf-8") as f:
            rule = next(o for o in yaml.safe_load_all(f) if o and o["kind"] == "ClusterRole")["rules"][0]
        resource, verb = ".".join(filter(None, (rule["resources"][0], rule["apiGroups"][0]))), rule["verbs"][-1]
        account = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
        # The server's authorizer learns of it through a watch.
        wait_until(f"the operator may {verb} {resource}", lambda: self.kubectl.try_run(
            "auth", "can-i", verb, resource, f"--as={account}").returncode == 0)

    def end(self):
        try:
            super().end()
        finally:
            for path in self._granted.values():
                self.kubectl("delete", "-f", path)
            self._granted.clear()

    def install_crds(self):
        for path in crd_files():
            self.kubectl("apply", "-f", path)
        self.crds = [c["metadata"]["name"] for c in self.api.list("CustomResourceDefinition")]
        for name in self.crds:
            self.wait_condition("CustomResourceDefinition", name, "Established", "True")
        if self.crds:
            wait_until("the pool kind is served", lambda: self._served("/apis/cilium.io/v2"), every=0.1)

    def _served(self, path):
        code, _, data = self.api.raw("GET", path)
        return code == 200 and b"ciliumloadbalancerippools" in data

    def start(self, *flags, ready=True, json_log=False, env=None):
        if not any(f.startswith("--kubeconfig") for f in flags):
            flags = (f"--kubeconfig={self.operator_kubeconfig}", *flags)
        # Without an election, so that who comes after a kill -9 need not wait; test_leader.py is about it.
        if not any(f.startswith("--leader-elect") for f in flags):
            flags = ("--leader-elect=false", *flags)
        operator = self._run(flags, json_log, env)
        return operator.wait_ready() if ready else operator

    @contextlib.contextmanager
    def api_only(self):
        assert not any(o.running() for o in self.operators)
        yield

    def reset(self):
        """Deletes what the last test made, and waits until it is gone. Namespaces stay: without a
        controller-manager a deleted one never goes."""
        api = self.api
        if any(api.find("CustomResourceDefinition", name) is None for name in self.crds):
            self.install_crds()
        # A policy goes before what it protects.
        pools = ["IPPoolPolicy", "IPReservation", "CiliumLoadBalancerIPPool"] if self.crds else []
        for kind in [*pools, "Node"]:
            api.delete_all(kind)
        api.delete_all("IPAddress", labelSelector=f"{MANAGED_BY}!={KUBERNETES_RECORDS}")
        for ns in api.list("Namespace"):
            name = ns["metadata"]["name"]
            api.delete_all("Service", name, fieldSelector="metadata.name!=kubernetes")
            api.delete_all("Event", name)
            api.delete_all("ConfigMap", name, labelSelector="app.kubernetes.io/part-of=berth")

        def left():
            objects = [("Service", s) for s in api.list("Service") if s["metadata"]["name"] != "kubernetes"]
            objects += [(kind, o) for kind in pools for o in api.list(kind)]
            for kind, o in objects:
                if o["metadata"].get("finalizers"):
                    self._drop_finalizers(kind, o["metadata"])
            return objects
        wait_until("the last test's objects are gone", lambda: not left())

    def _drop_finalizers(self, kind, meta):
        try:
            self.api.patch(kind, meta["name"], {"metadata": {"finalizers": None}}, meta.get("namespace"))
        except ApiError as e:
            if e.code != 404:
                raise
