"""berth history: who held what, when."""

import calendar
import json
import time

from lib.berth import run
from lib.objects import SATISFIED
from lib.process import wait_until


def history(cluster, what):
    code, out, err = run("history", what, f"--kubeconfig={cluster.kubeconfig}", "-o", "json")
    assert code == 0, err
    return json.loads(out)["holdings"]


def wall_of(stamp):
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))


def policy(reuse_after):
    return {"apiVersion": "berth.dev/v1alpha1", "kind": "IPPoolPolicy", "metadata": {"name": "p"},
            "spec": {"poolName": "past", "reuseAfter": reuse_after}}


def test_an_addresss_life(cluster):
    cluster.start()
    namespace = cluster.replica_namespace
    cluster.api.create(policy("1s"))
    cluster.create_pool("past", "10.0.0.1/32")
    try:
        cluster.create_service("first")
        cluster.wait_addresses("first")
        cluster.api.delete("Service", "first")
        wait_until("its record is gone", lambda: cluster.api.find("IPAddress", "10.0.0.1") is None)
        wait_until("the pool remembers", lambda: cluster.api.find("ConfigMap", "berth-history-past", namespace))
        cluster.api.patch("IPPoolPolicy", "p", {"spec": {"reuseAfter": "1h"}})
        cluster.create_service("second")
        cluster.wait_addresses("second")
        cluster.wait_condition("Service", "second", SATISFIED, "True")
        first, second = history(cluster, "10.0.0.1")
        assert (first["holder"], first["state"]) == ("default/first", "past")
        assert wall_of(first["from"]) <= wall_of(first["until"]) <= wall_of(second["from"])
        assert (second["holder"], second["state"], "until" in second) == ("default/second", "held", False)
        assert history(cluster, "default/first") == [first]
        assert history(cluster, "default/second") == [second]

        cluster.api.delete("Service", "second")
        wait_until("it cools", lambda: history(cluster, "10.0.0.1")[-1]["state"] == "cooling")
        last = history(cluster, "default/second")[-1]
        assert wall_of(last["coolsUntil"]) - wall_of(last["until"]) == 3600
        code, out, err = run("history", "10.0.0.1", f"--kubeconfig={cluster.kubeconfig}")
        assert (code, err) == (0, "")
        lines = [line.split() for line in out.splitlines()]
        assert [line[:2] for line in lines[1:]] == [["10.0.0.1", "default/first"], ["10.0.0.1", "default/second"]]
        assert lines[-1][-3:] == ["cools", "until", last["coolsUntil"]]

        cluster.create_service("second")
        cluster.wait_addresses("second")
        wait_until("held again", lambda: history(cluster, "10.0.0.1")[-1]["state"] == "held")
        assert [h["state"] for h in history(cluster, "10.0.0.1")] == ["past", "past", "held"]
        assert run("history", "10.0.0.2", f"--kubeconfig={cluster.kubeconfig}") == (0, "Nothing is known of it.\n", "")
    finally:
        cluster.api.delete("ConfigMap", "berth-history-past", namespace)
