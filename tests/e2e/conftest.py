"""Fixtures: `cluster` is what a test asks for, and gets once for each back end. Markers:

only("apiserver")   the test runs on that back end alone
last                the test runs after all others, of which it has something to say
durable             the embedded API keeps its state in a file, for tests that start it again
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from lib import audit, controlplane
from lib.apart import ApiserverApart, EmbeddedApart
from lib.cluster import ApiserverCluster, EmbeddedCluster
from lib.proxy import Proxy
from lib.toxiproxy import Toxiproxy

BACKENDS = os.environ.get("BERTH_E2E_BACKENDS", "apiserver,embedded").split(",")
TEST_SECONDS = 400
MODULES = pytest.StashKey()  # the test modules that this run was begun with


def pytest_configure(config):
    config.addinivalue_line("markers", "only(backend): run on that back end alone")
    config.addinivalue_line("markers", "last: run after all others")
    config.addinivalue_line("markers", "durable: the embedded API keeps its state in a file")


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only")
        wanted = [b for b in BACKENDS if only is None or b in only.args]
        metafunc.parametrize("backend", wanted or [None], scope="session")


def pytest_collection_modifyitems(config, items):
    """Of a run of one back end: what belongs to the other is left out. Tests of neither go with apiserver,
    so that two runs share all of them."""
    def belongs(item):
        backend = item.callspec.params.get("backend") if hasattr(item, "callspec") else None
        if "backend" in item.fixturenames:
            return backend is not None
        return "apiserver" in BACKENDS
    config.stash[MODULES] = {os.path.basename(str(i.path)) for i in items}
    out = [i for i in items if not belongs(i)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [i for i in items if belongs(i)]
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its operators said last."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for fixture in ("cluster", "apart", "apiserver"):
        cluster = item.funcargs.get(fixture) if hasattr(item, "funcargs") else None
        if cluster is not None:
            for number, operator in enumerate(cluster.operators):
                report.sections.append((f"operator {number}: {' '.join(operator.argv)}",
                                        operator.log_text()[-4000:]))
            return


@pytest.fixture(autouse=True)
def no_endless_test():
    """A test that hangs fails, so that the others still run."""
    def too_long(signum, frame):
        raise AssertionError(f"the test ran longer than {TEST_SECONDS} s")
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, TEST_SECONDS)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def left_out(request):
    """Test modules of this folder that this run has nothing of, and what chose some tests only. Scenarios run apart,
    and need no right that the others do not need."""
    here = os.path.dirname(os.path.abspath(__file__))
    there = {name for name in os.listdir(here) if name.startswith("test_") and name.endswith(".py")}
    out = sorted(there - {"test_scenarios.py"} - request.config.stash[MODULES])
    options = request.config.option
    out += [f"-{flag} {value}" for flag, value in (("k", options.keyword), ("m", options.markexpr)) if value]
    return out + [arg for arg in request.config.args if "::" in arg]


@pytest.fixture(scope="session")
def kubectl_binary():
    return os.path.join(controlplane.programs("kubectl"), "kubectl")


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory):
    """etcd and kube-apiserver; started by the first test that needs them."""
    folder = tmp_path_factory.mktemp("controlplane")
    plane = controlplane.ControlPlane(folder, audit.POLICY)
    plane.start()
    yield plane
    plane.stop()
    shutil.rmtree(plane.file("etcd"), ignore_errors=True)


@pytest.fixture(scope="session")
def installed(control_plane):
    """The CRDs, the account and its roles are on the server; the operator's token."""
    return ApiserverCluster(control_plane.folder, control_plane).install()


@pytest.fixture
def apiserver(control_plane, installed, tmp_path):
    """The real server, empty, with no operator."""
    cluster = ApiserverCluster(tmp_path, control_plane)
    cluster.adopt(installed)
    cluster.reset()
    yield cluster
    cluster.end()


@pytest.fixture
def cluster(backend, request, tmp_path):
    """An empty cluster on either back end; see lib/cluster.py."""
    if backend == "apiserver":
        yield request.getfixturevalue("apiserver")
        return
    durable = request.node.get_closest_marker("durable") is not None
    made = EmbeddedCluster(tmp_path, request.getfixturevalue("kubectl_binary"), durable)
    yield made
    made.end()


@pytest.fixture
def behind_proxy(apiserver):
    """(cluster, proxy, flag): the operator reaches the server through the proxy alone."""
    proxy = Proxy(apiserver.control_plane.port)
    with open(apiserver.operator_kubeconfig, encoding="utf-8") as f:
        config = json.load(f)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
    path = apiserver.file("proxied.kubeconfig")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    yield apiserver, proxy, f"--kubeconfig={path}"
    proxy.close()


@pytest.fixture
def apart(backend, request, tmp_path):
    """As `cluster`, but on both back ends the API is no part of the operator; see lib/apart.py."""
    if backend == "apiserver":
        made = ApiserverApart(tmp_path, request.getfixturevalue("control_plane"))
        made.adopt(request.getfixturevalue("installed"))
        made.reset()
    else:
        made = EmbeddedApart(tmp_path, request.getfixturevalue("kubectl_binary")).start_server()
    yield made
    made.end()


@pytest.fixture(scope="session")
def toxiproxy(tmp_path_factory):
    server = Toxiproxy(tmp_path_factory.mktemp("toxiproxy"))
    yield server
    server.close()


@pytest.fixture
def linked(apart, toxiproxy, request):
    """(cluster, link): the operator reaches the API through the link alone."""
    link = toxiproxy.link(re.sub(r"\W+", "-", request.node.name), apart.server_port)
    apart.through(link.port)
    yield apart, link
    link.heal()


@pytest.fixture(scope="session")
def backlog():
    """How many Services wait at once in the tests of a backlog."""
    return int(os.environ.get("BERTH_E2E_BACKLOG", "500"))


@pytest.fixture
def stopwatch(request):
    """stopwatch(name): seconds since the test began, printed with the test's captured output."""
    began = time.monotonic()

    def lap(name):
        seconds = time.monotonic() - began
        print(f"{request.node.name}: {name}: {seconds:.2f} s")
        return seconds
    return lap


def pytest_report_header():
    from lib.berth import BINARY
    version = "not built"
    if os.access(BINARY, os.X_OK):
        done = subprocess.run([BINARY, "version"], capture_output=True, text=True, check=False)
        version = (done.stdout.splitlines() or ["?"])[0]
    return f"berth: {BINARY} ({version}); back ends: {', '.join(BACKENDS)}"
