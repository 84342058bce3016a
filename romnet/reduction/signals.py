"""What a reduced answer says of its own error, at a cost that does not depend on the mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.reduction.gappy import NEGLIGIBLE
from romnet.reduction.model import ReducedLoading, ReducedModel

LOAD = "load"
MEMORY = "p"  # grows only, so that it remembers by itself


@dataclass(frozen=True, eq=False)
class GappySignals:
    r"""Tells the part of dual fields on the mask that their modes cannot represent.

    :math:`\|B z - \hat q\| / \|\hat q\|` over all components of a field together; the norm in the
    denominator is at least a thousandth of the largest one in training.

    Attributes
    ----------
    scalars
        Names of the dual scalars, field by field.
    starts
        For each field, its name and the position of its first scalar.
    directions
        Orthonormal combinations of the modes of each scalar on the mask, filled up with zeros to
        the same number: what they see of a field is what its modes can represent.
    smallest
        For each field, the least denominator.

    References
    ----------
    .. [1] F. Casenave, N. Akkari, "An error indicator-based adaptive reduced order model for
       nonlinear structural mechanics - application to high-pressure turbine blades", Math.
       Comput. Appl. 24 (2019) 41.
    """

    scalars: tuple[str, ...]
    starts: Mapping[str, int]
    directions: Float[Array, "n_scalars n_modes n_mask"]
    smallest: Float[Array, " n_fields"]

    @classmethod
    def of(cls, model: ReducedModel) -> GappySignals:
        """Stack the gappy operators of a model."""
        scalars: list[str] = []
        starts: dict[str, int] = {}
        smallest = []
        for field in model.dual:
            names = [n for n in model.gappy if n == field or n.startswith(f"{field}_")]
            if names:
                starts[field] = len(scalars)
                norms = [model.gappy[name].largest_norm for name in names]
                smallest.append(NEGLIGIBLE * float(np.linalg.norm(norms)))
                scalars += names
        n_modes = max((model.gappy[name].mask_modes.shape[1] for name in scalars), default=0)
        directions = np.zeros((len(scalars), n_modes, len(model.points)))
        for place, name in enumerate(scalars):
            found = np.linalg.qr(model.gappy[name].mask_modes)[0].T
            directions[place, : len(found)] = found
        return cls(tuple(scalars), starts, directions, np.array(smallest))

    def at(
        self, dual: Mapping[str, Float[Array, "n_mask n_times"]]
    ) -> dict[str, Float[Array, " n_times"]]:
        """Return the signal of each field at each instant [-].

        Parameters
        ----------
        dual
            Values of each scalar dual field at the mask points.

        Notes
        -----
        Collective: no. Mutates nothing. Zero, up to 1e-8, where the answer is exact; not a bound.
        Cost: one small product for each scalar.
        """
        if not self.scalars:
            return {}
        values = np.stack([dual[name] for name in self.scalars])
        inside = self.directions @ values
        starts = list(self.starts.values())
        whole = np.add.reduceat(np.einsum("smt,smt->st", values, values), starts, axis=0)
        seen = np.add.reduceat(np.einsum("smt,smt->st", inside, inside), starts, axis=0)
        smallest = np.maximum(self.smallest[:, None] ** 2, np.finfo(float).tiny)
        # Squares of a right-angled triangle: the rest itself need not be formed.
        squares = np.maximum(whole - seen, 0.0) / np.maximum(whole, smallest)
        return dict(zip(self.starts, np.sqrt(squares), strict=True))


@dataclass(frozen=True)
class LoadSpace:
    """Loads of the training: their paths in the space of temperatures and forces.

    Attributes
    ----------
    paths
        For each training case, one row for each instant: change of the temperature at the mask
        points since the start, then the projected force, each block relative to its largest
        norm in training.
    scales
        These largest norms, of temperature and of force.

    Examples
    --------
    >>> from romnet.fe.history import Amplitude, SeparatedField
    >>> ramp = Amplitude(np.array([0.0, 2.0]), np.array([0.0, 2.0]))
    >>> def pull(force):
    ...     return ReducedLoading("pull", np.array([0.0, 1.0, 2.0]),
    ...         SeparatedField((ramp,), np.array([[force]])), SeparatedField.zero(1),
    ...         SeparatedField.zero(6))
    >>> space = LoadSpace.of([pull(3.0)])
    >>> space.distances(pull(3.0)).tolist(), space.distances(pull(4.5)).tolist()
    ([0.0, 0.0, 0.0], [0.0, 0.0, 0.5])
    """

    paths: tuple[Float[Array, "_ n_load"], ...]
    scales: tuple[float, float]

    @cached_property
    def segments(self) -> Segments:
        """The pieces of all paths between two instants, laid out once."""
        return Segments.of(self.paths)

    @classmethod
    def of(cls, loadings: list[ReducedLoading]) -> LoadSpace:
        """Collect the loads of the training."""
        blocks = [_blocks(loading) for loading in loadings]
        scales = tuple(
            max((_largest(pair[part]) for pair in blocks), default=0.0) for part in range(2)
        )
        paths = tuple(_scaled(pair, scales) for pair in blocks)
        return cls(paths, (scales[0], scales[1]))

    def distances(self, loading: ReducedLoading) -> Float[Array, " n_times"]:
        """Return how far a load is from the paths of the training at each instant [-].

        The distance to the nearest segment between two training instants: zero on them, one where
        a temperature or a force differs from all of them as much as the largest one in training.

        Notes
        -----
        Collective: no. Cost: independent of the mesh.
        """
        if not self.paths:
            return np.zeros(len(loading.times))
        return self.segments.distances(_scaled(_blocks(loading), self.scales))


@dataclass(frozen=True, eq=False)
class Segments:
    """Straight pieces in the space of loads.

    Attributes
    ----------
    ends
        Their starts, then their directions, one column for each (n_load, 2 n_segments).
    at_start, squares
        Products of start and direction, and squared lengths of the starts.
    lengths
        Squared lengths of the pieces.
    """

    ends: Float[Array, "n_load n_twice"]
    at_start: Float[Array, " n_segments"]
    squares: Float[Array, " n_segments"]
    lengths: Float[Array, " n_segments"]

    @classmethod
    def of(cls, paths: tuple[Array, ...]) -> Segments:
        """Cut paths into pieces; one of a single instant is a piece without length."""
        starts = np.concatenate([path[:-1] if len(path) > 1 else path for path in paths])
        steps = np.concatenate(
            [np.diff(path, axis=0) if len(path) > 1 else np.zeros_like(path) for path in paths]
        )
        return cls(
            np.ascontiguousarray(np.concatenate([starts, steps]).T),
            (starts * steps).sum(axis=1),
            (starts**2).sum(axis=1),
            (steps**2).sum(axis=1),
        )

    def distances(self, points: Float[Array, "n_points n_load"]) -> Float[Array, " n_points"]:
        """Return the distance of each point to the nearest piece."""
        products = points @ self.ends
        n_segments = len(self.lengths)
        ahead: Array = products[:, n_segments:] - self.at_start
        along = ahead / np.maximum(self.lengths, np.finfo(float).tiny)
        along = np.minimum(np.maximum(along, 0.0), 1.0)
        to_start = self.squares - 2.0 * products[:, :n_segments]
        nearest = (to_start + along * (along * self.lengths - 2.0 * ahead)).min(axis=1)
        nearest += np.einsum("ij,ij->i", points, points)
        return np.asarray(np.sqrt(np.maximum(nearest, 0.0)))


def _blocks(loading: ReducedLoading) -> tuple[Array, Array]:
    """Return temperature changes and forces, one row for each instant."""
    warm = loading.temperature.table(loading.times)
    return warm - warm[0], loading.force.table(loading.times)


def _scaled(blocks: tuple[Array, Array], scales: tuple[float, ...]) -> Array:
    """Put both blocks side by side, in units of the training; what it never had counts fully."""
    parts = []
    for block, scale in zip(blocks, scales, strict=True):
        parts.append(block / (scale or _largest(block) or 1.0))
    return np.hstack(parts)


def _largest(block: Array) -> float:
    """Return the largest norm of a row."""
    return float(np.linalg.norm(block, axis=1).max(initial=0.0))


def signals_of(
    gappy: GappySignals,
    dual: Mapping[str, Float[Array, "n_mask n_times"]],
    distances: Float[Array, " n_times"],
) -> dict[str, Float[Array, " n_times"]]:
    """Return all signals at the instants of an answer, each the largest so far where it lasts.

    What a wrong load did to the stress stays in the internal variables when the load comes back,
    so the signals of the stress and of the load never fall.

    Parameters
    ----------
    gappy
        Of the reduced model.
    dual
        Values of each scalar dual field at the mask points.
    distances
        From the loads of the training, see `LoadSpace.distances`.

    Notes
    -----
    Collective: no. Mutates nothing.
    """
    signals = gappy.at(dual)
    signals[LOAD] = distances
    return {
        name: values if name == MEMORY else np.maximum.accumulate(values)
        for name, values in signals.items()
    }
