"""Random manifests, one change at a time, as a user might apply them. The same seed makes the same ones."""

import copy
import random

from .objects import pool, service

BLOCKS = ["192.0.2.0/29", "192.0.2.4/30", "192.0.2.8/30", "192.0.2.16-192.0.2.18", "192.0.2.32",
          "198.51.100.0/30", "198.51.100.2-198.51.100.9", "2001:db8::/126", "2001:db8::2-2001:db8::9"]
REQUESTS = ["192.0.2.1", "192.0.2.5", "192.0.2.9", "192.0.2.32", "198.51.100.3", "10.9.9.9", "2001:db8::3",
            "192.0.2.2,198.51.100.1", "nonsense"]
POOLS = ["blue", "green", "red"]
SERVICES = [f"s{i}" for i in range(8)]


class Manifests:
    """next() makes a new object or another version of one that it has made before."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.made = {}

    def next(self):
        made = self._pool() if self.random.random() < 0.35 else self._service()
        self.made[(made["kind"], made["metadata"]["name"])] = made
        return copy.deepcopy(made)

    def _chance(self, share):
        return self.random.random() < share

    def _pool(self):
        r = self.random
        spec = {}
        if self._chance(0.2):
            spec["disabled"] = True
        if self._chance(0.2):
            spec["allowFirstLastIPs"] = "No"
        if self._chance(0.3):
            spec["selector"] = {"matchLabels": {"team": r.choice("ab")}}
        blocks = r.sample(BLOCKS, r.randint(1, 3))
        return pool(r.choice(POOLS), *blocks, **spec)

    def _service(self):
        r = self.random
        notes, spec = {}, {}
        if self._chance(0.25):
            notes["lbipam.cilium.io/ips"] = r.choice(REQUESTS)
        if self._chance(0.25):
            notes["lbipam.cilium.io/sharing-key"] = r.choice("kl")
        if self._chance(0.2):
            notes["berth.dev/pool"] = r.choice(["blue", "green,red", "red, nowhere", "nowhere"])
        if self._chance(0.3):
            spec["ipFamilyPolicy"] = r.choice(["PreferDualStack", "RequireDualStack"])
        name = r.choice(SERVICES)
        before = self.made.get(("Service", name))
        # The API server has filled in the families of one that exists, and lets nobody take them back.
        if before:
            spec.pop("ipFamilyPolicy", None)
            if "ipFamilyPolicy" in before["spec"]:
                spec["ipFamilyPolicy"] = before["spec"]["ipFamilyPolicy"]
        return service(name, opted_in=self._chance(0.9), annotations=notes,
                       labels={"team": r.choice("ab")} if self._chance(0.6) else {},
                       port=r.choice([80, 443, 8080]), **spec)
