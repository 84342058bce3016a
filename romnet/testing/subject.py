"""A law under examination: the increments that are put to it, and how answers are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.laws.contract import ConstitutiveLaw, LawResponse, TimeStep


@dataclass(frozen=True)
class Probe:
    """Conditions under which a law is examined.

    Attributes
    ----------
    strain
        Size of the strain increments [-]; large enough to leave the elastic domain.
    temperatures
        At the start and at the end of the first increment [temperature].
    duration
        Length of the increments [time].
    n_points
        Points of the batch, each with its own random strains.
    seed
        Of the random strains.
    thread_safe
        Whether the law claims to bear calls from several threads at once, and is held to it.

    Examples
    --------
    >>> Probe(strain=1e-3).temperatures
    (20.0, 20.0)
    """

    strain: float = 2e-3
    temperatures: tuple[float, float] = (20.0, 20.0)
    duration: float = 1.0
    n_points: int = 6
    seed: int = 0
    thread_safe: bool = False


@dataclass(frozen=True, eq=False)
class Question:
    """A committed state and the increment that is tried from it.

    Attributes
    ----------
    name
        How messages call it.
    old, new
        Strains at the start and at the end [-].
    state
        Committed state.
    temperatures
        At the start and at the end, the same for all points [temperature].
    step
        The increment of time.
    """

    name: str
    old: Float[Array, "n_points n_components"]
    new: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]
    temperatures: tuple[float, float]
    step: TimeStep

    def put_to(self, law: ConstitutiveLaw) -> LawResponse:
        """Return the answer of a law; it gets copies, which it may spoil."""
        before, after = (np.full(len(self.old), warm) for warm in self.temperatures)
        old, new, state = self.old.copy(), self.new.copy(), self.state.copy()
        return law.integrate(old, new, state, before, after, self.step)

    def towards(self, new: Float[Array, "n_points n_components"]) -> Question:
        """Return the question with another strain at the end."""
        return replace(self, new=new)

    def at(self, points: Int[Array, " n_kept"]) -> Question:
        """Return the question to some of the points, in this order."""
        return replace(self, old=self.old[points], new=self.new[points], state=self.state[points])


@dataclass(frozen=True, eq=False)
class Subject:
    """A law and what it is asked.

    Attributes
    ----------
    law
        The law.
    probe
        Conditions of the examination.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> subject = Subject(build_law(spec, n_components=6), Probe(n_points=2))
    >>> bool(np.array_equal(subject.strained.old, subject.virgin.new))
    True
    """

    law: ConstitutiveLaw
    probe: Probe

    @cached_property
    def _strains(self) -> tuple[Array, Array]:
        """Strain of the first increment, and what the next ones add to it or take back."""
        rng = np.random.default_rng(self.probe.seed)
        shape = (self.probe.n_points, self.law.n_components)
        strain = self.probe.strain * rng.uniform(-1.0, 1.0, shape)
        return strain, strain + 0.5 * self.probe.strain * rng.uniform(-1.0, 1.0, shape)

    @cached_property
    def virgin(self) -> Question:
        """The first increment, from rest."""
        strain, _ = self._strains
        state = self.law.initial_state(np.full(self.probe.n_points, self.probe.temperatures[0]))
        step = TimeStep(0.0, self.probe.duration)
        return Question("virgin", 0.0 * strain, strain, state, self.probe.temperatures, step)

    @cached_property
    def strained(self) -> Question:
        """A further increment."""
        return self.further("strained", self._committed, sign=1.0)

    @cached_property
    def reversed(self) -> Question:
        """An increment back, as long as the way from rest and beyond."""
        return self.further("reversed", self._committed, sign=-1.0)

    @cached_property
    def questions(self) -> tuple[Question, Question, Question]:
        """All of them."""
        return (self.virgin, self.strained, self.reversed)

    @cached_property
    def _committed(self) -> Array:
        """State after the first increment."""
        return self.virgin.put_to(self.law).state

    def further(
        self, name: str, state: Float[Array, "n_points n_state"], *, sign: float
    ) -> Question:
        """Return an increment that follows the first one, onwards (sign 1) or back (-1)."""
        strain, further = self._strains
        held, duration = self.probe.temperatures[1], self.probe.duration
        step = TimeStep(duration, duration, 2)
        return Question(name, strain, sign * further, state, (held, held), step)


def answer_of(
    answer: LawResponse, points: Int[Array, " n_kept"] | Int[Array, " n_healthy"]
) -> LawResponse:
    """Return the answer of some of the points, in this order, as if none had failed."""
    none = np.empty(0, dtype=np.int64)
    return LawResponse(answer.stress[points], answer.state[points], answer.tangent[points], none)


def mismatch(one: LawResponse, other: LawResponse) -> tuple[float, str]:
    """Compare two answers.

    Parameters
    ----------
    one, other
        Answers of the same points.

    Returns
    -------
    error
        Largest difference, relative to the largest number of its kind; 0 only if all are equal.
    where
        The kinds of numbers that differ; empty if none does.

    Examples
    --------
    >>> none = np.empty(0, dtype=np.int64)
    >>> stress, state, tangent = np.ones((1, 6)), np.ones((1, 7)), np.ones((1, 6, 6))
    >>> one = LawResponse(stress, state, tangent, none)
    >>> mismatch(LawResponse(1.5 * stress, state, tangent, none), one)
    (0.5, 'stress differs')
    """
    kinds = ("stress", "state", "tangent")
    errors = {}
    for kind in kinds:
        first, second = getattr(one, kind), getattr(other, kind)
        errors[kind] = largest(first - second) / (largest(second) or 1.0)
    wrong = [kind for kind in kinds if errors[kind] != 0.0]
    verb = "differs" if len(wrong) == 1 else "differ"
    return worst(*errors.values()), f"{', '.join(wrong)} {verb}" if wrong else ""


def worst(*errors: float) -> float:
    """Return the largest error; not a number if one is not, unlike `max`.

    Examples
    --------
    >>> worst(1.0, float("nan"))
    nan
    """
    return float(np.max(errors))


def largest(values: Array) -> float:
    """Return the largest magnitude; not a number if one is not.

    Examples
    --------
    >>> largest(np.array([1.0, -3.0])), largest(np.empty(0))
    (3.0, 0.0)
    """
    return float(np.abs(values).max(initial=0.0))
