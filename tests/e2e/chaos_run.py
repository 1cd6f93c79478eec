#!/usr/bin/env python3
"""The long chaos run: chaos_run.py BACKEND SEED FAULTS. Ends with a line of counts; a violation says the seed
and the last faults, keeps the logs, and is exit status 1."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import controlplane
from lib.apart import ApiserverApart, EmbeddedApart
from lib.chaos import Chaos, Violation
from lib.toxiproxy import Toxiproxy


def main(backend, seed, faults):
    folder = tempfile.mkdtemp(prefix="berth-chaos-")
    toxiproxy = Toxiproxy(folder)
    plane = None
    if backend == "apiserver":
        plane = controlplane.ControlPlane(os.path.join(folder, "plane"))
        os.makedirs(plane.folder)
        plane.start()
        cluster = ApiserverApart(folder, plane)
        cluster.install()
    elif backend == "embedded":
        cluster = EmbeddedApart(folder, None).start_server()
    else:
        sys.exit(f"BACKEND={backend}: want embedded or apiserver")
    print(f"chaos: backend={backend} seed={seed} faults={faults}, logs in {folder}", flush=True)
    try:
        print(Chaos(cluster, toxiproxy, seed, lambda line: print(line, flush=True)).run(faults))
        return 0
    except Violation as e:
        print(e)
        return 1
    finally:
        cluster.end()
        toxiproxy.close()
        if plane is not None:
            plane.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
