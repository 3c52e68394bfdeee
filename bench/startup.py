"""How long until the service answers: `python bench/startup.py`. The limit is 2 s, without torch."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 2.0
RUNS = 5
CHILD = """
import time
start = time.perf_counter()
import asyncio, sys
from pathlib import Path
from service.app import create_app
from service.testing import quiet_settings, running_server
imported = time.perf_counter() - start
import httpx
settings = quiet_settings(Path(sys.argv[1]))
with running_server(settings) as server:
    status = httpx.get(server.url + "/readyz").status_code
    ready = time.perf_counter() - start
assert status == 200, status
assert "torch" not in sys.modules
print(imported, ready, time.process_time())
"""


def main() -> int:
    """Print the times; 1 when the median is over the limit."""
    imported, ready, computed = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):
            done = subprocess.run([sys.executable, "-c", CHILD, folder], capture_output=True, text=True, check=True)
            first, second, third = (float(text) for text in done.stdout.split())
            imported.append(first)
            ready.append(second)
            computed.append(third)
    for name, values in (("import service.app", imported), ("/readyz answers", ready)):
        print(f"{name:20} median {statistics.median(values):.2f} s, worst {max(values):.2f} s, {RUNS} runs, no torch")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{'CPU time of it all':20} median {statistics.median(computed):.2f} s; load {load} on {os.cpu_count()} CPUs")
    return int(statistics.median(ready) > LIMIT_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
