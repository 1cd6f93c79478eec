#!/usr/bin/env python3
"""Memory over a long life: memory_run.py SERVICES. Makes and deletes so many Services on the embedded API, at
most a thousand at a time, beside an operator of its own process, and prints the operator's memory as it goes.
Exit status 1 where the second half of the run grew by more than a tenth and 1 MiB."""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.apart import EmbeddedApart
from lib.objects import service
from lib.process import wait_until

BATCH = 1000
THREADS = 4


def sample(operator):
    m = operator.memory()
    return {k: m[k] // 1024 for k in ("RssAnon", "VmRSS", "VmHWM")}


def main(services):
    cluster = EmbeddedApart(tempfile.mkdtemp(prefix="berth-memory-"), None, durable=False).start_server()
    try:
        operator = cluster.start("--log-level=warn")
        cluster.create_pool("blue", "10.0.0.0/16")
        began, series, made = time.monotonic(), [], 0
        while made < services:
            names = [f"s{made + i}" for i in range(min(BATCH, services - made))]
            cluster.api.in_parallel(lambda n: cluster.api.create(service(n)), names, THREADS)
            cluster.wait_all_served(len(names), timeout=120)
            cluster.api.in_parallel(lambda n: cluster.api.delete("Service", n), names, THREADS)
            wait_until("all records are gone or cooling", lambda: operator.metrics().value(
                "berth_pool_addresses", pool="blue", family="ipv4", state="used") == 0, timeout=120, every=0.2)
            made += len(names)
            series.append((made, sample(operator)))
            if len(series) == 1 or made % 10_000 == 0 or made == services:
                print(f"{made} Services made and deleted, {time.monotonic() - began:.0f} s: "
                      + ", ".join(f"{k} {v} kB" for k, v in series[-1][1].items()), flush=True)
        middle, last = series[len(series) // 2][1]["RssAnon"], series[-1][1]["RssAnon"]
        grown = last - middle
        print(f"memory: services={made} RssAnon after half {middle} kB, at the end {last} kB")
        return 1 if grown > 1024 and grown > middle // 10 else 0
    finally:
        cluster.end()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
