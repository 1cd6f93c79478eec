"""When a pool will be empty: hourly samples in a ConfigMap, which outlive the leader."""

import time

import pytest

from lib.process import wait_until
from test_lifecycle import FAKETIME

HOUR = 3600


def test_who_leads_next_knows_what_was(cluster):
    """Four hours with one more address each: the four that are free last four hours."""
    first = int(time.time() // HOUR) - 3
    samples = f"blue ipv4 {first} 1 2 3 4\nflat ipv4 {first} 4 4 4 4\nno line\n"
    if cluster.backend == "embedded":
        cluster.start("--enable-lb-ipam=false")
    cluster.api.create({"apiVersion": "v1", "kind": "ConfigMap", "data": {"samples": samples},
                        "metadata": {"name": "berth-forecast", "namespace": cluster.replica_namespace}})
    try:
        version = cluster.api.get("ConfigMap", "berth-forecast", cluster.replica_namespace)["metadata"]["resourceVersion"]
        operator = cluster.replica("--leader-elect=false").wait_ready()
        cluster.create_pool("blue", "192.0.2.0/30")
        cluster.create_pool("flat", "198.51.100.0/30")

        def forecast():
            return {labels: v for (name, labels), v in operator.metrics().items()
                    if name == "berth_pool_exhaustion_seconds"}
        wanted = {(("family", "ipv4"), ("pool", "blue")): 4.0 * HOUR}
        wait_until("the forecast is there", lambda: forecast() == wanted, last=forecast)
        after = cluster.api.get("ConfigMap", "berth-forecast", cluster.replica_namespace)["metadata"]["resourceVersion"]
        assert after == version, "written within the hour"
    finally:
        cluster.api.delete("ConfigMap", "berth-forecast", cluster.replica_namespace)


@pytest.mark.only("embedded")
def test_one_sample_each_full_hour(cluster):
    """The embedded API's clock stands a few seconds before the hour."""
    assert FAKETIME, "install the package faketime"
    shift = HOUR - time.time() % HOUR - 12
    hour = int((time.time() + shift + 12.5) // HOUR)
    clock = {"LD_PRELOAD": FAKETIME[0], "FAKETIME": f"{shift:+.0f}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
             "DONT_FAKE_MONOTONIC": "1",
             "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1:exitcode=99"}
    cluster.start(env=clock)
    cluster.create_pool("blue", "192.0.2.0/30")
    cluster.create_service("s")
    cluster.wait_addresses("s")

    def samples():
        found = cluster.api.find("ConfigMap", "berth-forecast", "default")
        return found["data"]["samples"] if found else None
    wait_until("the hour is over", lambda: samples() == f"blue ipv4 {hour} 1\n", last=samples, timeout=40)
    assert cluster.operator.metrics().value("berth_api_requests_total", verb="create", resource="configmaps",
                                            code="201") == 1
