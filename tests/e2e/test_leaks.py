"""Much churn, an orderly end: with a sanitized program anything that was lost on the way makes it end with a
status other than 0. Another program would show nothing, so it is not asked."""

import pathlib

import pytest

from lib import berth
from lib.objects import service
from lib.process import wait_until
from lib.rest import ApiError

ROUNDS = 2
SERVICES = 40


def churn(cluster, number):
    """Some eight changes of each Service, by its number."""
    api, name = cluster.api, f"s{number}"
    for i in range(3):
        api.patch("Service", name, {"metadata": {"labels": {"round": f"r{i}"}}})
    api.patch("Service", name, {"metadata": {"annotations": {
        "lbipam.cilium.io/ips": f"10.0.{number % 4}.{number + 1}",
        "lbipam.cilium.io/sharing-key": f"k{number % 10}"}}})
    api.patch("Service", name, {"spec": {"type": "ClusterIP"}})
    api.patch("Service", name, {"metadata": {"annotations": {"lbipam.cilium.io/ips": "none at all"}},
                                "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False}})
    api.delete("Service", name)
    api.create(service(name))


@pytest.mark.only("embedded")
def test_nothing_is_lost_in_hundreds_of_changes(cluster):
    if b"__asan_init" not in pathlib.Path(berth.BINARY).read_bytes():
        pytest.skip("the program is built without AddressSanitizer, which finds what is lost")
    operator = cluster.start()
    cluster.create_pool("blue", "10.0.0.0/22")
    cluster.create_services([f"s{i}" for i in range(SERVICES)])
    cluster.wait_all_served(SERVICES, timeout=60)
    for i in range(ROUNDS):
        cluster.api.in_parallel(lambda n: churn(cluster, n), range(SERVICES))
        cluster.create_pool(f"more{i}", f"10.1.{i}.0/24")
        with pytest.raises(ApiError):
            cluster.api.call("POST", "/api/v1/namespaces/default/services", "{")
        for path in ("/metrics", "/readyz", "/no-such-page"):
            operator.http(path)
        cluster.wait_all_served(SERVICES, timeout=60)
    cluster.api.delete_all("Service", "default", fieldSelector="metadata.name!=kubernetes")
    wait_until("all addresses are given back", lambda: not any(cluster.all_addresses().values()))
    assert operator.process.stop() == 0
    operator.check_sanitizers()
