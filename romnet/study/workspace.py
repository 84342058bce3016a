"""The structure of a study on this rank: its cells, points, laws and densities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.core.errors import ConversionError, LawError, PluginError, StudyError
from romnet.fe.discretization import Discretization, discretize
from romnet.fe.inner_products import InnerProduct, h1_seminorm, l2_mass
from romnet.fe.mesh import Mesh
from romnet.fe.partition import Subdomain, cell_graph, subdomain, whole
from romnet.fe.structured import box_mesh
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.points import PointLocations
from romnet.laws.registry import build_law, temperature_range
from romnet.reduction.dual import dual_scalars
from romnet.store.converters.base import find_converter
from romnet.study.read import LocatedStudy
from romnet.study.schema import BoxMesh, LibraryLaw, Material, Umat

ALL = "ALL"


@dataclass(frozen=True)
class Workspace:
    """What the stages of a study share on one rank.

    Attributes
    ----------
    located
        The study.
    comm
        The ranks.
    mesh
        The whole mesh.
    part
        This rank's cells.
    discretization
        This rank's points.
    law_specs
        Specification of the law of each material.
    laws
        Laws of this rank's points.
    law_of_point
        Position of the material of each of this rank's points in ``study.materials``.
    """

    located: LocatedStudy
    comm: Communicator
    mesh: Mesh
    part: Subdomain
    discretization: Discretization
    law_specs: tuple[Mapping[str, Any], ...]
    laws: Heterogeneous
    law_of_point: Int[Array, " n_points"]

    @cached_property
    def temperature_range(self) -> tuple[float, float]:
        """Lowest and highest temperature that the tables of all laws know [temperature]."""
        ranges = [temperature_range(spec) for spec in self.law_specs]
        return max(low for low, _ in ranges), min(high for _, high in ranges)

    @property
    def depends_on_temperature(self) -> bool:
        """Whether a law expands, has tables, or is a UMAT, which may use the temperature."""
        return any(
            "expansion" in spec or not isinstance(spec["law"], str) for spec in self.law_specs
        ) or any(np.isfinite(self.temperature_range))

    @property
    def density(self) -> Float[Array, " n_points"]:
        """Density of each of this rank's points [mass/volume]."""
        densities = np.array([material.density for material in self.located.study.materials])
        return np.asarray(densities[self.law_of_point])

    @property
    def owned_dofs(self) -> Int[Array, " n_owned"]:
        """Global numbers of the dofs that this rank owns."""
        return np.asarray(self.part.dofs[self.part.owned_dofs])

    def inner_product(self) -> InnerProduct:
        """Return the inner product of the displacement modes on this rank."""
        build = {"l2": l2_mass, "h1": h1_seminorm}[self.located.study.offline.inner_product]
        return build(self.part.mesh)

    def component_rows(self, n_components: int) -> Int[Array, " n_rows"]:
        """Return the global rows of a field at this rank's points."""
        return np.asarray(
            (self.part.points[:, None] * n_components + np.arange(n_components)).ravel()
        )


def read_mesh(located: LocatedStudy) -> Mesh:
    """Read, or make, the mesh of a study.

    Raises
    ------
    ConversionError
        If the file cannot be read, or holds no cells or infinite nodes; names the key of the mesh.
    """
    given = located.study.mesh
    if isinstance(given, BoxMesh):
        box = given.box
        return box_mesh(box.lengths, box.divisions, cell_type=box.cell, formulation=box.formulation)
    path = located.resolve(given)
    try:
        mesh = find_converter(path).read_mesh(path)
        _refuse_unusable(path, mesh)
    except ConversionError as problem:
        message = f"{located.yaml.where(('mesh',))}: {problem}"
        raise ConversionError(message) from problem
    return mesh


def _refuse_unusable(path: Path, mesh: Mesh) -> None:
    """Raise when a mesh has no cell, or nodes that are nowhere."""
    if mesh.n_cells == 0:
        message = f"{path}: holds no cell of a solid."
        raise ConversionError(message)
    bad = np.flatnonzero(~np.isfinite(mesh.nodes).all(axis=1))
    if bad.size:
        message = (
            f"{path}: {bad.size} nodes have coordinates that are no finite numbers; the first is "
            f"node {mesh.node_ids[bad[0]]}: {mesh.nodes[bad[0]].tolist()}."
        )
        raise ConversionError(message)


def integration_points(located: LocatedStudy, mesh: Mesh) -> Discretization:
    """Place the integration points of a mesh, or of one rank's part of it.

    Raises
    ------
    StudyError
        If a formulation is unknown or a cell is inverted; names the key of the mesh.
    """
    try:
        return discretize(mesh)
    except StudyError as problem:
        given = located.study.mesh
        name = "" if isinstance(given, BoxMesh) else f"{located.resolve(given)}: "
        raise located.error(("mesh",), f"{name}{problem}") from problem


