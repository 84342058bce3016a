"""Both codes on the same data, and how far apart their answers are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from referee import deck, solve
from referee.body import Referee

from romnet.core.arrays import Array
from romnet.fe.discretization import discretize
from romnet.store.converters.calculix_dat import read_dat

FIELDS = ("displacement", "stress", "p")
# What the two codes answered at one instant, by field.
Instant = Mapping[str, Array]


@dataclass(frozen=True)
class Gaps:
    """Relative differences, the largest over the instants.

    Attributes
    ----------
    displacement
        L2 norm over the nodes.
    stress, p
        L2 norm over the integration points, weighted with their volumes.
    largest_p
        How much the body has yielded: largest cumulated plastic strain [-].
    """

    displacement: float
    stress: float
    p: float
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
    return gaps(case, list(instants_of_romnet(case)), list(printed(folder / "job.dat", case)))


def instants_of_romnet(case: Referee) -> Iterator[Instant]:
    """Yield what romnet answers at each instant."""
    problem = solve.problem_of(case)
    for outcome in solve.solve(problem):
        state = outcome.committed.state
        fields = {name: problem.laws.field(state, name) for name in FIELDS[1:]}
        yield {"displacement": outcome.committed.unknown, **fields}


def printed(path: Path, case: Referee) -> Iterator[Instant]:
    """Yield what CalculiX printed at each instant."""
    results = read_dat(path, case.mesh)
    for number in range(results.n_times):
        yield results.instant(number, FIELDS)


def gaps(case: Referee, ours: list[Instant], theirs: list[Instant]) -> Gaps:
    """Return how far apart two answers are.

    Raises
    ------
    RuntimeError
        If they have not as many instants.
    """
    if len(ours) != len(theirs):
        message = f"{len(ours)} increments of romnet, {len(theirs)} of CalculiX."
        raise RuntimeError(message)
    volumes = discretize(case.mesh).weights
    weights = {"displacement": np.ones(case.mesh.n_nodes), "stress": volumes, "p": volumes}
    relative = {}
    for name, weight in weights.items():
        pairs = [(mine[name], other[name]) for mine, other in zip(ours, theirs, strict=True)]
        largest = max(norm(other, weight) for _, other in pairs)
        gap = max(norm(np.ravel(mine) - np.ravel(other), weight) for mine, other in pairs)
        relative[name] = gap / largest
    return Gaps(**relative, largest_p=float(max(other["p"].max() for other in theirs)))


def norm(field: Array, weights: Float[Array, " n"]) -> float:
    """Return the weighted L2 norm of a field of any number of components."""
    squares = (np.reshape(field, (len(weights), -1)) ** 2).sum(axis=1)
    return float(np.sqrt(weights @ squares))
