"""The process in which ansys-mapdl-reader reads.

Run as ``python -m romnet.store.converters.ansys_server``; `romnet.store.converters.ansys` is its
only caller.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core.arrays import Array
from romnet.store.converters.guarded import Answer, Answers, serve

ARCHIVES = (".cdb",)
_READER = "ansys.mapdl.reader"


def opening(path: Path) -> Answer:
    """Open a file with the foreign reader, and return what answers questions on it."""
    reader = importlib.import_module(_READER)
    archive = path.suffix.lower() in ARCHIVES
    raw = (reader.Archive if archive else reader.read_binary)(str(path), parse_vtk=False)

    def answer(what: str, number: int) -> Answers:
        """Answer one question."""
        if what == "mesh":
            return _mesh(raw if archive else raw.mesh)
        numbers, values = raw.nodal_solution(number)
        if what == "instant":
            return {"values": np.asarray(values, dtype=np.float64)}
        return {
            "numbers": np.asarray(numbers, dtype=np.int64),
            "dofs": np.array([str(name) for name in raw.result_dof(0)], dtype=np.str_),
            "times": np.asarray(raw.time_values, dtype=np.float64),
        }

    return answer


def _mesh(mesh: Any) -> dict[str, Array]:  # noqa: ANN401  (foreign, untyped)
    """Return the tables of a mesh: elements end to end, components by ``node NAME``."""
    rows = [np.asarray(row, dtype=np.int64).ravel() for row in mesh.elem]
    kinds = np.asarray(mesh.ekey, dtype=np.int64).reshape(-1, np.shape(mesh.ekey)[-1])[:, :2]
    components = {
        f"{kind} {name}": np.asarray(members, dtype=np.int64).ravel()
        for kind, found in (("node", mesh.node_components), ("cell", mesh.element_components))
        for name, members in dict(found).items()
    }
    return {
        "kinds": kinds,
        "elements": np.concatenate([np.zeros(0, np.int64), *rows]),
        "lengths": np.array([row.size for row in rows], dtype=np.int64),
        "numbers": np.asarray(mesh.nnum, dtype=np.int64),
        "places": np.asarray(mesh.nodes, dtype=np.float64)[:, :3],
        **components,
    }


if __name__ == "__main__":
    importlib.import_module(_READER)  # once for all files
    serve(opening)
