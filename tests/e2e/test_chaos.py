"""A short chaos run on either back end, with seeds that are known to pass; `make chaos` has the long ones, with
any seed. SEED takes another one here too."""

import os

import pytest

from lib.chaos import Chaos

FAULTS = {"embedded": 20, "apiserver": 12}
SEEDS = [int(os.environ["SEED"])] if os.environ.get("SEED") else [2, 3]


@pytest.mark.parametrize("seed", SEEDS)
def test_chaos(apart, toxiproxy, seed):
    print(f"SEED={seed}")
    print(Chaos(apart, toxiproxy, seed).run(FAULTS[apart.backend]))
