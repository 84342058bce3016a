"""Both codes on the same data, and how far apart their answers are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import deck
import numpy as np
import readers
import solve
from body import Referee
from jaxtyping import Float

from romnet.core.arrays import Array


@dataclass(frozen=True)
class Gaps:
    """Relative differences, the largest over the instants.

    Attributes
    ----------
    displacement
        L2 norm over the nodes.
    stress, p
        L2 norm over the integration points, weighted with their volumes.
    position
        Largest distance of the integration points [length]: their order is the same in both.
    largest_p
        How much the body has yielded: largest cumulated plastic strain [-].
    """

    displacement: float
    stress: float
    p: float
    position: float
    largest_p: float

    @property
    def point_fields(self) -> float:
        """The larger one of stress and cumulated plastic strain."""
        return max(self.stress, self.p)


def compare(case: Referee, folder: Path) -> Gaps:
    """Run both codes on a computation and compare every increment."""
    folder.mkdir(parents=True, exist_ok=True)
    deck.write(folder / "job.inp", case)
    deck.run(folder, "job")
    theirs = readers.read_dat(folder / "job.dat").fields
    problem = solve.problem_of(case)
    ours: dict[str, list[Array]] = {"displacement": [], "stress": [], "p": []}
    for outcome in solve.solve(problem):
        committed = outcome.committed
        ours["displacement"].append(committed.unknown.reshape(-1, 3))
        for name in ("stress", "p"):
            ours[name].append(problem.laws.field(committed.state, name))
    weights = problem.discretization.weights
    alone = np.ones(case.mesh.n_nodes)
    return Gaps(
        displacement=_gap(ours["displacement"], theirs["displacement"], alone),
        stress=_gap(ours["stress"], theirs["stress"], weights),
        p=_gap(ours["p"], theirs["p"], weights),
        position=float(np.abs(problem.discretization.positions - theirs["position"][0]).max()),
        largest_p=float(theirs["p"].max()),
    )


def _gap(
    ours: list[Array], theirs: Float[Array, "n_times n n_components"], weights: Array
) -> float:
    """Return the largest difference over the instants, relative to the largest norm."""
    if len(ours) != len(theirs):
        message = f"{len(ours)} increments of romnet, {len(theirs)} of CalculiX."
        raise RuntimeError(message)
    norms = [np.sqrt(weights @ (field**2).sum(axis=1)) for field in theirs]
    gaps = [
        np.sqrt(weights @ ((mine - field) ** 2).sum(axis=1))
        for mine, field in zip(ours, theirs, strict=True)
    ]
    return float(max(gaps) / max(norms))
