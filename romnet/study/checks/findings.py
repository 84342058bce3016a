"""What looks odd in a study and its files: cells, nodes, units, instants, digits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.fe.mesh import Mesh
from romnet.fe.quality import FLAT, mesh_quality
from romnet.laws.tables import ThermalExpansion
from romnet.study.checks.precision import precision_of, strain_noise
from romnet.study.read import Case, LocatedStudy
from romnet.study.schema import Centrifugal, Material
from romnet.study.workspace import Workspace

Level = Literal["info", "warning", "error"]
# Beyond these, numbers are more likely in another unit than true.
CENTRIFUGAL_OVER_YOUNG = (1e-9, 0.05)
DISPLACEMENT_OVER_SIZE = (1e-9, 0.2)
THERMAL_STRAIN = (1e-7, 0.1)
STRESS_OVER_YOUNG = (1e-10, 0.1)
STEP_RATIO = 1e4
NOISE = 1e-3
_LISTED = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    level
        ``"info"``, ``"warning"`` (it may be meant) or ``"error"`` (the study cannot be computed).
    text
        In words.
    figures
        Numbers behind them, by name.
    """

    level: Level
    text: str
    figures: dict[str, Any]

    @property
    def message(self) -> str:
        """One line."""
        return self.text if self.level == "info" else f"{self.level}: {self.text}"


def of_mesh(mesh: Mesh) -> Iterator[Finding]:
    """Look at cells, nodes, connected parts and sets.

    Yields
    ------
    Finding
        Counts and the worst cell; then what is wrong.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> [found.level for found in of_mesh(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))]
    ['info', 'info', 'info']
    """
    yield Finding(
        "info",
        f"mesh: {mesh.n_nodes} nodes, {mesh.n_cells} cells",
        {"nodes": mesh.n_nodes, "cells": mesh.n_cells},
    )
    quality = mesh_quality(mesh)
    ids = np.concatenate([block.ids for block in mesh.blocks])
    counts = ", ".join(f"{count} {name}" for name, count in quality.cells.items())
    yield Finding(
        "info",
        f"cells: {counts}; worst scaled Jacobian {quality.worst_scaled_jacobian:.3g} "
        f"(cell {ids[quality.worst_cell]})",
        {"types": dict(quality.cells), "worst_scaled_jacobian": quality.worst_scaled_jacobian},
    )
    yield Finding(
        "info",
        f"sets: {_sets('node', mesh.node_sets)}; {_sets('cell', mesh.cell_sets)}; "
        f"{_sets('face', {name: found.cells for name, found in mesh.face_sets.items()})}",
        {
            "node_sets": {name: int(found.size) for name, found in mesh.node_sets.items()},
            "cell_sets": {name: int(found.size) for name, found in mesh.cell_sets.items()},
            "face_sets": {name: int(found.cells.size) for name, found in mesh.face_sets.items()},
        },
    )
    if quality.inverted.size:
        text = f"{quality.inverted.size} cells are inverted: {_some(ids[quality.inverted])}"
        yield Finding("warning", text, {"inverted": int(quality.inverted.size)})
    if quality.flat.size:
        text = (
            f"{quality.flat.size} cells are almost flat (scaled Jacobian below {FLAT:g}): "
            f"{_some(ids[quality.flat])}"
        )
        yield Finding("warning", text, {"flat": int(quality.flat.size)})
    if len(quality.duplicates):
        pairs = mesh.node_ids[quality.duplicates]
        text = (
            f"{len(pairs)} pairs of nodes lie at the same place: "
            f"{', '.join(f'{one}={other}' for one, other in pairs[:_LISTED])}"
            f"{', ...' if len(pairs) > _LISTED else ''}"
        )
        yield Finding("warning", text, {"duplicates": len(pairs)})
    if quality.orphans.size:
        text = (
            f"{quality.orphans.size} nodes belong to no cell: "
            f"{_some(mesh.node_ids[quality.orphans])}; their displacements have no stiffness"
        )
        yield Finding("warning", text, {"orphans": int(quality.orphans.size)})
    if quality.part_sizes.size > 1:
        text = (
            f"the mesh falls into {quality.part_sizes.size} parts that share no node, of "
            f"{_some(quality.part_sizes)} cells"
        )
        yield Finding("warning", text, {"parts": quality.part_sizes.tolist()})
    if quality.twins.size:
        text = (
            f"{quality.twins.size} cells have the same nodes as cells before them: "
            f"{_some(ids[quality.twins])}; stiffness and mass count twice there"
        )
        yield Finding("warning", text, {"twins": int(quality.twins.size)})
    if quality.piece_sizes.size > quality.part_sizes.size:
        text = (
            f"{quality.piece_sizes.size} pieces, of {_some(quality.piece_sizes)} cells, share "
            f"nodes or edges but no whole face: they may turn on one another as on a hinge"
        )
        yield Finding("warning", text, {"pieces": quality.piece_sizes.tolist()})


