"""POD of 200 snapshots of 3 million rows, twice the memory it may use, on two ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
from scipy.linalg import blas

from romnet.core.communicator import Communicator

ROOT = Path(__file__).resolve().parents[2]
RANKS = 2
N_SNAPSHOTS = 200
N_ROWS = 3_000_000
FAST = 24  # singular values that fall over the first six of nine decades
MEMORY_MB = 2048
# Of blocks and combinations, on each rank; modes, libraries and buffers of MPI come on top.
BLOCKS = 2**29
TOLERANCE = 1e-6


def measure(_: Path | None) -> dict[str, object]:
    """Return time over that of reading or of DGEMM, memory and accuracy."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "snapshots.h5"
        exact = write(path, N_ROWS, N_SNAPSHOTS)
        output = subprocess.run(
            [ROOT / "scripts" / "mpi", str(RANKS), sys.executable, __file__, path],
            check=True,
            stdout=subprocess.PIPE,
            timeout=900,
        ).stdout
    found = json.loads(output)
    values = np.array(found.pop("singular_values"))
    kept = np.arange(len(exact)) < found["modes"]  # type: ignore[operator]
    limit = max(found["read_s"], found["dgemm_s"])
    return {
        "over_limit": found["pod_s"] / limit,
        "ranks": RANKS,
        "snapshots": N_SNAPSHOTS,
        "rows": N_ROWS,
        "memory_limit_mb": MEMORY_MB,
        **found,
        "worst_singular_value_kept": float(np.abs(values / exact - 1.0)[kept].max()),
    }


def write(path: Path, n_rows: int, n_snapshots: int) -> np.ndarray:
    """Write snapshots with known singular values, which fall over nine decades.

    Sampled cosines are orthonormal, so the truth needs no factorisation.
    """
    from scipy.fft import idct

    from romnet.store.snapshots import FieldInfo, writing_snapshots

    rng = np.random.default_rng(0)
    right, _ = np.linalg.qr(rng.normal(size=(n_snapshots, n_snapshots)))
    number = np.arange(n_snapshots)
    # Fast first, then slow: few modes carry the loads, many the details of plasticity.
    fast = np.minimum(number / FAST, 1.0)
    slow = np.maximum((number - FAST) / (n_snapshots - 1 - FAST), 0.0)
    values = 10.0 ** -(6.0 * fast + 3.0 * slow)
    mixing = values[:, None] * right
    column = np.zeros(n_rows)
    with writing_snapshots(path, {"u": FieldInfo("node")}) as writer:
        for number in range(n_snapshots):
            column[1 : n_snapshots + 1] = mixing[:, number]
            writer.append(float(number), {"u": idct(column, norm="ortho")})
    return values


def run(path: Path) -> dict[str, object]:
    """Measure on this rank; collective."""
    import resource

    from romnet.core.snapshots import in_sample
    from romnet.fe.inner_products import identity
    from romnet.parallel.mpi import world
    from romnet.reduction.basis import Truncation
    from romnet.reduction.pod import pod
    from romnet.store.snapshots import SnapshotStore

    comm = world()
    store = SnapshotStore.open(path)
    n_rows = store.fields["u"].n_rows
    bounds = np.linspace(0, n_rows, comm.size + 1).astype(int)
    mine = np.arange(bounds[comm.rank], bounds[comm.rank + 1])
    source = store.source("u", mine)

    forget(path)
    comm.barrier()
    began, busy = perf_counter(), process_time()
    basis = pod(
        source,
        identity(np.ones(mine.size, dtype=bool)),
        truncation=Truncation(rtol=TOLERANCE),
        comm=comm,
        sample=np.flatnonzero(in_sample(mine)),
        memory=BLOCKS,
    )
    comm.barrier()
    seconds = perf_counter() - began
    busy = process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    gram = comm.sum(basis.modes.T @ basis.modes)
    n = source.n_snapshots
    # Of one reading; those of the correlation matrix, which a second one would need, do not count.
    operations = 2.0 * mine.size * n * basis.n_modes
    # Once, from the same (cold) state of the cache.
    read_s = _reading(path, comm)
    return {
        "pod_s": seconds,
        "pod_cpu_s": float(comm.sum(np.array([busy]))[0]),
        "read_s": read_s,
        "dgemm_s": _multiplying(operations, n, comm),
        "gflop": 1e-9 * float(comm.sum(np.array([operations]))[0]),
        "peak_mb": float(comm.sum(np.array([peak]))[0]),
        "modes": basis.n_modes,
        "orthogonality": float(np.abs(gram - np.eye(basis.n_modes)).max()),
        "singular_values": basis.singular_values.tolist(),
    }


def forget(path: Path) -> None:
    """Drop a file from the cache of the system."""
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def _reading(path: Path, comm: Communicator) -> float:
    """Return the time in which the ranks read one half each, from a cold cache, in long runs."""
    forget(path)
    comm.barrier()
    began = perf_counter()
    size = path.stat().st_size
    bounds = np.linspace(0, size, comm.size + 1).astype(int)
    place, stop = int(bounds[comm.rank]), int(bounds[comm.rank + 1])
    buffer = bytearray(2**24)
    with path.open("rb", buffering=0) as file:
        while place < stop:
            place += os.preadv(file.fileno(), [memoryview(buffer)[: stop - place]], place)
    comm.barrier()
    return perf_counter() - began


def _multiplying(operations: float, n: int, comm: Communicator) -> float:
    """Return the shortest time of so many operations on each rank as products of tall blocks."""
    rows = 32_768
    rng = np.random.default_rng(1)
    tall, square = rng.normal(size=(rows, n)), rng.normal(size=(n, n))
    best = np.inf
    products: list[Callable[[], object]] = [lambda: np.matmul(tall, square)]
    for left in (np.asfortranarray(tall), np.asfortranarray(tall[:2048])):
        right = np.asfortranarray(square)
        products.append(lambda left=left, right=right: blas.dgemm(1.0, left, right))  # type: ignore[misc]
    for product, n_rows in zip(products, (rows, rows, 2048), strict=True):
        once = 2.0 * n_rows * n * n
        count = max(1, round(0.2 * operations / once))
        comm.barrier()
        began = perf_counter()
        for _ in range(count):
            product()
        comm.barrier()
        best = min(best, (perf_counter() - began) * operations / (count * once))
    return best


if __name__ == "__main__":
    found = run(Path(sys.argv[1]))
    from romnet.parallel.mpi import world

    if world().rank == 0:
        print(json.dumps(found))
