"""What the report shows of the reduced model, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.reduction.criterion import Advice


@dataclass(frozen=True)
class MeshFacts:
    """Size of the high-fidelity problem.

    Attributes
    ----------
    n_nodes, n_cells, n_points, n_dofs
        Numbers of nodes, cells, integration points and displacement components.
    """

    n_nodes: int
    n_cells: int
    n_points: int
    n_dofs: int


@dataclass(frozen=True)
class Spectrum:
    """Singular values of one basis.

    Attributes
    ----------
    name
        Field: ``"displacement"``, ``"p"``, ``"stress_11"``, ...
    singular_values
        Relative to the first one, descending (n_values,) [-].
    kept
        Number of modes kept.
    """

    name: str
    singular_values: Float[Array, " n_values"]
    kept: int


@dataclass(frozen=True)
class CubatureFacts:
    """How the reduced quadrature came out.

    Attributes
    ----------
    tolerance
        Largest residual asked for [-].
    residual
        Relative error of the integrals of the training integrands [-].
    volume_error
        Relative error of the volume [-].
    n_selected
        Number of selected points.
    n_mask
        Points where the law is integrated online: the selected ones and those that only gappy POD
        needs.
    history
        Residual after each accepted selection (n_steps,) [-].
    """

    tolerance: float
    residual: float
    volume_error: float
    n_selected: int
    n_mask: int
    history: Float[Array, " n_steps"]


@dataclass(frozen=True)
class GappyFacts:
    """Reconstruction of one dual scalar.

    Attributes
    ----------
    name
        The scalar: ``"p"``, ``"stress_11"``, ...
    n_modes
        Number of its modes.
    condition
        Condition number of the modes on the mask [-].
    """

    name: str
    n_modes: int
    condition: float


@dataclass(frozen=True)
class TrainedField:
    """Error of one field on the training loads: what was to be expected, and what came out.

    Attributes
    ----------
    name
        The field.
    predicted
        Part of the training snapshots that the modes leave out, relative [-].
    realised, hottest
        Relative error of the answers to the worst training load, over all instants [-]: of all
        points, and of the 1 % where the field is largest, if it is one at integration points.
    """

    name: str
    predicted: float
    realised: float
    hottest: float | None = None


@dataclass(frozen=True)
class SelectedPoints:
    """Points of the reduced quadrature in space.

    Attributes
    ----------
    positions
        Coordinates (n_selected, 3) [length].
    weights
        Their weights (n_selected,), positive [volume].
    """

    positions: Float[Array, "n_selected 3"]
    weights: Float[Array, " n_selected"]


@dataclass(frozen=True)
class LocalFacts:
    """Clusters of the candidates for training, and what the criterion says of local models.

    Attributes
    ----------
    names
        Of the candidates.
    dissimilarity
        Of each two of them [-].
    labels
        Cluster of each; none if there are no local models.
    medoids
        Number of the candidate that stands for each cluster.
    advice
        Table of the criterion, its choice and its words.
    """

    names: tuple[str, ...]
    dissimilarity: Float[Array, "n n"]
    labels: Int[Array, " n_labels"]
    medoids: Int[Array, " n_clusters"]
    advice: Advice