def build_workspace(located: LocatedStudy, mesh: Mesh, comm: Communicator) -> Workspace:
    """Share the cells among the ranks and prepare what the stages need.

    Raises
    ------
    StudyError
        If a material names no cell set, cells have no material, a cell is inverted, or no law
        has a dual field that the study asks for.
    PluginError
        If the library of a law cannot be loaded.

    Notes
    -----
    Collective: yes.
    """
    part = _part_of(mesh, comm)
    with together(comm):
        discretization = integration_points(located, part.mesh)
        material = _material_of_cell(located, mesh)[part.cells]
        specs = law_specs(located)
        laws = _laws(located, specs, discretization.n_components)
        law_of_point = material[discretization.cell_of_point]
        foreign = any(isinstance(entry.law, Umat) for entry in located.study.materials)
        locations = point_locations(discretization) if foreign else None
        composite = Heterogeneous(laws, law_of_point, locations)
        _refuse_unknown_fields(located, composite)
    return Workspace(
        located=located,
        comm=comm,
        mesh=mesh,
        part=part,
        discretization=discretization,
        law_specs=specs,
        laws=composite,
        law_of_point=law_of_point,
    )


def point_locations(discretization: Discretization) -> PointLocations:
    """Return what a UMAT is told about its point: COORDS, NOEL and NPT.

    Parameters
    ----------
    discretization
        Points.

    Returns
    -------
    PointLocations
        Elements have the numbers that the file of the mesh gives them.

    Examples
    --------
    >>> cube = discretize(box_mesh((1.0, 1.0, 1.0), (2, 1, 1)))
    >>> places = point_locations(cube)
    >>> places.elements[7:9].tolist(), places.numbers[7:9].tolist()
    ([1, 2], [8, 1])
    """
    cell = discretization.cell_of_point
    ids = np.concatenate([block.ids for block in discretization.mesh.blocks])
    _, first, back = np.unique(cell, return_index=True, return_inverse=True)
    coordinates = np.zeros((len(cell), 3))
    coordinates[:, : discretization.positions.shape[1]] = discretization.positions
    return PointLocations(coordinates, ids[cell], np.arange(len(cell)) - first[back] + 1)


def law_spec(located: LocatedStudy, material: Material) -> Mapping[str, Any]:
    """Return the specification of a law as `romnet.laws.registry.build_law` reads it."""
    law: str | dict[str, Any]
    if isinstance(material.law, Umat):
        law = material.law.model_dump(mode="json")
        law["umat"] = str(located.resolve(material.law.umat))
        law["threads"] = material.law.threads
    elif isinstance(material.law, LibraryLaw):
        law = material.law.model_dump(mode="json")
        law["library"] = str(located.resolve(material.law.library))
    else:
        law = material.law
    spec: dict[str, Any] = {"law": law}
    if material.parameters:
        spec["parameters"] = material.parameters
    if material.expansion is not None:
        spec["expansion"] = material.expansion
    return spec


def law_specs(located: LocatedStudy) -> tuple[Mapping[str, Any], ...]:
    """Return the specification of the law of each material."""
    return tuple(law_spec(located, entry) for entry in located.study.materials)


def law_libraries(located: LocatedStudy) -> tuple[Path, ...]:
    """Return the shared libraries that the study names."""
    laws = [material.law for material in located.study.materials]
    files = [law.umat if isinstance(law, Umat) else getattr(law, "library", None) for law in laws]
    return tuple(located.resolve(file) for file in files if file is not None)


def _laws(
    located: LocatedStudy, specs: tuple[Mapping[str, Any], ...], n_components: int
) -> tuple[ConstitutiveLaw, ...]:
    """Build the law of each material; what it refuses is told with its place in the study."""
    laws = []
    for number, spec in enumerate(specs):
        try:
            laws.append(build_law(spec, n_components=n_components))
        except (StudyError, LawError, PluginError, OverflowError) as problem:
            where = located.yaml.where(("materials", number))
            message = f"{where}: {problem}"
            kind = StudyError if isinstance(problem, OverflowError) else type(problem)
            raise kind(message) from problem
    return tuple(laws)


def _refuse_unknown_fields(located: LocatedStudy, laws: Heterogeneous) -> None:
    """Refuse dual fields that no law has."""
    try:
        dual_scalars(located.study.offline.dual, laws)
    except StudyError as problem:
        raise located.error(("offline", "dual"), str(problem)) from problem


def _part_of(mesh: Mesh, comm: Communicator) -> Subdomain:
    """Return this rank's cells; the graph is cut on one rank, so that all agree."""
    if comm.size == 1:
        return whole(mesh)
    from romnet.parallel.petsc import partition, petsc

    petsc()  # its start is collective, the partitioning of one rank is not
    labels = np.zeros(mesh.n_cells, dtype=np.int64)
    if comm.rank == 0:
        labels = partition(cell_graph(mesh), comm.size)
    return subdomain(mesh, comm.broadcast(labels), comm.rank)


def _material_of_cell(located: LocatedStudy, mesh: Mesh) -> Int[Array, " n_cells"]:
    """Return the position of the material of each cell; a later entry wins."""
    material = np.full(mesh.n_cells, -1, dtype=np.int64)
    for number, entry in enumerate(located.study.materials):
        if entry.cells == ALL and ALL not in mesh.cell_sets:
            material[:] = number
        elif entry.cells in mesh.cell_sets:
            material[mesh.cell_sets[entry.cells]] = number
        else:
            known = ", ".join(sorted(mesh.cell_sets)) or "none"
            message = f"the mesh has no cell set {entry.cells!r}; it has: {known}."
            raise located.error(("materials", number, "cells"), message)
    missing = np.flatnonzero(material < 0)
    if missing.size:
        message = f"{missing.size} of {mesh.n_cells} cells have no material."
        raise StudyError(f"{located.yaml.where(('materials',))}: {message}")
    return material