def of_units(workspace: Workspace) -> Iterator[Finding]:
    """Compare centrifugal stresses and thermal strains of each case with what solids bear.

    Yields
    ------
    Finding
        Warnings only.

    Notes
    -----
    Collective: no; on one rank. A law without a parameter ``young`` is not looked at.
    """
    located, mesh = workspace.located, workspace.mesh
    seen: set[str] = set()
    for case in located.cases.values():
        for found in (*_centrifugal(located, case, mesh), *_thermal(workspace, case)):
            if found.text not in seen:
                seen.add(found.text)
                yield found


def of_displacement(
    name: str, workspace: Workspace, displacement: Float[Array, " n_dofs"]
) -> Iterator[Finding]:
    """Look at the digits of a displacement, what they do to strains, and at its size.

    Parameters
    ----------
    name
        Of the simulation.
    workspace
        On one rank.
    displacement
        At an instant where the structure is loaded [length].

    Yields
    ------
    Finding
        The digits and the noise; a warning where the noise is large or the size implausible.
    """
    size = float(np.ptp(workspace.mesh.nodes, axis=0).max())
    largest = float(np.abs(displacement).max(initial=0.0))
    if largest == 0.0:
        yield Finding("warning", f"results {name}: the displacement is zero everywhere", {})
        return
    precision = precision_of(displacement)
    noise, strain = strain_noise(workspace.discretization, displacement, precision)
    relative = noise / strain if strain > 0.0 else np.inf
    told = (
        f"results {name}: displacements have {precision.label}, which makes strains noisy by "
        f"{relative:.1e} of their size"
    )
    figures = {"digits": precision.digits, "bits": precision.bits, "strain_noise": relative}
    if relative > NOISE:
        told += "; a tolerance below that fits the noise: write more digits"
    yield Finding("warning" if relative > NOISE else "info", told, figures)
    ratio = largest / size
    if not DISPLACEMENT_OVER_SIZE[0] < ratio < DISPLACEMENT_OVER_SIZE[1]:
        text = (
            f"results {name}: the largest displacement is {ratio:.2g} of the size of the "
            "structure; are both in the same unit?"
        )
        yield Finding("warning", text, {"displacement_over_size": ratio})


def of_stress(name: str, workspace: Workspace, largest: float) -> Iterator[Finding]:
    """Compare the largest stored stress with Young's modulus.

    Parameters
    ----------
    name
        Of the simulation.
    workspace
        On one rank.
    largest
        Largest component over points and instants [stress].

    Yields
    ------
    Finding
        A warning, if any.
    """
    young = max((_young(entry) for entry in workspace.located.study.materials), default=0.0)
    if young <= 0.0 or largest == 0.0:
        return
    ratio = largest / young
    if not STRESS_OVER_YOUNG[0] < ratio < STRESS_OVER_YOUNG[1]:
        text = (
            f"results {name}: the largest stored stress is {ratio:.2g} of Young's modulus; are "
            "both in the same unit?"
        )
        yield Finding("warning", text, {"stress_over_young": ratio})


def of_times(name: str, times: Float[Array, " n_times"]) -> Iterator[Finding]:
    """Look at the instants of results.

    Parameters
    ----------
    name
        Of the simulation.
    times
        Instants [time].

    Yields
    ------
    Finding
        Warnings only.

    Examples
    --------
    >>> [found.text for found in of_times("one", np.array([0.0, 1e-6, 1.0]))]
    ['results one: the longest step is 1e+06 times the shortest']
    """
    grid = times if times[0] == 0.0 else np.concatenate([[0.0], times])
    steps = np.diff(grid)
    if times[0] < 0.0:
        text = f"results {name}: begin at t = {times[0]:g}; the virgin state is at zero"
        yield Finding("warning", text, {"first": float(times[0])})
    elif steps.size == 0:
        yield Finding("warning", f"results {name}: hold the virgin state only", {})
    elif steps.max() > STEP_RATIO * steps.min():
        ratio = float(steps.max() / steps.min())
        text = f"results {name}: the longest step is {ratio:.3g} times the shortest"
        yield Finding("warning", text, {"step_ratio": ratio})


