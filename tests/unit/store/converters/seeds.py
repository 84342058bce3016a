"""Small good files of every format that romnet reads by itself, with what reads them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from romnet.fe.mesh import CellBlock, Mesh
from romnet.store.converters import ansys, calculix, zset
from romnet.store.converters.deck import read_deck
from romnet.study.from_deck.abaqus import draft_from_abaqus
from romnet.study.from_deck.zset import draft_from_zset

DECK = """\
*HEADING
two bricks
*INCLUDE, INPUT=nodes.txt
*ELEMENT, TYPE=C3D8, ELSET=EALL
10, 1,2,3,4,5,6,7,8
11, 2,9,10,3,6,11,12,7
*ELEMENT, TYPE=C3D4, ELSET=TETS
20, 9, 13, 10, 11
*ELSET, ELSET=BRICKS, GENERATE
10, 11, 1
*NSET, NSET=X0
1, 4, 5,
8
*NSET, NSET=MORE
X0, 9
*SURFACE, NAME=TOP
EALL, S2
20, S3
*SURFACE, NAME=SKIN
TETS
*AMPLITUDE, NAME=UP
0., 0., 0.5, 1., 1., 2.
*ORIENTATION, NAME=LOCAL
1., 1., 0., -1., 1., 0.
*MATERIAL, NAME=STEEL
*ELASTIC
2.0e5, 0.3, 20.
1.0e5, 0.3, 400.
*PLASTIC
100., 0.
200., .1
*CREEP
1e-10, 5., 0.
*EXPANSION, ZERO=20.
1.e-5
*DENSITY
8.e-9
*MATERIAL, NAME=WOOD
*ELASTIC, TYPE=ENGINEERING CONSTANTS
1.e4, 1.e3, 1.e3, 0.3, 0.3, 0.3, 5.e2, 5.e2,
4.e2
*SOLID SECTION, ELSET=EALL, MATERIAL=STEEL
*SOLID SECTION, ELSET=TETS, MATERIAL=WOOD, ORIENTATION=LOCAL
*BOUNDARY
X0, 1, 3
13, 2, 2
*INITIAL CONDITIONS, TYPE=TEMPERATURE
NALL, 20.
*STEP, INC=100
*STATIC, DIRECT
0.5, 1.
*BOUNDARY, AMPLITUDE=UP
9, 1, 1, 0.01
*DLOAD, AMPLITUDE=UP
10, P6, 2.
11, P4, 3.
, CENTRIF, 1.e6, 0., 0., 0., 0., 0., 1.
*DSLOAD
TOP, P, 5.
*CLOAD
9, 2, 1.
*TEMPERATURE
1, 120.
2, 90.
X0, 30.
*NODE FILE
U
*EL PRINT, ELSET=EALL
S
*END STEP
"""
EQUATIONS = """\
*EQUATION
2
7, 1, 1., 8, 1, -1.
2
3, 1, 1., 4, 1, -1.
3
X0, 2, 1., 13, 2, 0.5, 12, 2,
-1.
*MPC
PIN, 10, 11
"""
NODES = """\
*NODE, NSET=NALL
1, 0., 0., 0.
2, 1., 0., 0.
3, 1., 1., 0.
4, 0., 1., 0.
5, 0., 0., 1.
6, 1., 0., 1.
7, 1., 1., 1.
8, 0., 1., 1.
9, 2., 0., 0.
10, 2., 1., 0.
11, 2., 0., 1.
12, 2., 1., 1.
13, 3., 0., 0.
"""
EQUATIONS_DECK = DECK.replace("*STEP", f"{EQUATIONS}*STEP", 1)
ZSET_DECK = """\
****calcul
 ***mesh
  **file cubes.geof
 ***resolution newton
  **cycles 1
   *time 2.
   *increment 10
***bc
**impose_nodal_dof
x0 U1 0.0
x1 U2 0.5 up
**pressure
x1 file push.node up
x0 2.0 up
**centrifugal
ALL_ELEMENT (3.5 -20 1.5) d3 1.5e4 up
***parameter
**file temperature
*node
*cycle_conversion 0. 20. 2.
function 0.0+cycle*2.; file cold.node 1
function 2.0+cycle*2.; file hot.node 1
***table
 **cycle up 0. 2.
 *time
 0. 1. 2.
 *value
 0. 1. 1.
***equation
 **mpc1 x1 U3
***material
 *file mat 1
****return
"""
ZSET_MATERIAL = """\
***material
 *integration theta_method_a 1. 1.e-9 200
***behavior gen_evp
 **coefficient
  masvol 1.e-8
**elasticity isotropic
 young temperature
 2.e5 0.
 1.e5 1000.
 poisson 0.3
**thermal_strain isotropic
 alpha 1e-5
 ref_temperature 20.
