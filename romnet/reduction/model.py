"""The reduced model: all that an online computation needs, nothing of the size of the mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.fe.history import SeparatedField
from romnet.laws.composite import Heterogeneous
from romnet.laws.points import PointLocations
from romnet.laws.registry import build_law
from romnet.reduction.gappy import GappyOperator


@dataclass(frozen=True)
class ReducedLoading:
    """A load case as the reduced model sees it.

    Attributes
    ----------
    name
        Name of the case.
    times
        Instants of the answer, the first one being the initial state (n_times,) [time].
    force
        External force projected on the modes, in time (n_modes,) [force].
    temperature
        Temperature at the mask points, in time (n_mask,) [temperature].
    lift_strain
        Strain at the mask points of the prescribed displacements, in time
        (n_mask * n_components,) [-].
    """

    name: str
    times: Float[Array, " n_times"]
    force: SeparatedField
    temperature: SeparatedField
    lift_strain: SeparatedField


@dataclass(frozen=True)
class ReducedModel:
    """A hyper-reduced model of one structure.

    The points of the model are those of the reduced quadrature, first, followed by the points
    that only gappy POD needs, whose weight is zero: the law is integrated there as well.

    Attributes
    ----------
    points
        Global numbers of the mask points (n_mask,), quadrature points first.
    weights
        Weights of the quadrature points (n_quadrature,), positive [volume].
    strain_modes
        Strain of the modes at the mask points (n_mask, n_components, n_modes), engineering shear.
    law_specs
        Specifications of the constitutive laws, as `romnet.laws.registry.build_law` reads them.
    law_of_point
        Position in `law_specs` for each mask point.
    dual
        Names of the dual fields that can be rebuilt: ``"p"``, ``"stress"``, ...
    gappy
        Operator of each scalar dual field: ``"p"``, ``"stress_11"``, ...
    loadings
        Load cases reduced so far, the training ones at least.
    units
        The consistent set in which all numbers are given.
    locations
        Places and numbers of the mask points; None if no law asks for them.
    """

    points: Int[Array, " n_mask"]
    weights: Float[Array, " n_quadrature"]
    strain_modes: Float[Array, "n_mask n_components n_modes"]
    law_specs: tuple[Mapping[str, Any], ...]
    law_of_point: Int[Array, " n_mask"]
    dual: tuple[str, ...]
    gappy: Mapping[str, GappyOperator]
    loadings: Mapping[str, ReducedLoading]
    units: Mapping[str, str]
    locations: PointLocations | None = None

    @property
    def n_modes(self) -> int:
        """Number of displacement modes."""
        return int(self.strain_modes.shape[2])

    @property
    def n_quadrature(self) -> int:
        """Number of points with a positive weight."""
        return int(self.weights.size)

    @property
    def n_components(self) -> int:
        """Voigt components: 6, or 4 in plane strain."""
        return int(self.strain_modes.shape[1])

    def laws(self) -> Heterogeneous:
        """Return the laws of the mask points, plug-ins loaded."""
        built = tuple(build_law(spec, n_components=self.n_components) for spec in self.law_specs)
        return Heterogeneous(built, self.law_of_point, self.locations)


def mask_points(
    quadrature_points: Int[Array, " n_quadrature"], gappy_points: Int[Array, " n_gappy"]
) -> Int[Array, " n_mask"]:
    """Return the quadrature points followed by the gappy points that are not among them.

    Examples
    --------
    >>> mask_points(np.array([4, 9]), np.array([2, 9, 5])).tolist()
    [4, 9, 2, 5]
    """
    extra = np.setdiff1d(gappy_points, quadrature_points)
    return np.concatenate([quadrature_points, extra])
