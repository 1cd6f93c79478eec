"""The static program that tools/static.sh makes, where it was made: BERTH_STATIC names it (default: build-static/berth)."""

import os
import shutil
import subprocess

import pytest

from lib.berth import environment
from lib.controlplane import ROOT, write_kubeconfig
from lib.objects import SATISFIED

MIB = 1 << 20


@pytest.fixture(scope="module")
def program():
    path = os.path.abspath(os.environ.get("BERTH_STATIC", os.path.join(ROOT, "build-static", "berth")))
    if not os.access(path, os.X_OK):
        pytest.skip(f"no static program at {path}: run make static, or set BERTH_STATIC")
    return path


@pytest.fixture(scope="module")
def rootfs(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    subprocess.run([os.path.join(ROOT, "tools", "make-rootfs.sh"), program, str(folder / "rootfs")], check=True)
    yield folder / "rootfs"
    shutil.rmtree(folder, ignore_errors=True)


def test_it_needs_no_other_file_to_run(rootfs):
    there = {os.path.relpath(os.path.join(folder, name), rootfs): os.lstat(os.path.join(folder, name)).st_size
             for folder, _, names in os.walk(rootfs) for name in names}
    assert {p for p in there if not p.startswith("etc/")} == {"usr/bin/berth", "usr/bin/kubectl-lbipam"}
    size = sum(there.values())
    print(f"root file system: {size / MIB:.1f} MiB in {len(there)} files")
    assert size < 12 * MIB
    if os.geteuid() != 0:
        pytest.skip("chroot wants root")
    done = subprocess.run(["chroot", str(rootfs), "/usr/bin/berth", "version"], capture_output=True, text=True,
                          check=True)
    assert done.stdout.startswith("berth ")


def test_it_serves(cluster, program, monkeypatch):
    """Over TLS and HTTP/2 on kube-apiserver, plain on the embedded API."""
    monkeypatch.setattr("lib.berth.BINARY", program)
    operator = cluster.start()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services(["a", "b"])
    held = cluster.wait_all_served(2, timeout=60)
    assert len({a for addresses in held.values() for a in addresses}) == 2
    cluster.wait_condition("Service", "a", SATISFIED, status="True")
    assert os.readlink(f"/proc/{operator.pid}/exe") == program


@pytest.mark.only("embedded")
def test_it_looks_names_up(cluster, program):
    """"localhost" stands in /etc/hosts."""
    cluster.start()
    cluster.create_pool("blue", "10.0.0.0/24")
    kubeconfig = write_kubeconfig(cluster.file("by-name.kubeconfig"), f"http://localhost:{cluster.port}")
    done = subprocess.run([program, "status", f"--kubeconfig={kubeconfig}"], capture_output=True, text=True, timeout=30,
                          env=environment(), check=False)
    assert done.returncode in (0, 1) and "blue" in done.stdout, done.stdout + done.stderr
