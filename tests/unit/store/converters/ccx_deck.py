"""A bar on a rotor as CalculiX decks, and runs of CalculiX."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from romnet.fe.cells import CELLS
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh

# Residuals far below the default of half a percent, which would show in the plastic strain.
CONTROLS = """\
*CONTROLS, PARAMETERS=FIELD
1.e-7, 1.e-5, , , 1.e-7, , 1.e-7
*CONTROLS, PARAMETERS=TIME INCREMENTATION
40, 60, 9, 80, 60, 4, , 60
"""
MATERIAL = """\
*MATERIAL, NAME=STEEL
*ELASTIC
2.0e5, 0.3, 20.
1.6e5, 0.3, 420.
*PLASTIC
300., 0., 20.
360., 0.01, 20.
380., 0.05, 20.
200., 0., 420.
240., 0.01, 420.
250., 0.05, 420.
*EXPANSION, ZERO=20.
1.2e-5, 20.
1.4e-5, 420.
*DENSITY
8.e-9
*SOLID SECTION, ELSET=EALL, MATERIAL=STEEL
"""
STEPS = """\
*STEP, INC=1000
*STATIC, DIRECT
{increment}, 1.
{controls}*DLOAD
EALL, CENTRIF, {speed}, -50., 0., 0., 0., 0., 1.
*DSLOAD
TOP, P, {pressure}
*TEMPERATURE
{temperature}
{output}*END STEP
*STEP, INC=1000
*STATIC, DIRECT
{increment}, 1.
*DLOAD, AMPLITUDE=SLOW
EALL, CENTRIF, {speed}, -50., 0., 0., 0., 0., 1.
*DSLOAD
TOP, P, {higher}
{output}*END STEP
"""
OUTPUT = {
    "text": "*NODE FILE\nU, NT, RF\n*EL FILE\nS, E, PEEQ\n",
    "binary": "*NODE OUTPUT\nU, NT\n*ELEMENT OUTPUT\nS, PEEQ\n",
}
PRINT = "*EL PRINT, ELSET=EALL\nS, E, PEEQ\n"


def bar(divisions: tuple[int, int, int], cell_type: str = "tet10") -> Mesh:
    """The mesh."""
    return box_mesh((40.0, 10.0, 10.0), divisions, cell_type)


def heat(nodes) -> np.ndarray:
    """Temperature at the end of the first step: hot at the tip, no polynomial."""
    return 60.0 + 340.0 * np.exp(-(((nodes - [32.0, 10.0, 5.0]) / 16.0) ** 2).sum(axis=1))


def write_bar(
    folder: Path,
    divisions: tuple[int, int, int],
    *,
    element: str = "C3D10",
    increments: int = 5,
    form: str = "text",
    controls: str = CONTROLS,
    speed: float = 9.0e6,
    pressure: float = 6.0,
) -> Path:
    """Write bar.inp, which includes its mesh and its temperatures, and return it."""
    cell_type = {"C3D10": "tet10", "C3D8": "hex8", "C3D20R": "hex20", "C3D4": "tet4"}[element]
    mesh = bar(divisions, cell_type)
    (folder / "mesh").mkdir(parents=True, exist_ok=True)
    (folder / "mesh" / "bar.msh").write_text("\n".join(_mesh_lines(mesh, element)) + "\n")
    temperatures = zip(mesh.node_ids, heat(mesh.nodes), strict=True)
    (folder / "hot.txt").write_text("".join(f"{n}, {value:.10e}\n" for n, value in temperatures))
    steps = STEPS.format(
        increment=1.0 / increments,
        controls=controls,
        speed=speed,
        pressure=pressure,
        higher=2.0 * pressure,
        temperature="*INCLUDE, INPUT=hot.txt",
        output=OUTPUT[form] + PRINT,
    )
    deck = folder / "bar.inp"
    deck.write_text(
        "*HEADING\nBar on a rotor\n** the mesh\n*INCLUDE, INPUT=mesh/bar.msh\n"
        f"{MATERIAL}*AMPLITUDE, NAME=SLOW\n0., 1., 0.5, 0.9, 1., 0.8\n"
        "*BOUNDARY\nROOT, 1\nEDGE, 2, 2\nPOINT, 3, 3, 0.\n"
        f"*INITIAL CONDITIONS, TYPE=TEMPERATURE\nNALL, 20.\n{steps}"
    )
    return deck


def run_ccx(deck: Path, *, timeout: float = 900.0) -> None:
    """Run CalculiX on a deck."""
    done = subprocess.run(
        ["ccx", deck.stem],
        cwd=deck.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if "Job finished" not in done.stdout:
        raise RuntimeError(done.stdout[-2000:])


def _mesh_lines(mesh: Mesh, element: str) -> Iterator[str]:
    """Yield nodes, elements, sets and a surface."""
    yield "*NODE, NSET=NALL"
    for number, place in zip(mesh.node_ids, mesh.nodes, strict=True):
        yield f"{number}, " + ", ".join(f"{x:.12e}" for x in place)
    block = mesh.blocks[0]
    yield f"*ELEMENT, TYPE={element}, ELSET=EALL"
    for number, nodes in zip(block.ids, mesh.node_ids[block.connectivity], strict=True):
        yield from _folded([number, *nodes])
    for name, source in (("ROOT", "x0"), ("EDGE", "x0y0"), ("POINT", "x0y0z0")):
        yield f"*NSET, NSET={name}"
        yield from _folded(mesh.node_ids[mesh.node_sets[source]])
    yield "*SURFACE, NAME=TOP"
    faces = mesh.face_sets["y1"]
    for cell, face in zip(faces.cells, faces.local_faces, strict=True):
        yield f"{block.ids[cell]}, S{_label(block.cell_type, int(face))}"


# Corners of the faces S1, S2, ... from the manual.
_FACES = {
    "tet": ("123", "142", "243", "341"),
    "hex": ("1234", "5876", "1562", "2673", "3784", "4851"),
}


def _label(cell_type: str, face: int) -> int:
    """Number of a face in CalculiX."""
    cell = CELLS[cell_type]
    corners = {node + 1 for node in cell.faces[face][1] if node < cell.n_corners}
    labels = [{int(corner) for corner in label} for label in _FACES[cell.geometry]]
    return labels.index(corners) + 1


def _folded(numbers: Iterable[int]) -> Iterator[str]:
    """Yield numbers in lines of ten."""
    words = [str(number) for number in numbers]
    for start in range(0, len(words), 10):
        yield ", ".join(words[start : start + 10]) + ("," if start + 10 < len(words) else "")
