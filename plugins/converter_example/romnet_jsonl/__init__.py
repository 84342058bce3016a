"""Meshes (``.jmesh``) and results (``.jresults``) as JSON: how to write a converter for romnet.

A mesh is one JSON object; results are lines, a header and then one object for each instant, so
that one instant is read at a time. Here is a mesh with two nodes to a line::

    {"format": "jmesh", "nodes": {"1": [0, 0, 0], ...},
     "cells": {"7": ["hex8", [1, 2, ...]], ...},
     "node_sets": {"left": [1, 4]}, "cell_sets": {"all": [7]}}

and results; stresses come as 11, 22, 33, 12, 23, 31, as some codes write them::

    {"format": "jresults", "times": [0.0, 1.0]}
    {"displacement": {"1": [0, 0, 0], ...}, "stress": {"7": [[...], ...]}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core import tensors
from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.formulations import default_formulation
from romnet.fe.mesh import CellBlock, Mesh
from romnet.store.converters.base import Converter, ForeignField, Results, check_node_order
from romnet.store.snapshots import FieldInfo

ORDER = ("11", "22", "33", "12", "23", "31")
FIELDS = {
    "displacement": FieldInfo("node", ("1", "2", "3"), "displacement", "length"),
    "stress": FieldInfo("point", tensors.VOIGT, "stress", "stress"),
}


def read_mesh(path: Path) -> Mesh:
    """Read a mesh. Whatever is wrong with the file becomes a `ConversionError` that names it."""
    try:
        content = _lines(path, "jmesh")[0]
        # Foreign numbers become positions; they are kept beside, for people and for result files.
        node_ids = np.array([int(number) for number in content["nodes"]], dtype=np.int64)
        nodes = np.array(list(content["nodes"].values()), dtype=np.float64).reshape(-1, 3)
        place = {int(number): position for position, number in enumerate(node_ids)}
        blocks = []
        for cell_type in dict.fromkeys(kind for kind, _ in content["cells"].values()):
            members = {
                int(number): [place[node] for node in corners]
                for number, (kind, corners) in content["cells"].items()
                if kind == cell_type
            }
            connectivity = np.array(list(members.values()), dtype=np.int64)
            connectivity = connectivity.reshape(-1, CELLS[cell_type].n_nodes)
            check_node_order(path, cell_type, nodes, connectivity)
            ids = np.array(list(members), dtype=np.int64)
            blocks.append(CellBlock(cell_type, connectivity, default_formulation(cell_type), ids))
        cell_place = {
            int(number): position
            for position, number in enumerate(np.concatenate([block.ids for block in blocks]))
        }
        node_sets, cell_sets = (
            {name: _positions(members, places) for name, members in content[key].items()}
            for key, places in (("node_sets", place), ("cell_sets", cell_place))
        )
        return Mesh(nodes, tuple(blocks), node_ids, node_sets, cell_sets)
    except ConversionError:
        raise
    except Exception as problem:
        message = f"{path}: is no good mesh ({type(problem).__name__}: {problem})."
        raise ConversionError(message) from problem


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of results; romnet asks for one instant after the other."""
    lines = _lines(path, "jresults")
    try:
        times = np.array(lines[0]["times"], dtype=np.float64)
        fields = {name: FIELDS[name] for name in lines[1]}
    except Exception as problem:
        message = f"{path}: is no good result file ({type(problem).__name__}: {problem})."
        raise ConversionError(message) from problem
    if len(lines) != len(times) + 1:
        message = f"{path}: announces {len(times)} instants, holds {len(lines) - 1}."
        raise ConversionError(message)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant, in romnet's conventions."""
        try:
            given = lines[number + 1]
            return {name: _values(name, given[name], mesh) for name in names}
        except Exception as problem:
            message = f"{path}: instant {number} is damaged ({problem})."
            raise ConversionError(message) from problem

    return Results(times, fields, read)


def read_field(
    path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
) -> ForeignField:
    """Refuse: this format holds no field that is no result."""
    del mesh, variable, face_set
    message = f"{path}: holds results only."
    raise ConversionError(message)


def _lines(path: Path, kind: str) -> list[Any]:
    """Return the objects of a file."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as problem:
        message = f"{path}: cannot be read ({problem})."
        raise ConversionError(message) from problem
    if not lines or not isinstance(lines[0], dict) or lines[0].get("format") != kind:
        message = f"{path}: is no {kind} file."
        raise ConversionError(message)
    return lines


def _positions(members: Iterable[int], places: dict[int, int]) -> Array:
    """Return where foreign numbers are."""
    return np.array([places[int(number)] for number in members], dtype=np.int64)


def _values(name: str, given: dict[str, Any], mesh: Mesh) -> Array:
    """Return one field in the order of the mesh, not in that of the file."""
    if FIELDS[name].location == "node":
        return np.ravel(np.array([given[str(number)] for number in mesh.node_ids], dtype=float))
    cells = [str(number) for block in mesh.blocks for number in block.ids]
    values = np.concatenate([np.array(given[cell], dtype=float).reshape(-1, 6) for cell in cells])
    # Convert components here, at the border: romnet has one order inside.
    return tensors.to_voigt(values, ORDER, quantity="stress")


CONVERTER = Converter(
    name="jsonl",
    suffixes=(".jmesh", ".jresults"),
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=read_field,
)
