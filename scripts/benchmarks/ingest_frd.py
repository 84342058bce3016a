"""Speed and memory of reading nodal results in text, on files written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

N_NODES = 100_000
RESULTS = {"DISP": ("D1", "D2", "D3"), "NDTEMP": ("T",), "PE": ("PE",)} | {
    "STRESS": ("SXX", "SYY", "SZZ", "SXY", "SYZ", "SZX")
}
_READ = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from romnet.fe.mesh import Mesh
from romnet.store.converters.calculix import CONVERTER
path, n_nodes = Path(sys.argv[1]), int(sys.argv[2])
mesh = Mesh(np.zeros((n_nodes, 3)), (), np.arange(1, n_nodes + 1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
wall, began = time.perf_counter(), time.process_time()
block = 0
for _, fields in CONVERTER.read_results(path, mesh).instants():
    block = max(block, sum(values.nbytes for values in fields.values()))
seconds = time.process_time() - began
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({
    "mb_per_s": path.stat().st_size / 1e6 / seconds, "wall_s": time.perf_counter() - wall,
    "extra_mb": (after - before) * 1024 / 1e6 - block / 1e6,
}))
"""


def measure() -> dict[str, float]:
    """Return MB/s of one core on 100 MB, and MB beyond one snapshot block on 1 GB."""
    with TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.frd", Path(folder) / "large.frd"
        write(small, 100e6)
        speed = _read(small)["mb_per_s"]
        small.unlink()
        write(large, 1e9)
        found = _read(large)
        return {
            "frd_mb_per_s": speed,
            "frd_mb_per_s_1gb": found["mb_per_s"],
            "frd_extra_mb": found["extra_mb"],
        }


def write(path: Path, size: float) -> None:
    """Write a result file of at least this size [B]."""
    rng = np.random.default_rng(1)
    tables = {name: _rows(rng.standard_normal((N_NODES, len(RESULTS[name])))) for name in RESULTS}
    with path.open("wb") as file:
        file.write(b"    1C\n")
        step = 0
        while file.tell() < size:
            step += 1
            for name, body in tables.items():
                head = f"  100CL  101{step:12.5E}{N_NODES:12d}{'':20} 0{step:5d}{'':11}1\n"
                head += f" -4  {name:8s}{len(RESULTS[name]):5d}    1\n"
                head += "".join(f" -5  {part:8s}    1    4    1    1\n" for part in RESULTS[name])
                file.write(head.encode() + body + b" -3\n")
        file.write(b" 9999\n")


def _rows(values: np.ndarray) -> bytes:
    """Return the rows of one table."""
    form = " -1%10d" + "%12.5E" * values.shape[1] + "\n"
    return "".join(form % (n, *row) for n, row in enumerate(values.tolist(), start=1)).encode()


def _read(path: Path) -> dict[str, float]:
    """Read a file in a process of its own."""
    command = [sys.executable, "-c", _READ, str(path), str(N_NODES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(measure()))
