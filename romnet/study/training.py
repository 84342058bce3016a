"""Training data as the numerics want it: sources over all simulations, on this rank."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.snapshots import SnapshotSource, StackedSource
from romnet.core.tensors import VOIGT
from romnet.laws.contract import TimeStep
from romnet.reduction.basis import ReducedBasis
from romnet.reduction.dual import DualScalar
from romnet.reduction.selection import owned
from romnet.store.modes import load_bases
from romnet.store.snapshots import FieldInfo
from romnet.study.context import Context
from romnet.study.loadcases import point_temperature

_DIRECTIONS = ("1", "2", "3")


def recorded_fields(context: Context) -> tuple[str, ...]:
    """Return the dual fields that simulations record: the stress, and what is asked for."""
    return tuple(dict.fromkeys(("stress", *context.located.study.offline.dual)))


def displacement_info(context: Context) -> FieldInfo:
    """Describe the displacement."""
    units = context.located.study.units
    directions = _DIRECTIONS[: context.workspace.mesh.n_dim]
    return FieldInfo("node", directions, "displacement", units.length)


def dual_infos(context: Context, fields: tuple[str, ...]) -> dict[str, FieldInfo]:
    """Describe dual fields at the integration points."""
    units, laws = context.located.study.units, context.workspace.laws
    stress = f"{units.force}/{units.length}^2"
    infos = {}
    for name in fields:
        width = laws.state_fields[name].stop - laws.state_fields[name].start
        tensor = width == context.workspace.discretization.n_components
        labels = VOIGT[:width] if tensor else tuple(str(number + 1) for number in range(width))
        unit = stress if name == "stress" else "-"
        infos[name] = FieldInfo("point", labels if width > 1 else (), name, unit)
    return infos


def training_displacement(context: Context) -> SnapshotSource:
    """Return all training displacements less the prescribed ones, at this rank's dofs."""
    parts: list[SnapshotSource] = []
    for name in context.training:
        source = context.displacement(name)
        prescribed = context.loading(name).prescribed
        if len(prescribed.vectors) == 0:
            parts.append(source)
            continue
        times = context.snapshots(name).times
        lift = np.stack([prescribed.at(float(time)) for time in times], axis=1)
        lift[:, 0] = 0.0  # the virgin state, also where the motion is prescribed from the start
        parts.append(_Unlifted(source, lift))
    return StackedSource(tuple(parts))


def training_field(context: Context, name: str) -> SnapshotSource:
    """Return a replayed dual field of all training simulations at this rank's points."""
    return StackedSource(
        tuple(
            context.point_field(context.replayed(simulation), name)
            for simulation in context.training
        )
    )


def displacement_basis(context: Context) -> ReducedBasis:
    """Return the displacement basis on this rank's dofs."""
    return load_bases(context.folder / "pod.h5", context.workspace.part.dofs)["displacement"]


def elastic_tangent(context: Context) -> Float[Array, "n_points n_components n_components"]:
    """Return the tangent of the virgin material at the first instant, at this rank's points.

    Notes
    -----
    Collective: no.
    """
    workspace = context.workspace
    name = context.training[0]
    times = context.snapshots(name).times
    warm = point_temperature(workspace, context.located.cases[name]).at(float(times[0]))
    still = np.zeros((workspace.discretization.n_points, workspace.discretization.n_components))
    step = TimeStep(float(times[0]), float(times[1] - times[0]))
    virgin = workspace.laws.initial_state(warm)
    return workspace.laws.integrate(still, still, virgin, warm, warm, step).tangent


def strain_at(
    context: Context,
    points: Int[Array, " n_points"],
    modes: Float[Array, "n_dofs n_modes"],
) -> Float[Array, "n_points n_components n_modes"]:
    """Return the strain of displacement modes at some points, on every rank.

    Notes
    -----
    Collective: yes.
    """
    discretization = context.workspace.discretization
    found, mine = owned(points, context.workspace.part.points)
    strain = np.zeros((len(points), discretization.n_components, modes.shape[1]))
    order = np.argsort(mine)
    rows = discretization.strain_operator_of(mine[order]) @ modes
    strain[found[order]] = rows.reshape(len(mine), *strain.shape[1:])
    return context.comm.sum(strain)


def memory_of_rank(context: Context) -> int:
    """Return what each rank may hold in blocks [B]: its share of ``offline.memory``."""
    return context.located.study.offline.memory_bytes // context.comm.size


def largest_norms(
    context: Context, scalars: Iterable[DualScalar], points: Int[Array, " n_mask"]
) -> dict[str, float]:
    """Return the largest norm of each dual scalar on the mask over the training.

    Notes
    -----
    Collective: yes. Cost: reads each field once, at the mask points only.
    """
    _, mine = owned(points, context.workspace.part.points)
    places = np.sort(mine)
    norms: dict[str, float] = {}
    members = list(scalars)
    for field in dict.fromkeys(scalar.field for scalar in members):
        group = [scalar for scalar in members if scalar.field == field]
        width = group[0].width
        rows = (places[:, None] * width + np.arange(width)).ravel()
        values = training_field(context, field).rows(rows)
        squares = context.comm.sum(np.stack([(values[c::width] ** 2).sum(0) for c in range(width)]))
        norms |= {scalar.name: float(np.sqrt(squares[scalar.column].max())) for scalar in group}
    return norms


@dataclass(frozen=True)
class Component:
    """One component of a vector-valued source.

    Attributes
    ----------
    source
        Rows are point * width + component.
    component, width
        Which one of how many.
    """

    source: SnapshotSource
    component: int
    width: int

    @property
    def n_rows(self) -> int:
        """Points of this rank."""
        return self.source.n_rows // self.width

    @property
    def n_snapshots(self) -> int:
        """Columns."""
        return self.source.n_snapshots

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some rows of all snapshots."""
        return self.source.rows(numbers * self.width + self.component)

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one snapshot."""
        return self.source.column(number)[self.component :: self.width]


@dataclass(frozen=True)
class _Unlifted:
    """Displacements less the prescribed ones: what the modes, which vanish there, represent."""

    source: SnapshotSource
    lift: Float[Array, "n_rows n_snapshots"]

    @property
    def n_rows(self) -> int:
        """Dofs of this rank."""
        return self.source.n_rows

    @property
    def n_snapshots(self) -> int:
        """Columns."""
        return self.source.n_snapshots

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some rows of all snapshots."""
        return np.asarray(self.source.rows(numbers) - self.lift[numbers])

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one snapshot."""
        return np.asarray(self.source.column(number) - self.lift[:, number])
