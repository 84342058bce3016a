"""Makes the mesh of the notched bar: ``python cases/bar/make.py`` writes bar.msh beside study.yaml.

A folder as argument takes the mesh, with a copy of the study.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import meshio
import numpy as np

from romnet.fe.faces import face_connectivity
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh

CASE = Path(__file__).resolve().parent
LENGTHS, DIVISIONS = (10.0, 3.0, 3.0), (40, 12, 12)
NOTCH, CENTRE, WIDTH = 0.35, 5.0, 1.2  # depth [-], place and width [mm]
_SOLID, _FACE = 3, 2


def notched_bar() -> Mesh:
    """Return a bar whose section narrows smoothly in its middle."""
    mesh = box_mesh(LENGTHS, DIVISIONS)
    along = mesh.nodes[:, :1]
    scale = 1.0 - NOTCH * np.exp(-(((along - CENTRE) / WIDTH) ** 2))
    middle = np.array(LENGTHS[1:]) / 2.0
    section = middle + scale * (mesh.nodes[:, 1:] - middle)
    return replace(mesh, nodes=np.hstack([along, section]))


def make(folder: Path) -> Path:
    """Write mesh and study; return the study."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder != CASE:
        shutil.copyfile(CASE / "study.yaml", folder / "study.yaml")
    mesh = notched_bar()
    ends = [
        np.concatenate([group.nodes for group in face_connectivity(mesh, mesh.face_sets[name])])
        for name in ("x0", "x1")
    ]
    blocks = [mesh.blocks[0].connectivity, *ends]
    groups = [np.full(len(block), number) for number, block in enumerate(blocks, start=1)]
    raw = meshio.Mesh(
        mesh.nodes,
        [("hexahedron", blocks[0]), ("quad", blocks[1]), ("quad", blocks[2])],
        cell_data={"gmsh:physical": groups, "gmsh:geometrical": groups},
        field_data={"bar": [1, _SOLID], "held": [2, _FACE], "pulled": [3, _FACE]},
    )
    meshio.gmsh.write(folder / "bar.msh", raw, fmt_version="2.2", binary=False)
    return folder / "study.yaml"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=CASE)
    print(make(parser.parse_args().folder.resolve()))