**potential gen_evp ev
*criterion mises
*flow norton
 K 300.
 n 20.
*kinematic nonlinear
 C 1e5
 D 1000.
*isotropic constant
 R0 10.
***return
"""


@dataclass(frozen=True)
class Seed:
    """Good files and what reads them."""

    files: dict[str, bytes]
    main: str
    read: Callable[[Path], object]


def _frd_number(value: float) -> str:
    return f"{value:12.5E}"


def frd_mesh() -> Mesh:
    """Two bricks as the result files have them, with the formulation of the deck."""
    rows = np.array([line.split(",") for line in NODES.splitlines()[1:-1]], dtype=float)
    cells = np.array([[1, 2, 3, 4, 5, 6, 7, 8], [2, 9, 10, 3, 6, 11, 12, 7]]) - 1
    block = CellBlock("hex8", cells, "abaqus:C3D8", np.array([10, 11]))
    return Mesh(rows[:, 1:], (block,), rows[:, 0].astype(np.int64))


def frd_text(times=(0.5, 1.0), *, seven: bool = True) -> bytes:
    """A result file in text, made from the description of the format."""
    mesh = frd_mesh()
    lines = ["    1C", "    1UUSER  someone"]
    lines.append(f"    2C{'':18}{mesh.n_nodes:12d}{'':37}1")
    lines += [
        f" -1{n:10d}" + "".join(map(_frd_number, xyz))
        for n, xyz in zip(mesh.node_ids, mesh.nodes, strict=True)
    ]
    lines += [" -3", f"    3C{'':18}{mesh.n_cells:12d}{'':37}1"]
    block = mesh.blocks[0]
    for number, nodes in zip(block.ids, mesh.node_ids[block.connectivity], strict=True):
        lines += [
            f" -1{number:10d}    1    0    1",
            " -2" + "".join(f"{node:10d}" for node in nodes),
        ]
    lines.append(" -3")
    for step, time in enumerate(times, start=1):
        for name, components in _RESULTS.items():
            if len(components) > 6 and not seven:
                continue
            lines.append("    1PSTEP" + f"{step:26d}{1:12d}{1:12d}")
            lines.append(f"  100CL  101{time:12.5E}{mesh.n_nodes:12d}{'':20} 0{step:5d}{'':11}1")
            lines.append(f" -4  {name:8s}{len(components) + (name == 'DISP'):5d}    1")
            lines += [f" -5  {part:8s}    1    4    1    1" for part in components]
            if name == "DISP":
                lines.append(" -5  ALL         1    2    0    0    1ALL")
            for n, row in zip(mesh.node_ids, result(name, mesh, time), strict=True):
                line = f" -1{n:10d}" + "".join(map(_frd_number, row[:6]))
                rest = "".join(map(_frd_number, row[6:]))
                lines += [line, f" -2{'':10}{rest}"] if rest else [line]
            lines.append(" -3")
    return ("\n".join([*lines, " 9999"]) + "\n").encode()


def frd_binary(times=(0.5, 1.0)) -> bytes:
    """The same file in binary."""
    mesh = frd_mesh()
    parts = [b"    1C\n", f"    2C{'':18}{mesh.n_nodes:12d}{'':37}3\n".encode()]
    for n, xyz in zip(mesh.node_ids, mesh.nodes, strict=True):
        parts += [np.int32(n).tobytes(), xyz.astype("<f8").tobytes()]
    parts.append(f"    3C{'':18}{mesh.n_cells:12d}{'':37}2\n".encode())
    block = mesh.blocks[0]
    for number, nodes in zip(block.ids, mesh.node_ids[block.connectivity], strict=True):
        parts.append(np.array([number, 1, 0, 1, *nodes], dtype="<i4").tobytes())
    for step, time in enumerate(times, start=1):
        for name, components in _RESULTS.items():
            head = f"  100CL  101{time:12.5E}{mesh.n_nodes:12d}{'':20} 0{step:5d}{'':11}2\n"
            head += f" -4  {name:8s}{len(components):5d}    1\n"
            head += "".join(f" -5  {part:8s}    1    4    1    1\n" for part in components)
            parts.append(head.encode())
            for n, row in zip(mesh.node_ids, result(name, mesh, time), strict=True):
                parts += [np.int32(n).tobytes(), row.astype("<f4").tobytes()]
    return b"".join([*parts, b" 9999\n"])


_RESULTS = {
    "DISP": ("D1", "D2", "D3"),
    "NDTEMP": ("T",),
    "STRESS": ("SXX", "SYY", "SZZ", "SXY", "SYZ", "SZX"),
    "SEVEN": tuple(f"S{k}" for k in range(1, 8)),
}


def result(name: str, mesh: Mesh, time: float) -> np.ndarray:
    """Values of a result at the nodes."""
    x, y, z = mesh.nodes.T
    if name == "DISP":
        return time * np.stack([0.01 * x, -0.003 * y * x, 0.002 * z], axis=1)
    if name == "NDTEMP":
        return (20.0 + 100.0 * time * x)[:, None]
    count = len(_RESULTS[name])
    return time * (1.0 + x[:, None]) * np.arange(1.0, count + 1.0) * (-1.0) ** np.arange(count)


def dat_text(times=(0.5, 1.0)) -> bytes:
    """Printed tables, the stress in two sets."""
    mesh, text = frd_mesh(), ""
    stresses = "stresses (elem, integ.pnt.,sxx,syy,szz,sxy,sxz,syz) for set"
    for time in times:
        strains = _dat_rows(11, time, 1) + _dat_rows(10, time, 1)
        moves = [
            f"{n:10d}" + "".join(f"{value:14.6E}" for value in row) + "\n"
            for n, row in zip(mesh.node_ids, result("DISP", mesh, time), strict=True)
        ]
        for title, body in (
            (f"{stresses} A", _dat_rows(10, time, 6)),
            (f"{stresses} B", _dat_rows(11, time, 6)),
            ("equivalent plastic strain (elem, integ.pnt.,pe)for set EALL", strains),
            ("displacements (vx,vy,vz) for set NALL", "".join(moves)),
        ):
            text += f"\n {title} and time {time:14.7E}\n\n{body}"
    return text.encode()


def _dat_rows(cell: int, time: float, count: int) -> str:
    rows = ""
    for point in range(1, 9):
        values = [time * (cell + point + 0.125 * k) for k in range(count)]
        rows += f"{cell:10d}{point:4d}" + "".join(f"{value:14.6E}" for value in values) + "\n"
    return rows


def _read_deck(path: Path) -> object:
    deck = read_deck(path)
    mesh = deck.mesh()
    deck.temperatures.at(mesh.node_ids, deck.temperatures.times())
    return draft_from_abaqus(path, path.parent, umat=None)


def _read_everything(converter, path: Path, mesh: Mesh) -> object:
    return [fields for _, fields in converter.read_results(path, mesh).instants()]


def _read_frd(path: Path) -> object:
    calculix.CONVERTER.read_mesh(path)
    return _read_everything(calculix.CONVERTER, path, frd_mesh())


def _read_dat(path: Path) -> object:
    return _read_everything(calculix.CONVERTER, path, frd_mesh())


def all_seeds(folder: Path) -> dict[str, Seed]:
    """Good files of every format; the folder is used to make some."""
    place = Path(__file__).parents[1] / "zset_files.py"
    spec = importlib.util.spec_from_file_location("zset_files", place)
    files = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(files)
    geof = files.write_geof(folder / "cubes.geof")
    index = files.write_results(folder)
    mesh = zset.CONVERTER.read_mesh(geof)
    results = {
        name: index.with_suffix(Path(name).suffix).read_bytes()
        for name in (index.name, index.with_suffix(".node").name, index.with_suffix(".integ").name)
    }
    return {
        "inp": Seed(
            {"a.inp": EQUATIONS_DECK.encode(), "nodes.txt": NODES.encode()}, "a.inp", _read_deck
        ),
        "frd": Seed({"a.frd": frd_text()}, "a.frd", _read_frd),
        "frd_binary": Seed({"b.frd": frd_binary()}, "b.frd", _read_frd),
        "dat": Seed({"a.dat": dat_text()}, "a.dat", _read_dat),
        "geof": Seed({"c.geof": geof.read_bytes()}, "c.geof", zset.CONVERTER.read_mesh),
        "zset": Seed(
            results, index.name, lambda path: _read_everything(zset.CONVERTER, path, mesh)
        ),
        "zset_deck": Seed(
            {"z.inp": ZSET_DECK.encode(), "mat": ZSET_MATERIAL.encode()},
            "z.inp",
            lambda path: draft_from_zset(path, path.parent),
        ),
    }


def ansys_seeds() -> dict[str, Seed]:
    """Good files of the examples that the foreign reader of Ansys files brings."""
    folder = Path(importlib.util.find_spec("ansys.mapdl.reader").origin).parent / "examples"
    archive, results = folder / "HexBeam.cdb", folder / "file.rst"

    def read_results(path: Path) -> object:
        return _read_everything(ansys.CONVERTER, path, ansys.CONVERTER.read_mesh(path))

    return {
        "cdb": Seed({"a.cdb": archive.read_bytes()}, "a.cdb", ansys.CONVERTER.read_mesh),
        "rst": Seed({"a.rst": results.read_bytes()}, "a.rst", read_results),
    }
