"""The workload of a chaos run: Services that come, go and change, and pools that are edited, by one seed. A
part of the Services is never touched once it is there: those must never move."""

import http.client
import threading
import time

from .chaos_watch import REQUEST, SHARING_KEY
from .objects import pool, service
from .rest import ApiError

STEADY_BLOCKS = ("10.1.0.0/24", "fd00:1::/120")
MOVING_BLOCKS = {"moving-a": ("10.2.0.0/26", "fd00:2::/122"), "moving-b": ("10.2.1.0/26", "10.2.2.0/28")}
MOVING_RANGES = ("10.2.0.0/16", "fd00:2::/64")
NAMES = 60


def labels(tier):
    return {"tier": tier}


class Workload:
    def __init__(self, api_of, witness, chance):
        self._api_of = api_of
        self._witness = witness
        self._chance = chance
        self.edit_pools = False
        self.done = 0
        self.refused = 0
        self._go = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._stop = False
        self.error = None
        self._thread = threading.Thread(target=self._run, name="workload", daemon=True)

    def prepare(self):
        """Pools, and the Services that stay: plain, of both families, and in groups that share."""
        api = self._api_of()
        api.create(pool("steady", *STEADY_BLOCKS, selector={"matchLabels": labels("steady")}))
        for name, blocks in MOVING_BLOCKS.items():
            api.create(pool(name, *blocks, selector={"matchLabels": labels("moving")}))
        for i in range(20):
            api.create(service(f"steady{i}", labels=labels("steady")))
        for i in range(5):
            api.create(service(f"dual{i}", labels=labels("steady"), ipFamilyPolicy="RequireDualStack"))
        for i in range(12):
            api.create(service(f"group{i}", labels=labels("steady"), port=1000 + i,
                               annotations={SHARING_KEY: f"steady-{i % 3}"}))
        return 37

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop = True
        self._go.set()
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
            except ApiError:  # a Service that is not there, or there already: the next one
                self.refused += 1
            except (OSError, http.client.HTTPException):  # the server is down just now
                time.sleep(0.1)
            except Exception as e:
                self.error = e
                break
            time.sleep(0.001)
        self._idle.set()

    # One change each

    def _name(self):
        return f"moving{self._chance.randrange(NAMES)}"

    def _request(self):
        c = self._chance
        return c.choice([f"10.2.0.{c.randrange(70)}", f"10.2.1.{c.randrange(70)}", "192.0.2.1"])

    def _annotations(self):
        c, notes = self._chance, {}
        if c.random() < 0.2:
            notes[REQUEST] = self._request()
        if c.random() < 0.3:
            notes[SHARING_KEY] = f"moving-{c.randrange(4)}"
        return notes

    def _step(self):
        c = self._chance
        kinds, weights = zip((self._create, 32), (self._delete, 20), (self._again, 8), (self._type, 12),
                             (self._ask, 8), (self._share, 10), (self._port, 6),
                             (self._edit_pool, 4 if self.edit_pools else 0))
        c.choices(kinds, weights)[0](self._name())

    def _create(self, name):
        c = self._chance
        more = {"ipFamilyPolicy": "PreferDualStack"} if c.random() < 0.15 else {}
        body = service(name, labels=labels("moving"), port=c.randrange(8000, 8006), annotations=self._annotations(),
                       **more)
        self._witness.touch(f"default/{name}")
        self._api_of().create(body)

    def _delete(self, name):
        self._witness.touch(f"default/{name}")
        self._api_of().delete("Service", name, missing_ok=True)

    def _again(self, name):
        self._delete(name)
        self._create(name)

    def _patch(self, name, body):
        self._witness.touch(f"default/{name}")
        self._api_of().patch("Service", name, body)

    def _type(self, name):
        balancer = self._chance.random() < 0.6
        self._patch(name, {"spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False} if balancer else
                           {"type": "ClusterIP", "allocateLoadBalancerNodePorts": None}})

    def _ask(self, name):
        wish = self._request() if self._chance.random() < 0.6 else None
        self._patch(name, {"metadata": {"annotations": {REQUEST: wish}}})

    def _share(self, name):
        key = f"moving-{self._chance.randrange(4)}" if self._chance.random() < 0.7 else None
        self._patch(name, {"metadata": {"annotations": {SHARING_KEY: key}}})

    def _port(self, name):
        port = self._chance.randrange(8000, 8006)
        self._patch(name, {"spec": {"ports": [{"name": "p", "port": port, "protocol": "TCP"}]}})

    def _edit_pool(self, _):
        c = self._chance
        name = c.choice(sorted(MOVING_BLOCKS))
        self._witness.pools_edited()
        if c.random() < 0.3:
            body = {"spec": {"disabled": c.random() < 0.5}}
        else:
            blocks = [b for b in MOVING_BLOCKS[name] if c.random() < 0.7] or [MOVING_BLOCKS[name][0]]
            body = {"spec": {"blocks": [{"cidr": b} for b in blocks]}}
        self._api_of().patch("CiliumLoadBalancerIPPool", name, body)
