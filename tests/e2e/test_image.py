"""The image: the last stage of its Containerfile, built of the root file system that the first stage would make. The
first stage needs a registry and a network, so here its last step is done outside of a container, with the release build
that BERTH_RELEASE names (default: build-gcc/berth, build/berth) and its libraries in place of the static program, which
test_static.py is about."""

import http.client
import json
import os
import shutil
import subprocess

import pytest
import yaml

from lib.berth import environment
from lib.controlplane import ROOT
from lib.helm import one, template
from lib.process import Process, free_port, wait_until

CONTAINERFILE = os.path.join(ROOT, "deploy", "image", "Containerfile")
MIB = 1 << 20


def release():
    named = os.environ.get("BERTH_RELEASE")
    candidates = [named] if named else [os.path.join(ROOT, d, "berth") for d in ("build-gcc", "build")]
    found = [c for c in candidates if os.access(c, os.X_OK)]
    if not found:
        pytest.skip(f"no release build at {' or '.join(candidates)}: run tools/run-tests.sh gcc, or set BERTH_RELEASE")
    return found[0]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A folder that stands for the first stage: /rootfs is in it."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([os.path.join(ROOT, "tools", "make-rootfs.sh"), release(), str(folder / "rootfs")], check=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def files(root):
    """{path below root: size} of all that is no folder."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = os.lstat(path).st_size
    return found


def test_the_root_file_system_has_what_the_program_needs(stage):
    root = stage / "rootfs"
    loader = next(str(root / p) for p in files(root) if os.path.basename(p).startswith("ld-linux"))
    folders = {os.path.dirname(str(root / p)) for p in files(root) if ".so" in p}
    argv = [loader, "--inhibit-cache", "--library-path", ":".join(sorted(folders))]
    done = subprocess.run([*argv, "--list", str(root / "usr/bin/berth")], capture_output=True, text=True, check=True)
    outside = [line for line in done.stdout.splitlines() if "=>" in line and str(root) not in line]
    assert not outside and "libcurl" in done.stdout, done.stdout
    done = subprocess.run([*argv, str(root / "usr/bin/berth"), "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("berth ")


def test_and_nothing_else(stage):
    there = files(stage / "rootfs")
    assert {p for p in there if ".so" not in p} == {
        "usr/bin/berth", "usr/bin/kubectl-lbipam", "etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/group",
        "etc/nsswitch.conf"}
    size = sum(there.values())
    print(f"root file system: {size / MIB:.1f} MiB in {len(there)} files")
    assert size < 32 * MIB


class Buildah:
    def __init__(self, folder):
        self.argv = ["buildah", "--storage-driver=vfs", f"--root={folder}/storage", f"--runroot={folder}/run"]

    def __call__(self, *argv):
        done = subprocess.run([*self.argv, *argv], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"buildah {' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


@pytest.fixture(scope="module")
def container(stage):
    """(buildah, name of a container of the image)"""
    if not shutil.which("buildah"):
        pytest.skip("no buildah here: tools/install-packages.sh test")
    if os.geteuid() != 0:
        pytest.skip("buildah runs containers by chroot here, for which it must be root")
    buildah = Buildah(stage)
    # The stage "build" of the file is taken from the folder instead of being built.
    buildah("build", "--isolation=chroot", f"--build-context=build={stage}", f"--file={CONTAINERFILE}", "--tag=berth",
            ROOT)
    name = buildah("from", "--pull-never", "berth")
    yield buildah, name
    buildah("rm", name)


def test_the_image_says_what_runs_and_as_whom(container):
    buildah, name = container
    config = json.loads(buildah("inspect", "--type=image", "berth"))["OCIv1"]["config"]
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/usr/bin/berth"]
    assert config["Cmd"] == ["operator"]
    assert buildah("run", "--isolation=chroot", name, "--", "/usr/bin/berth", "version").startswith("berth ")
    pod = one(template(), "Deployment")["spec"]["template"]["spec"]
    assert config["User"] == f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"


def test_the_operator_runs_in_it(container, stage):
    """As its user, with the chart's command line, the embedded API in place of a cluster; and within the memory that
    the chart asks for."""
    buildah, name = container
    pod = one(template(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    port = free_port()
    args = [f"--http-address=127.0.0.1:{port}" if a.startswith("--http-address") else a for a in pod["args"]]
    args += ["--embedded", f"--embedded-address=127.0.0.1:{free_port()}"]
    process = Process("berth in its image", [*buildah.argv, "run", "--isolation=chroot", name, "--",
                                             "/usr/bin/berth", *args], str(stage / "berth.log"), environment())

    def answers(path):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read().decode()
        except OSError:
            return None, ""
        finally:
            c.close()
    try:
        for probe in ("readinessProbe", "livenessProbe"):
            path = pod[probe]["httpGet"]["path"]
            wait_until(f"{path} answers 200", lambda: answers(path)[0] == 200, last=process.log_text)
        # The program among buildah's processes is the one that was started as it.
        pid = next(int(p) for p in os.listdir("/proc") if p.isdigit() and is_program(p, port))
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status", encoding="ascii").read().splitlines())
        assert status["Uid"].split() == ["65532"] * 4 and status["Gid"].split() == ["65532"] * 4
        resident = int(status["VmRSS"].split()[0]) * 1024
        asked = yaml.safe_load(pod["resources"]["requests"]["memory"].replace("Mi", "")) * MIB
        print(f"resident: {resident / MIB:.1f} MiB; requested: {asked / MIB:.0f} MiB")
        assert resident < asked
    finally:
        process.stop()


def is_program(pid, port):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="ascii", errors="replace") as f:
            argv = f.read().split("\0")
    except OSError:
        return False
    return argv[0] == "/usr/bin/berth" and f"--http-address=127.0.0.1:{port}" in argv
