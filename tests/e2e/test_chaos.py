"""A short chaos run on either back end; `make chaos` has the long ones. SEED repeats one."""

import os
import random

from lib.chaos import Chaos

FAULTS = {"embedded": 150, "apiserver": 12}


def test_chaos(apart, toxiproxy):
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    print(Chaos(apart, toxiproxy, seed).run(FAULTS[apart.backend]))
