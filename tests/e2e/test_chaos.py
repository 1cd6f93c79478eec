"""A short chaos run on either back end, with seeds that are known to pass; `make chaos` has the long ones, with
any seed. SEED takes another one here too. And that its witnesses find what is wrong."""

import ipaddress
import os

import pytest

from lib.chaos import Chaos
from lib.chaos_watch import History, NodeWitness, Witness
from lib.objects import service

FAULTS = {"embedded": 20, "apiserver": 12}
SEEDS = [int(os.environ["SEED"])] if os.environ.get("SEED") else [2, 3]


@pytest.mark.parametrize("seed", SEEDS)
def test_chaos(apart, toxiproxy, seed):
    print(f"SEED={seed}")
    print(Chaos(apart, toxiproxy, seed).run(FAULTS[apart.backend]))


# The witnesses, with events made by hand

def node(name, version, *cidrs):
    return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version)}, "spec": {"podCIDRs": list(cidrs)}}


def holding(name, version, *addresses, **more):
    svc = service(name, **more)
    svc["metadata"].update(uid=name, resourceVersion=str(version))
    svc["status"] = {"loadBalancer": {"ingress": [{"ip": a} for a in addresses]}}
    return svc


@pytest.fixture
def witnesses():
    history = History("10.4.0.0/24", 28)
    return (Witness(None, lambda pool: [ipaddress.ip_network("10.2.0.0/26")], history), NodeWitness(None, history),
            history)


def test_an_overlap_is_found_however_the_watches_run(witnesses):
    services, nodes, history = witnesses
    services._take("ADDED", holding("a", 20, "10.4.0.17"))
    services._take("DELETED", holding("a", 30, "10.4.0.17"))
    nodes._take("ADDED", node("n", 31, "10.4.0.16/28"))
    nodes._take("ADDED", node("far", 32, "10.4.0.32/28"))
    assert history.judge() == []
    nodes._take("DELETED", node("n", 50, "10.4.0.16/28"))  # told before the other watch is as far
    services._take("ADDED", holding("b", 49, "10.4.0.30"))
    assert len(history.judge()) == 1
    nodes._take("ADDED", node("m", 60, "10.4.0.32/28"))
    assert len(history.judge()) == 1


def test_what_nobody_saw_is_not_held_against_anybody(witnesses):
    services, nodes, history = witnesses
    services._take("ADDED", holding("a", 20, "10.4.0.17"))
    nodes._take("ADDED", node("n", 40, "10.4.0.16/28"))
    services._take_list({"default/a": holding("a", 50)})  # it may have gone long before
    assert history.judge() == []


def test_a_podcidr_that_changes_is_found(witnesses):
    _, nodes, _ = witnesses
    nodes._take("ADDED", node("n", 1, "10.4.0.16/28"))
    nodes._take("MODIFIED", node("n", 2, "10.4.0.32/28"))
    assert len(nodes.violations) == 1


def test_who_gets_what_is_kept_for_another_is_found(witnesses):
    services, _, _ = witnesses
    services.quiet({"10.2.0.1": None, "10.2.0.2": "default/a", "10.2.0.3": None})
    services._take("ADDED", holding("a", 1, "10.2.0.2"))
    assert services.violations == []
    services._take("ADDED", holding("b", 2, "10.2.0.1"))
    assert len(services.violations) == 1
    services.may_be_given([ipaddress.ip_network("10.2.0.3/32")])
    services._take("ADDED", holding("c", 3, "10.2.0.3"))
    assert len(services.violations) == 1


def test_a_move_without_a_reason_and_two_with_one_address_are_found(witnesses):
    services, _, _ = witnesses
    services._take("ADDED", holding("a", 1, "10.2.0.2"))
    services._take("ADDED", holding("b", 2, "10.3.0.2"))
    services._take("MODIFIED", holding("a", 3, "10.2.0.9"))
    assert len(services.violations) == 1
    services.pool_edited("moving-a")
    services.quiet({})
    services.pool_edited("moving-a")
    services._take("MODIFIED", holding("a", 4, "10.3.0.2"))
    assert len(services.violations) == 2 and "while default/b holds it" in services.violations[1]
