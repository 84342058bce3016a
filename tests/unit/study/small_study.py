"""A small study with everything in it, and the same as result files of another code."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from romnet.study import commands
from romnet.study.context import Context

BOX = {"lengths": [1.0, 1.0, 1.0], "divisions": [2, 2, 2], "formulation": "zset:c3d8"}
STUDY: dict[str, Any] = {
    "name": "small",
    "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
    "mesh": {"box": BOX},
    "materials": [
        {
            "cells": "ALL",
            "law": "j2_viscoplastic",
            "density": 1.0e-8,
            "parameters": {
                "young": {"temperature": [0.0, 500.0], "value": [2.0e5, 1.8e5]},
                "poisson": 0.3,
                "yield_stress": 10.0,
                "viscosity": 300.0,
                "exponent": 30.0,
                "kinematic": [{"modulus": 1.0e5, "recall": 1000.0}],
            },
            "expansion": {"coefficient": 2.0e-5, "reference": 20.0},
        }
    ],
    "constraints": [
        {"nodes": "x0", "u": [0.0, None, None]},
        {"nodes": "x0y0", "u": [None, 0.0, None]},
        {"nodes": "x0y1z1", "u": [None, None, 0.0]},
    ],
    "amplitudes": {
        "spin": {"times": [0.0, 1.0], "values": [0.0, 1.0], "after": "hold"},
        "push": {"times": [0.0, 0.1, 2.0], "values": [0.0, 100.0, 90.0], "after": "hold"},
    },
    "loads": [
        {
            "type": "centrifugal",
            "axis": {"point": [3.5, -20.0, 1.5], "direction": [0.0, 0.0, 1.0]},
            "omega": 1.5e4,
            "amplitude": "spin",
        },
        {"type": "pressure", "faces": "x1", "field": 0.5, "amplitude": "push"},
        {
            "type": "temperature",
            "keyframes": [
                {"time": 0.0, "field": 20.0},
                {
                    "time": 1.0,
                    "field": {
                        "gaussian": {"centre": [0.5, 0.5, 0.5], "base": 20, "peak": 380, "rate": 4}
                    },
                },
            ],
            "after": "hold",
        },
    ],
    "training": [{"name": "one", "results": "hf", "until": 1.0, "increments": 4}],
    "offline": {"tolerance": 1.0e-6, "cubature": {"tolerance": 1.0e-5}, "dual": ["p", "stress"]},
    "online": [{"name": "more", "loads": {"pressure": {"field": 0.6}}, "reference": "one"}],
}
TIMINGS = ("wall_seconds", "law_seconds")


def changed(study: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a copy with values replaced; ``a__0__b`` stands for ``a[0].b``."""
    new = copy.deepcopy(study)
    for place, value in changes.items():
        *path, last = [int(part) if part.isdigit() else part for part in place.split("__")]
        parent: Any = new
        for part in path:
            parent = parent[part]
        parent[last] = value
    return new


def write_study(folder: Path, study: dict[str, Any]) -> Path:
    """Write a study as YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def foreign_study() -> dict[str, Any]:
    """Return the study whose mesh, training and temperature are files of another code."""
    study = changed(STUDY, mesh="cube.geof", training=[{"name": "one", "results": "cube.ut"}])
    frames = [{"time": 0.0, "field": "cold.node"}, {"time": 1.0, "field": "hot.node"}]
    return changed(study, loads__2__keyframes=frames)


def write_foreign(folder: Path, computed: Context) -> Path:
    """Write the computed training simulation as files of another code, and a study of them."""
    workspace, store = computed.workspace, computed.snapshots("one")
    write_geof(folder / "cube.geof", workspace.mesh)
    write_results(
        folder / "cube.ut",
        np.asarray(store.times),
        store.source("displacement").rows(np.arange(workspace.mesh.n_dofs)),
        store.source("p").rows(np.arange(workspace.discretization.n_points)),
    )
    squared = ((workspace.mesh.nodes - 0.5) ** 2).sum(axis=1)
    np.full(len(squared), 20.0).astype(">f4").tofile(folder / "cold.node")
    (20.0 + 380.0 * np.exp(-4.0 * squared)).astype(">f4").tofile(folder / "hot.node")
    return write_study(folder, foreign_study())


def write_geof(path: Path, mesh: Any) -> None:
    """Write a mesh of hexahedra with the sets that the study names."""
    (block,) = mesh.blocks
    corners = block.connectivity + 1
    nodes = [f"{n} {x:.17g} {y:.17g} {z:.17g}" for n, (x, y, z) in enumerate(mesh.nodes, start=1)]
    cells = [f"{n} c3d8 " + " ".join(map(str, row)) for n, row in enumerate(corners, start=1)]
    sets = [
        f"**nset {name}\n " + " ".join(str(node + 1) for node in mesh.node_sets[name])
        for name in ("x0", "x0y0", "x0y1z1")
    ]
    # On the high side of x a hexahedron has the corners 1 2 6 5.
    outer = [row[[1, 2, 6, 5]] for row in corners if (mesh.nodes[row[[1, 2]] - 1, 0] == 1.0).all()]
    faces = ["q4 " + " ".join(map(str, face)) for face in outer]
    text = [
        "***geometry",
        f"**node\n{len(nodes)} 3",
        *nodes,
        f"**element\n{len(cells)}",
        *cells,
        "***group",
        *sets,
        "**faset x1",
        *faces,
        "***return",
    ]
    path.write_text("\n".join(text) + "\n")


def write_results(index: Path, times: Any, displacement: Any, p: Any) -> None:
    """Write displacements and the accumulated strain, single precision, big-endian."""
    lines = "".join(f"{k + 1} 1 1 {k} {time:.15e}\n" for k, time in enumerate(times))
    index.write_text(f"**meshfile cube.geof\n**node U1 U2 U3\n**integ evrcum\n**element\n{lines}")
    nodal = [column.reshape(-1, 3).T for column in displacement.T]
    np.stack(nodal).astype(">f4").tofile(index.with_suffix(".node"))
    np.stack(list(p.T)).astype(">f4").tofile(index.with_suffix(".integ"))


def computed(path: Path, *, online: bool = True) -> Context:
    """Run a study and return its context."""
    context = commands.open_study(path)
    commands.offline(context)
    if online:
        commands.online(context)
    return context


def states(path: Path, results: Path | None = None) -> dict[str, str]:
    """Return the state of every stage."""
    found = commands.status(commands.open_study(path, results=results))
    return {name: verdict["state"] for name, verdict in found.items()}


def contents(path: Path) -> str:
    """Return a hash of all datasets of an artefact but the clock times."""
    digest = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and name.rsplit("/", 1)[-1] not in TIMINGS:
            digest.update(f"{name} {item.shape}".encode())
            value = item[()] if item.shape is not None else b""
            plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            digest.update(repr(plain).encode())

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return digest.hexdigest()


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {
        str(found.relative_to(folder)): found.read_bytes()
        for found in sorted(folder.rglob("*"))
        if found.is_file()
    }
