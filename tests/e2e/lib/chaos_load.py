"""The workload of a chaos run: Services and Nodes that come, go and change, and pools, policies and reservations
that are edited, by one seed. A part of the Services and Nodes is never touched once it is there: those must never
move."""

import http.client
import ipaddress
import threading
import time

from .chaos_watch import REQUEST, SHARING_KEY
from .chaos_world import GOING, KEEPING, MOVING_BLOCKS, NAMESPACES, STEADY_BLOCKS, ranges_of
from .objects import pool, service
from .rest import ApiError

POOL = "CiliumLoadBalancerIPPool"
NAMES = 60           # Services of the moving pools
CLUSTER_NAMES = 30   # and of the cluster pool
NODES = 14
RESERVATIONS = 8
EXCLUDES = {"moving-a": ["10.2.0.0-10.2.0.3", "10.2.0.20", "10.2.0.32/29", "fd00:2::/126"],
            "moving-b": ["10.2.1.0/28", "10.2.1.63", "10.2.2.4-10.2.2.9"], "moving-c": ["10.2.3.0/29"]}


def labels(tier):
    return {"tier": tier}


def namespace_of(number):
    return NAMESPACES[number % len(NAMESPACES)]


class Workload:
    def __init__(self, api_of, witness, chance):
        self._api_of = api_of
        self._witness = witness
        self._chance = chance
        self.edit_pools = self.edit_rules = False
        self.policies_changed = True  # or pools edited: who had less than it may have may have more now
        self.done = 0
        self.refused = 0
        self._go = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._stop = False
        self.error = None
        self._thread = threading.Thread(target=self._run, name="workload", daemon=True)

    def prepare(self):
        """Namespaces, pools, and what stays: Services, plain, of both families, in groups that share, and of the
        cluster pool; Nodes; a policy."""
        api = self._api_of()
        for namespace in NAMESPACES[1:]:
            try:
                api.create({"kind": "Namespace", "metadata": {"name": namespace}})
            except ApiError as e:
                if e.reason != "AlreadyExists":
                    raise
            api.patch("Namespace", namespace, {"metadata": {"labels": {"team": namespace[-1]}}})
        api.create({"kind": "IPPoolPolicy", "metadata": {"name": "steady"},
                    "spec": {"poolName": "steady", "priority": 1, "exclude": ["10.1.0.0/30"], "protect": True}})
        api.create(pool("steady", *STEADY_BLOCKS, selector={"matchLabels": labels("steady")}))
        for name in MOVING_BLOCKS:
            self._create_pool(name)
        for i in range(20):
            api.create(service(f"steady{i}", labels=labels("steady")))
        for i in range(5):
            api.create(service(f"dual{i}", labels=labels("steady"), ipFamilyPolicy="RequireDualStack"))
        for i in range(12):
            api.create(service(f"group{i}", labels=labels("steady"), port=1000 + i,
                               annotations={SHARING_KEY: f"steady-{i % 3}"}))
        for i in range(6):
            api.create(service(f"cluster{i}", labels=labels("steady"),
                               annotations={"berth.dev/pool": "cluster-pool"}))
        for i in range(3):
            api.create({"kind": "Node", "metadata": {"name": f"steady{i}"}})

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop = True
        self._go.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def resume(self):
        self._go.set()

    def pause(self):
        """Returns when the last write is answered."""
        self._go.clear()
        self._idle.wait(60)

    def _run(self):
        while not self._stop:
            if not self._go.is_set():
                self._idle.set()
                self._go.wait()
                continue
            self._idle.clear()
            try:
                self._step()
                self.done += 1
            except ApiError as e:  # a Service that is not there, or there already: the next one
                self.refused += 1
                if e.code in (400, 422):  # nothing that the workload means to try
                    self.error = e
                    break
            except (OSError, http.client.HTTPException):  # the server is down just now
                time.sleep(0.1)
            except Exception as e:
                self.error = e
                break
            time.sleep(0.001)
        self._idle.set()

    # One change each

    def _step(self):
        pools, rules = self.edit_pools, self.edit_rules
        kinds, weights = zip((self._create, 28), (self._delete, 18), (self._again, 8), (self._type, 10),
                             (self._ask, 8), (self._share, 8), (self._port, 5), (self._cluster_service, 12),
                             (self._node, 8), (self._policy, 4 * rules), (self._reservation, 4 * rules),
                             (self._edit_pool, 3 * pools), (self._going_pool, 2 * pools))
        self._chance.choices(kinds, weights)[0]()

    # Services

    def _which(self):
        """(name, namespace)"""
        number = self._chance.randrange(NAMES)
        return f"moving{number}", namespace_of(number)

    def _request(self):
        c = self._chance
        return c.choice([f"10.2.0.{c.randrange(70)}", f"10.2.1.{c.randrange(70)}", f"10.2.3.{c.randrange(34)}",
                         f"10.4.0.{c.randrange(256)}", "192.0.2.1"])

    def _annotations(self):
        c, notes = self._chance, {}
        if c.random() < 0.2:
            notes[REQUEST] = self._request()
        if c.random() < 0.3:
            notes[SHARING_KEY] = f"moving-{c.randrange(4)}"
        return notes

    def _create(self, which=None):
        c = self._chance
        name, namespace = which or self._which()
        more = {"ipFamilyPolicy": "PreferDualStack"} if c.random() < 0.15 else {}
        body = service(name, namespace, labels=labels("moving"), port=c.randrange(8000, 8006),
                       annotations=self._annotations(), **more)
        self._witness.touch(f"{namespace}/{name}")
        self._api_of().create(body)

    def _delete(self, which=None):
        name, namespace = which or self._which()
        self._witness.touch(f"{namespace}/{name}")
        self._api_of().delete("Service", name, namespace, missing_ok=True)

    def _again(self):
        which = self._which()
        self._delete(which)
        self._create(which)

    def _patch(self, body):
        name, namespace = self._which()
        self._witness.touch(f"{namespace}/{name}")
        self._api_of().patch("Service", name, body, namespace)

    def _type(self):
        balancer = self._chance.random() < 0.6
        self._patch({"spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False} if balancer else
                     {"type": "ClusterIP", "allocateLoadBalancerNodePorts": None}})

    def _ask(self):
        wish = self._request() if self._chance.random() < 0.6 else None
        self._patch({"metadata": {"annotations": {REQUEST: wish}}})

    def _share(self):
        key = f"moving-{self._chance.randrange(4)}" if self._chance.random() < 0.7 else None
        self._patch({"metadata": {"annotations": {SHARING_KEY: key}}})

    def _port(self):
        port = self._chance.randrange(8000, 8006)
        self._patch({"spec": {"ports": [{"name": "p", "port": port, "protocol": "TCP"}]}})

    def _cluster_service(self):
        """No pool selects it, so that it is served from the cluster pool."""
        c = self._chance
        name = f"cluster-moving{c.randrange(CLUSTER_NAMES)}"
        self._witness.touch(f"default/{name}")
        if c.random() < 0.5:
            self._api_of().delete("Service", name, missing_ok=True)
        else:
            notes = {REQUEST: f"10.4.0.{c.randrange(256)}"} if c.random() < 0.1 else {}
            self._api_of().create(service(name, labels=labels("cluster"), annotations=notes))

    # Nodes

    def _node(self):
        name = f"n{self._chance.randrange(NODES)}"
        if self._chance.random() < 0.4:
            self._api_of().delete("Node", name, missing_ok=True)
        else:
            self._api_of().create({"kind": "Node", "metadata": {"name": name}})

    # Pools

    def _create_pool(self, name):
        self._api_of().create(pool(name, *MOVING_BLOCKS[name], selector={"matchLabels": labels("moving")}))

    def _edit_pool(self):
        c = self._chance
        name = c.choice(sorted(MOVING_BLOCKS))
        self.policies_changed = True
        self._witness.pool_edited(name)
        if c.random() < 0.3:
            body = {"spec": {"disabled": c.random() < 0.5}}
        else:
            blocks = [b for b in MOVING_BLOCKS[name] if c.random() < 0.7] or [MOVING_BLOCKS[name][0]]
            body = {"spec": {"blocks": [{"cidr": b} for b in blocks]}}
        self._api_of().patch(POOL, name, body)

    def _going_pool(self):
        """A pool that goes, at once or with its last holder, and comes back."""
        self.policies_changed = True
        self._witness.pool_edited(GOING)
        if self._chance.random() < 0.4:
            self._api_of().delete(POOL, GOING, missing_ok=True)
        else:
            self._create_pool(GOING)

    # Policies. Each has all fields set or removed, as a user's apply would.

    def _quotas(self):
        c = self._chance
        limits = [{"namespaces": ["team-a"], "maxAddresses": c.randrange(7)},
                  {"namespaceSelector": {"matchLabels": {"team": "b"}}, "maxAddresses": c.randrange(7)},
                  {"namespaceSelector": {}, "maxAddresses": c.randrange(4, 20)}]
        return [limit for limit in limits if c.random() < 0.5]

    def _policy_spec(self, name):
        c = self._chance
        spec = {"poolName": name, "priority": c.randrange(-1, 2),
                "exclude": [e for e in EXCLUDES[name] if c.random() < 0.4],
                "reuseAfter": c.choice([None, "0s", "0s", "2s", "5m", "1h"]), "reuseEarly": c.choice([None, True, False]),
                "onShrink": "Keep" if name == KEEPING and c.random() < 0.3 else None,
                "protect": c.choice([None, True]), "autoAssign": False if c.random() < 0.15 else None,
                "lowWatermark": c.choice([None, 3, "25%"]), "quotas": self._quotas() if c.random() < 0.5 else None}
        return spec

    def _policy(self):
        c = self._chance
        on = c.choice(sorted(MOVING_BLOCKS))
        if on == KEEPING and not self.edit_pools:
            return  # one who was kept may have to move
        name = f"{c.choice('ab')}-{on}"
        self.policies_changed = True
        self._witness.may_be_given(ranges_of(on))
        if on in (KEEPING, GOING):
            self._witness.pool_edited(on)  # one that was deleted and protected goes with its protection
        if c.random() < 0.3:
            self._api_of().delete("IPPoolPolicy", name, missing_ok=True)
            return
        spec = self._policy_spec(on)
        if self._api_of().find("IPPoolPolicy", name):
            self._api_of().patch("IPPoolPolicy", name, {"spec": spec})
        else:
            self._api_of().create({"kind": "IPPoolPolicy", "metadata": {"name": name},
                                   "spec": {k: v for k, v in spec.items() if v is not None}})

    # Reservations, each of addresses of its own

    def _reservation(self):
        c = self._chance
        i = c.randrange(RESERVATIONS)
        name, addresses = f"r{i}", [f"10.2.{i % 2}.{8 * i + 5}"]
        both = [*addresses, f"fd00:2::{8 * i + 5:x}"]
        self._witness.may_be_given([ipaddress.ip_network(a) for a in both])
        self._api_of().delete("IPReservation", name, missing_ok=True)
        if c.random() < 0.3:
            return
        spec = {"addresses": both if c.random() < 0.3 else addresses}
        if c.random() < 0.8:
            number = c.randrange(NAMES)
            spec["serviceRef"] = {"namespace": namespace_of(number), "name": f"moving{number}"}
        if c.random() < 0.3:
            spec["expiresAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + c.randrange(1, 20)))
        self._api_of().create({"kind": "IPReservation", "metadata": {"name": name}, "spec": spec})
