"""Nodes and Services of one cluster pool in great number, with operators that are killed: `make soak`.

What is checked is the history as the API server has it: the events of two watches put in the order of its
revisions, so that an overlap counts however short it was."""

import ipaddress
import os
import random
import time

import pytest

from lib.process import wait_until
from test_cluster_pool import CIDR, NODES, cidrs_of, claims, create_node, pool  # noqa: F401

pytestmark = [pytest.mark.durable, pytest.mark.only("apiserver")]

N_NODES, N_SERVICES = (5000, 2000) if os.environ.get("BERTH_SOAK") else (150, 60)


def block_of(text):
    return ipaddress.ip_network(text, strict=False).network_address.packed[:3]


def assert_never_overlapped(*recorders):
    """Each PodCIDR is a /24, so two things overlap if their first three bytes are the same."""
    changes = sorted((c for r in recorders for c in r.snapshot()), key=lambda c: int(c.version))
    node_of, users, had = {}, {}, {}
    for c in changes:
        for block in had.pop(c.key, ()):
            if node_of.get(block) == c.key:
                del node_of[block]
            users.get(block, set()).discard(c.key)
        for cidr in c.cidrs:
            block = block_of(cidr)
            assert block not in node_of, f"{cidr} of {c.key} is {node_of[block]}'s too, at revision {c.version}"
            assert not users.get(block), f"{cidr} of {c.key} has addresses of {users[block]}, at {c.version}"
            assert not 96 <= block[1] < 112, f"{cidr} of {c.key} is inside the ClusterIP range"
            node_of[block] = c.key
            had.setdefault(c.key, []).append(block)
        for address in c.held or ():
            block = block_of(address + "/32")
            assert block not in node_of, f"{address} of {c.key} is inside {node_of[block]}, at {c.version}"
            assert not 96 <= block[1] < 112, f"{address} of {c.key} is inside the ClusterIP range"
            users.setdefault(block, set()).add(c.key)
            had.setdefault(c.key, []).append(block)
    return len(changes)


def test_nodes_and_services_come_and_go(pool):  # noqa: F811
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    chance = random.Random(seed)
    api, began = pool.api, time.monotonic()
    say = lambda what: print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)
    pool.api.create({"kind": "ServiceCIDR", "metadata": {"name": "clusterips"}, "spec": {"cidrs": ["10.96.0.0/12"]}})
    flags = (CIDR + "10.0.0.0/8", NODES)
    pool.start(*flags)
    recorders = pool.record("Node"), pool.record("Service")

    def toggle(work):
        kind, name, there = work
        if there:
            api.delete(kind, name)
        elif kind == "Node":
            create_node(pool, name)
        else:
            pool.create_service(name)

    there = {("Node", f"n{i:04}"): False for i in range(N_NODES)}
    there |= {("Service", f"s{i:04}"): False for i in range(N_SERVICES)}

    def change(keys):
        chance.shuffle(keys)
        api.in_parallel(toggle, [(*k, there[k]) for k in keys])
        for k in keys:
            there[k] = not there[k]

    try:
        everything = list(there)
        chance.shuffle(everything)
        change(everything[:len(everything) // 2])
        pool.operator.kill9()
        say("half is there; killed")
        pool.start(*flags)
        change(everything[len(everything) // 2:])
        change(chance.sample(everything, len(everything) // 5))
        pool.operator.kill9()
        say("a fifth is gone again; killed")
        pool.start(*flags)
        change([k for k in everything if not there[k]])
        wait_until("all nodes are served", lambda: all(cidrs_of(n) for n in api.list("Node")), timeout=300, every=1)
        pool.wait_all_served(N_SERVICES, timeout=300)
        say("all are served")
        assert len(api.list("Node")) == N_NODES
        change(everything)
        wait_until("all claims of nodes are gone",
                   lambda: all(o == "external" for o in claims(pool).values()), timeout=300, every=1)
        say("all nodes are gone, and their claims")
        for r in recorders:
            r.caught_up()
        say(f"{assert_never_overlapped(*recorders)} changes, no overlap")
    finally:
        api.delete("ServiceCIDR", "clusterips")
