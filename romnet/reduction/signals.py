"""What a reduced answer says of its own error, at a cost that does not depend on the mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    mask_modes, inverse
        Gappy operators of all scalars, filled up with zeros to the same number of modes.
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
    mask_modes: Float[Array, "n_scalars n_mask n_modes"]
    inverse: Float[Array, "n_scalars n_modes n_mask"]
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
        n_modes = max((model.gappy[name].inverse.shape[0] for name in scalars), default=0)
        modes = np.zeros((len(scalars), len(model.points), n_modes))
        for place, name in enumerate(scalars):
            columns = model.gappy[name].mask_modes
            modes[place, :, : columns.shape[1]] = columns
        inverse = np.zeros((len(scalars), n_modes, len(model.points)))
        for place, name in enumerate(scalars):
            rows = model.gappy[name].inverse
            inverse[place, : len(rows)] = rows
        return cls(tuple(scalars), starts, modes, inverse, np.array(smallest))

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
        Collective: no. Mutates nothing. Zero where the answer is exact; not a bound.
        """
        if not self.scalars:
            return {}
        values = np.stack([dual[name] for name in self.scalars])
        rest: Array = values - self.mask_modes @ (self.inverse @ values)
        starts = list(self.starts.values())
        wrong, whole = (
            np.add.reduceat(np.einsum("smt,smt->st", part, part), starts, axis=0)
            for part in (rest, values)
        )
        scale = np.maximum(np.sqrt(whole), self.smallest[:, None])
        ratio = np.divide(np.sqrt(wrong), scale, out=np.zeros_like(scale), where=scale > 0.0)
        return dict(zip(self.starts, ratio, strict=True))


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

    @classmethod
    def of(cls, loadings: list[ReducedLoading]) -> LoadSpace:
        """Collect the loads of the training."""
        blocks = [_blocks(loading) for loading in loadings]
        scales = tuple(
            max((float(np.linalg.norm(pair[part], axis=1).max()) for pair in blocks), default=0.0)
            for part in range(2)
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
        points = _scaled(_blocks(loading), self.scales)
        best = np.full(len(points), np.inf)
        for path in self.paths:
            best = np.minimum(best, _to_path(points, path))
        return np.where(np.isfinite(best), best, 0.0)


def _blocks(loading: ReducedLoading) -> tuple[Array, Array]:
    """Return temperature changes and forces, one row for each instant."""
    warm = loading.temperature.table(loading.times)
    return warm - warm[0], loading.force.table(loading.times)


def _scaled(blocks: tuple[Array, Array], scales: tuple[float, ...]) -> Array:
    """Put both blocks side by side, in units of the training; what it never had counts fully."""
    parts = []
    for block, scale in zip(blocks, scales, strict=True):
        own = float(np.linalg.norm(block, axis=1).max(initial=0.0))
        parts.append(block / (scale or own or 1.0))
    return np.hstack(parts)


def _to_path(points: Array, path: Array) -> Array:
    """Return the distance of each point to a polyline."""
    if len(path) == 1:
        return np.asarray(np.linalg.norm(points - path[0], axis=1))
    starts, steps = path[:-1], np.diff(path, axis=0)
    lengths = (steps**2).sum(axis=1)
    ahead = points @ steps.T - (starts * steps).sum(axis=1)
    along = np.clip(ahead / np.maximum(lengths, np.finfo(float).tiny), 0.0, 1.0)
    squares = (points**2).sum(axis=1)[:, None] - 2.0 * points @ starts.T + (starts**2).sum(axis=1)
    nearest = (squares + along * (along * lengths - 2.0 * ahead)).min(axis=1)
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)))


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