def of_missing_fields(name: str, located: LocatedStudy, fields: Sequence[str]) -> Finding | None:
    """Say which dual fields the results do not hold, so that only the replayed ones exist."""
    missing = [field for field in located.study.offline.dual if field not in fields]
    if not missing:
        return None
    text = f"results {name}: hold no {', '.join(missing)}; answers are compared with replayed ones"
    return Finding("info", text, {"missing_fields": missing})


def _centrifugal(located: LocatedStudy, case: Case, mesh: Mesh) -> Iterator[Finding]:
    """Compare density omega^2 r^2 with Young's modulus."""
    materials = [entry for entry in located.study.materials if _young(entry) > 0.0]
    for load in case.loads:
        if not isinstance(load, Centrifugal) or len(load.axis.point) != mesh.n_dim:
            continue
        amplitude = 1.0
        if load.amplitude is not None:
            amplitude = max(map(abs, located.study.amplitudes[load.amplitude].values))
        speed = load.omega**2 * (amplitude**2 if load.scales == "omega" else amplitude)
        arms = mesh.nodes - np.array(load.axis.point)
        direction = np.array(load.axis.direction[: mesh.n_dim])
        length = float(np.linalg.norm(load.axis.direction))
        arms = arms - np.outer(arms @ direction, direction) / length**2
        radius = float(np.sqrt((arms**2).sum(axis=1).max()))
        for material in materials:
            ratio = material.density * speed * radius**2 / _young(material)
            low, high = CENTRIFUGAL_OVER_YOUNG
            if speed > 0.0 and not low < ratio < high:
                text = (
                    f"load {load.name!r} on cells {material.cells}: density omega^2 r^2 is "
                    f"{ratio:.2g} of Young's modulus; look at the units of the density "
                    f"({material.density:g}), of omega ({load.omega:g} rad per time) and of lengths"
                )
                yield Finding("warning", text, {"centrifugal_over_young": ratio})


def _thermal(workspace: Workspace, case: Case) -> Iterator[Finding]:
    """Compare thermal strains with what solids bear."""
    from romnet.study.loadcases import outside_tables, point_temperature

    try:
        temperature = point_temperature(workspace, case)
    except StudyError:
        return  # told where loads are looked at
    if not temperature.n_terms:
        return
    low, high = float(temperature.vectors.min()), float(temperature.vectors.max())
    outside = outside_tables(workspace, temperature.vectors)
    if outside:
        text = f"case {case.name}: {outside}, whose ends hold (outside_tables: hold)"
        yield Finding("warning", text, {"lowest": low, "highest": high})
    for material in workspace.located.study.materials:
        expansion = ThermalExpansion.read(material.expansion)
        strains = [expansion.strain(value) for value in (low, high)]
        strain = abs(strains[1] - strains[0])
        if high > low and strain > 0.0 and not THERMAL_STRAIN[0] < strain < THERMAL_STRAIN[1]:
            text = (
                f"case {case.name}: between {low:g} and {high:g} degrees cells {material.cells} "
                f"expand by {strain:.2g}; look at the coefficient and at the temperatures"
            )
            yield Finding("warning", text, {"thermal_strain": strain})


def _young(material: Material) -> float:
    """Return the largest Young's modulus of a material; 0 if its law has no such parameter."""
    return max(young_moduli(material), default=0.0)


def young_moduli(material: Material) -> list[float]:
    """Return the values of Young's modulus; none if the law has no such parameter."""
    given: Any = material.parameters.get("young")
    values = given.get("value", []) if isinstance(given, dict) else given
    values = values if isinstance(values, list | tuple) else [values]
    return [float(value) for value in values if isinstance(value, int | float)]


def _sets(kind: str, sets: Mapping[str, Array]) -> str:
    """Name sets and their sizes."""
    names = ", ".join(f"{name} ({found.size})" for name, found in list(sets.items())[:_LISTED])
    more = ", ..." if len(sets) > _LISTED else ""
    return f"{len(sets)} {kind} sets" + (f" ({names}{more})" if names else "")


def _some(numbers: Int[Array, " n"]) -> str:
    """Write the first numbers."""
    return ", ".join(map(str, numbers[:_LISTED])) + (", ..." if numbers.size > _LISTED else "")
