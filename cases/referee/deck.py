"""The input of CalculiX, and its run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np
from jaxtyping import Float
from referee import body
from referee.body import Phase, Referee

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS

PROGRAM = "ccx"
_PER_LINE = 10
# Corners of the faces of CalculiX in its own order.
_FACES: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "tet": ((0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)),
    "wedge": ((0, 1, 2), (3, 5, 4), (0, 3, 4, 1), (1, 4, 5, 2), (2, 5, 3, 0)),
    "hex": (
        *((0, 1, 2, 3), (4, 7, 6, 5), (0, 4, 5, 1)),
        *((1, 5, 6, 2), (2, 6, 7, 3), (3, 7, 4, 0)),
    ),
}
# Iterate to rounding: the defaults stop at residuals of half a percent.
_TIGHT = """\
*CONTROLS, PARAMETERS=FIELD
1.e-9, 1.e-7, , , 1.e-9, , 1.e-9
*CONTROLS, PARAMETERS=TIME INCREMENTATION
40, 60, 9, 80, 60, 4, , 60"""


def available() -> bool:
    """Whether CalculiX is installed."""
    return shutil.which(PROGRAM) is not None


def run(folder: Path, job: str, *, threads: int = 1, timeout: float = 600.0) -> float:
    """Run CalculiX on ``job.inp`` and return its wall time [s].

    Raises
    ------
    RuntimeError
        If it fails; the message ends with the last lines that it printed.
    """
    began = perf_counter()
    done = subprocess.run(
        [PROGRAM, job],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    seconds = perf_counter() - began
    (folder / f"{job}.log").write_text(done.stdout + done.stderr)
    if done.returncode != 0 or "Job finished" not in done.stdout:
        last = "\n".join(done.stdout.splitlines()[-15:])
        message = f"{PROGRAM} failed on {folder / job}.inp:\n{last}"
        raise RuntimeError(message)
    return seconds


def write(path: Path, case: Referee, *, tight: bool = True, every: bool = True) -> None:
    """Write the input of one computation.

    Parameters
    ----------
    path
        File to write, ending with ``.inp``.
    case
        What to compute.
    tight
        Let CalculiX iterate to rounding; if not, its own defaults hold.
    every
        Print every increment to the ``.dat`` file; if not, the results go to the ``.frd`` file,
        as users have it, and the last phase is printed as well.
    """
    with path.open("w") as file:
        for line in _lines(case, tight=tight, every=every):
            file.write(line + "\n")


def _lines(case: Referee, *, tight: bool, every: bool) -> Iterator[str]:
    """Yield the lines of the input."""
    mesh = case.mesh
    yield "*NODE, NSET=NALL"
    yield from (
        ", ".join([str(number), *map(word, place)])
        for number, place in zip(mesh.node_ids, mesh.nodes, strict=True)
    )
    yield f"*ELEMENT, TYPE={case.element}, ELSET=EALL"
    block = mesh.blocks[0]
    for number, nodes in zip(block.ids, mesh.node_ids[block.connectivity], strict=True):
        yield from folded([number, *nodes])
    yield "*NSET, NSET=HELD"
    yield from folded(mesh.node_ids[mesh.node_sets[body.HELD]])
    yield from _material(case.law)
    yield "*SOLID SECTION, ELSET=EALL, MATERIAL=STEEL"
    heat = body.temperature_map(mesh)
    yield "*INITIAL CONDITIONS, TYPE=TEMPERATURE"
    yield from _nodal(case, body.INITIAL_HEAT * heat)
    for name in ("heat", "spin", "press"):
        yield f"*AMPLITUDE, NAME={name.upper()}, TIME=TOTAL TIME"
        pairs = zip(case.times, case.along(name), strict=True)
        yield from (f"{word(t)}, {word(v)}" for t, v in pairs)
    yield "*BOUNDARY"
    yield "HELD, 1, 3"
    if tight:
        yield _TIGHT
    lengths = np.diff(case.frames)
    for phase, length in zip(case.phases, lengths, strict=True):
        last = phase is case.phases[-1]
        yield from _step(case, phase, float(length), heat)
        yield from _outputs(dat=every or last, frd=not every)
        yield "*END STEP"


def _material(law: str) -> Iterator[str]:
    """Yield the material."""
    yield "*MATERIAL, NAME=STEEL"
    yield "*DENSITY"
    yield word(body.DENSITY)
    yield "*ELASTIC"
    yield from _rows(body.YOUNG, body.POISSON)
    yield f"*EXPANSION, ZERO={word(body.REFERENCE_TEMPERATURE)}"
    yield from _rows(body.EXPANSION["coefficient"])
    if law != "creep":
        yield "*PLASTIC"
        curves = body.hardening_curves(law)
        for temperature, row in zip(curves["temperature"], curves["stress"], strict=True):
            for strain, stress in zip(curves["p"], row, strict=True):
                yield ", ".join(map(word, (stress, strain, temperature)))
    if law != "plastic":
        yield "*CREEP, LAW=NORTON"
        zero = body.CREEP_FACTOR["temperature"]
        for factor, temperature in zip(body.CREEP_FACTOR["value"], zero, strict=True):
            yield ", ".join(map(word, (factor, body.EXPONENT, 0.0, temperature)))


def _rows(*tables: Mapping[str, list[float]]) -> Iterator[str]:
    """Yield the rows of a temperature table of several properties."""
    columns = [*(table["value"] for table in tables), tables[0]["temperature"]]
    yield from (", ".join(map(word, row)) for row in zip(*columns, strict=True))


def _step(case: Referee, phase: Phase, length: float, heat: Array) -> Iterator[str]:
    """Yield one step without its output."""
    yield "*STEP, INC=10000"
    yield "*STATIC, DIRECT" if case.law == "plastic" else "*VISCO, DIRECT, CETOL=1.e9"
    yield f"{word(length / phase.increments)}, {word(length)}"
    yield "*DLOAD, AMPLITUDE=SPIN"
    axis = (*body.AXIS_POINT, *body.AXIS_DIRECTION)
    yield ", ".join(["EALL, CENTRIF", *map(word, (case.omega**2, *axis))])
    yield "*DLOAD, AMPLITUDE=PRESS"
    faces = case.mesh.face_sets[body.PRESSED]
    labels = face_labels(case.mesh.blocks[0].cell_type)
    ids = case.mesh.blocks[0].ids
    for cell, local in zip(faces.cells, faces.local_faces, strict=True):
        yield f"{ids[cell]}, P{labels[local]}, {word(case.pressure)}"
    yield "*TEMPERATURE, AMPLITUDE=HEAT"
    yield from _nodal(case, heat)


def _outputs(*, dat: bool, frd: bool) -> Iterator[str]:
    """Yield what to write."""
    if frd:
        yield from ("*NODE FILE", "U", "*EL FILE", "S, PEEQ")
    if dat:
        yield from ("*NODE PRINT, NSET=NALL", "U", "*EL PRINT, ELSET=EALL", "S, PEEQ")


def face_labels(cell_type: str) -> list[int]:
    """Return the number that CalculiX gives to each face of a cell of romnet."""
    cell = CELLS[cell_type]
    theirs = [frozenset(corners) for corners in _FACES[cell.geometry]]
    return [
        theirs.index(frozenset(node for node in nodes if node < cell.n_corners)) + 1
        for _, nodes in cell.faces
    ]


def _nodal(case: Referee, field: Float[Array, " n_nodes"]) -> Iterator[str]:
    """Yield a nodal field."""
    ids = case.mesh.node_ids
    yield from (f"{number}, {word(v)}" for number, v in zip(ids, field, strict=True))


def folded(numbers: Iterable[int]) -> Iterator[str]:
    """Yield numbers on lines of ten; all but the last end with a comma."""
    words = [str(number) for number in numbers]
    for start in range(0, len(words), _PER_LINE):
        comma = "," if start + _PER_LINE < len(words) else ""
        yield ", ".join(words[start : start + _PER_LINE]) + comma


def word(value: float) -> str:
    """Return a number in the twenty characters that CalculiX reads."""
    return f"{value:.12e}"
