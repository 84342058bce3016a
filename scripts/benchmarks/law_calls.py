"""Law calls of a reduced computation, recorded and made again alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from jaxtyping import Int

from romnet.laws.composite import Heterogeneous
from romnet.online.prepared import PreparedModel
from romnet.online.solve import solve
from romnet.reduction.model import ReducedLoading


class Recorder:
    """A law that keeps what it is asked."""

    def __init__(self, law: Any) -> None:
        self._law = law
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._law, name)

    def integrate(self, *arguments: Any) -> Any:
        """Remember the arguments and answer."""
        self.calls.append(tuple(np.copy(a) if isinstance(a, np.ndarray) else a for a in arguments))
        return self._law.integrate(*arguments)


@dataclass(frozen=True)
class OverLaw:
    """Wall time of a computation beside that of its law calls alone [s]."""

    wall: float
    laws: float
    evaluations: int
    points: int
    modes: int

    @property
    def ratio(self) -> float:
        """How many times the law calls the computation takes."""
        return self.wall / self.laws

    def told(self) -> dict[str, float]:
        """Return what a benchmark prints."""
        return {
            "points": self.points,
            "modes": self.modes,
            "evaluations": self.evaluations,
            "wall_s": self.wall,
            "law_s": self.laws,
            "beyond_law_us": 1e6 * (self.wall - self.laws) / self.evaluations,
        }


def over_law(prepared: PreparedModel, loading: ReducedLoading, *, repeats: int = 60) -> OverLaw:
    """Compare `solve` on a prepared model with its law calls alone, in turns.

    The wall time holds everything that `solve` does: the load evaluated at all instants, virgin
    states, Newton iterations, dual values of every instant. The law calls alone are the batch
    calls of that run in Python with the recorded arguments: the quadrature points in every
    iteration, those without weight only where forces balance.
    """
    (law,) = prepared.laws.laws
    recorder = Recorder(law)
    watched = Heterogeneous((recorder,), prepared.laws.law_of_point, prepared.laws.locations)
    seen = solve(replace(prepared, laws=watched), loading)
    answer = solve(prepared, loading)
    if not answer.status.ok or seen.newton_iterations.tolist() != answer.newton_iterations.tolist():
        message = "the recorded run is not the measured one."
        raise SystemExit(message)
    calls = _as_made(prepared, recorder.calls, seen.newton_iterations)
    walls, alone = [], []
    for _ in range(repeats):
        walls.append(_seconds(lambda: solve(prepared, loading)))
        alone.append(_seconds(lambda: _made(calls)))
    return OverLaw(
        wall=median(walls),
        laws=median(alone),
        evaluations=len(calls),
        points=len(prepared.share),
        modes=prepared.model.n_modes,
    )


def _as_made(
    prepared: PreparedModel, calls: list[tuple[Any, ...]], iterations: Int[np.ndarray, " n_steps"]
) -> list[tuple[Heterogeneous, tuple[Any, ...]]]:
    """Leave the points without weight out of the calls that end no step."""
    n = prepared.n_quadrature
    few = prepared.laws.restricted_to(np.arange(n))
    ends = set((np.cumsum(iterations + 1) - 1).tolist())
    return [
        (prepared.laws, call)
        if number in ends
        else (few, tuple(a[:n] if isinstance(a, np.ndarray) else a for a in call))
        for number, call in enumerate(calls)
    ]


def _made(calls: list[tuple[Heterogeneous, tuple[Any, ...]]]) -> None:
    """Make law calls, keeping no answer."""
    for laws, call in calls:
        laws.integrate(*call)


def _seconds(work: Any) -> float:
    """Return how long something takes."""
    began = process_time()
    work()
    return process_time() - began
