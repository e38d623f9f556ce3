"""Which of the peer's families get through a stream at all.

Its searches are exact and, for temporal cycles, without a bound on length: around accounts with thousands of
transfers in the window a single call may not return. So each family is first tried alone, on the very transfers that
will be timed, in a process that can be killed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from _features.engines import PEER_FAMILIES

LEAST_RATE = 200  # transfers per second; a slower family would leave too few transfers to time

# A child for each family, which its own timer ends even inside a call. Seconds are of its own work: whether a family
# gets through must not hang on what else the machine does.
CHILD = """
import os, signal, sys, time
import numpy as np
sys.path.insert(0, sys.argv[1])
from _features.engines import PEER_FAMILIES, Peer
edges = np.load(sys.argv[2])
warm, seconds = int(sys.argv[3]), float(sys.argv[4])
for family in PEER_FAMILIES:
    if os.fork():
        os.wait()
        continue
    signal.setitimer(signal.ITIMER_PROF, 2 * seconds + 2)
    peer = Peer(32, (family,))
    peer.warm(edges[:warm])
    start, done = time.process_time(), 0
    for first in range(warm, len(edges), peer.batch):
        peer.engine.transform(edges[first : first + peer.batch])
        done = min(first + peer.batch, len(edges)) - warm
        if time.process_time() - start > seconds:
            break
    rate = done / (time.process_time() - start)
    os.write(1, f"{family} {rate:.0f}\\n".encode())
    os._exit(0)
"""


def rates_alone(warm: np.ndarray, part: np.ndarray, seconds: float) -> dict[str, int | None]:
    """Transfers per second of each family alone; none for one that did not return in about twice the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "edges.npy"
        np.save(file, np.concatenate([warm, part]))
        here = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-c", CHILD, here, str(file), str(len(warm)), str(seconds)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = dict(line.split() for line in said.splitlines())
    return {family: int(found[family]) if family in found else None for family in PEER_FAMILIES}


def keeping_up(rates: dict[str, int | None]) -> tuple[str, ...]:
    """Families that are fast enough to be timed."""
    return tuple(family for family, rate in rates.items() if rate is not None and rate >= LEAST_RATE)
