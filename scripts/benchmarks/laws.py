"""Speed of the law driver against a bare loop, and mismatch of the consistent tangents."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from romnet.laws.contract import TimeStep
from romnet.laws.native.loading import load_function
from romnet.laws.registry import build_law, law_model, law_names
from romnet.laws.umat import UmatLaw
from romnet.testing.laws import examine_law

_POINTS = 100_000
_SECONDS = 2.0  # for each call that is timed
_STEP = TimeStep(0.0, 0.2)
_HERE = Path(__file__).parent
_PLUGINS = _HERE.parents[1] / "plugins"


def measure(_: Path | None) -> dict[str, object]:
    """Return times per plastic point, their ratios to the bare loop, and the worst tangent."""
    with tempfile.TemporaryDirectory() as folder:
        bare = _compile(_HERE / "bare_loop.c", Path(folder), "gcc", "-O3")
        found = {name: _compare(law, bare) for name, law in _laws(Path(folder)).items()}
        threaded = _speed_up(_laws(Path(folder))["j2_viscoplastic"])
    tangents = {name: _tangent_mismatch(name) for name in law_names()}
    worst = max(tangents, key=tangents.__getitem__)
    return {
        "j2_norton_us_per_point": found["j2_viscoplastic"]["batch"],
        "plastic_part": min(entry["plastic"] for entry in found.values()),
        "batch_over_bare": max(entry["ratio"] for entry in found.values()),
        **{f"batch_over_bare_{name}": entry["ratio"] for name, entry in found.items()},
        **{f"bare_us_per_point_{name}": entry["bare"] for name, entry in found.items()},
        "speed_up_on_2_threads": threaded,
        "tangent_mismatch_max": tangents[worst],
        "tangent_mismatch_law": worst,
    }


def _laws(folder: Path) -> dict[str, UmatLaw]:
    """Return the laws whose driving is measured: built in, a user's in C and one in Fortran."""
    c, fortran = _PLUGINS / "umat_c" / "j2_linear.c", _PLUGINS / "umat_fortran" / "j2_linear.f"
    libraries = {
        "c_umat": _compile(c, folder, "gcc", "-O2"),
        "fortran_umat": _compile(fortran, folder, "gfortran", "-O2", f"-I{fortran.parent}"),
    }
    linear = {"properties": [2.0e5, 0.3, 10.0, 1.0e3], "n_state": 1, "fields": {"p": [0, 1]}}
    specs: dict[str, dict[str, Any]] = {
        name: {"law": {"umat": str(path), **linear}} for name, path in libraries.items()
    }
    specs["j2_viscoplastic"] = _example("j2_viscoplastic")
    laws = {name: build_law(spec, n_components=6) for name, spec in specs.items()}
    return {name: law for name, law in laws.items() if isinstance(law, UmatLaw)}


def _example(name: str) -> dict[str, Any]:
    """Return a built-in law with the parameters that it documents."""
    return {"law": name, "parameters": dict(law_model(name).example)}


def _compile(source: Path, folder: Path, compiler: str, *flags: str) -> Path:
    """Make a shared library."""
    library = folder / f"{compiler}_{source.stem}.so"
    if not library.exists():
        command = [compiler, *flags, "-fPIC", "-shared", str(source), "-o", str(library), "-lm"]
        subprocess.run(command, check=True)
    return library


def _strains() -> np.ndarray:
    """Return strains that leave the elastic domain nearly everywhere."""
    return 2e-3 * np.random.default_rng(0).standard_normal((_POINTS, 6))


def _batch(law: UmatLaw) -> Callable[[], Any]:
    """Return the call of the driver."""
    strain, warm, still = _strains(), np.full(_POINTS, 20.0), np.zeros((_POINTS, 6))
    virgin = law.initial_state(warm)
    return lambda: law.integrate(still, strain, virgin, warm, warm, _STEP)


def _bare(law: UmatLaw, library: Path) -> Callable[[], Any]:
    """Return the call of the bare loop on arrays of its own, with the same UMAT."""
    properties, old, new = law.properties.at(20.0), np.zeros((_POINTS, 6)), _strains()
    statev_old = np.zeros((_POINTS, law.n_statev))
    stress, statev = np.zeros((_POINTS, 6)), np.zeros((_POINTS, law.n_statev))
    tangent = np.zeros((_POINTS, 6, 6))
    pointer, real, whole = ctypes.c_void_p, ctypes.c_double, ctypes.c_int
    kinds = (pointer, ctypes.c_long, whole, whole, *[pointer] * 4, real, real, *[pointer] * 3)
    loop = ctypes.CFUNCTYPE(None, *kinds)(load_function(library, "bare_loop"))
    umat = load_function(law.library, law.function)
    inputs = [array.ctypes.data for array in (properties, old, new, statev_old)]
    outputs = [array.ctypes.data for array in (stress, statev, tangent)]
    sizes = (_POINTS, law.n_statev, properties.size)

    def run() -> tuple[np.ndarray, ...]:
        loop(umat, *sizes, *inputs, 20.0, _STEP.length, *outputs)
        return properties, old, new, statev_old, stress, statev, tangent

    return run


def _seconds(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Time one call."""
    began = clock()
    call()
    return clock() - began


def _in_turns(*calls: Callable[[], Any], clock: Callable[[], float]) -> np.ndarray:
    """Return the time of each call (column) in each of many rounds."""
    for call in calls:
        call()
    rounds, began = [], perf_counter()
    while perf_counter() - began < _SECONDS * len(calls):
        rounds.append([_seconds(call, clock) for call in calls])
    return np.array(rounds)


def _compare(law: UmatLaw, bare_library: Path) -> dict[str, float]:
    """Time the driver and the bare loop, which take turns, in the processor time of this thread.

    Two runs one after the other see the same machine, however busy: the ratio is the median of
    theirs.
    """
    batch, bare = _batch(law), _bare(law, bare_library)
    answer, own = batch(), bare()
    if not (np.array_equal(answer.stress, own[4]) and np.array_equal(answer.tangent, own[6])):
        message = f"{law.name}: the bare loop does not compute what the driver does."
        raise RuntimeError(message)
    plastic = float((answer.state[:, law.state_fields["p"]] > 0.0).mean())
    del answer
    times = _in_turns(batch, bare, clock=thread_time)
    batch_us, bare_us = 1e6 * times.min(axis=0) / _POINTS
    ratio = float(np.median(times[:, 0] / times[:, 1]))
    return {"ratio": ratio, "batch": batch_us, "bare": bare_us, "plastic": plastic}


def _speed_up(law: UmatLaw) -> float:
    """Return how much faster two threads are than one, by the clock on the wall."""
    two = replace(law, threads=2)
    return float(np.divide(*_in_turns(_batch(law), _batch(two), clock=perf_counter).min(axis=0)))


def _tangent_mismatch(name: str) -> float:
    """Compare the tangent of an installed law with differences of its stress."""
    report = examine_law(build_law(_example(name), n_components=6))
    return max(check.error for check in report.checks if "tangent" in check.name)
