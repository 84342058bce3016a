"""Does a constitutive law keep its contract? A suite that every law, of anyone, should pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import PluginError
from romnet.laws.contract import ConstitutiveLaw, LawResponse, TimeStep

TANGENT_LIMIT = 1e-8
EQUILIBRIUM_LIMIT = 1e-6
SYMMETRY_LIMIT = 1e-10


@dataclass(frozen=True)
class LawCheck:
    """One statement about a law, and how far it is from true.

    Attributes
    ----------
    name
        The statement in a few words.
    error
        Measured violation [-].
    limit
        Largest accepted violation [-]; 0 where only equality will do.
    """

    name: str
    error: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the statement holds; a violation that is not a number does not pass."""
        return self.error <= self.limit

    def __str__(self) -> str:
        """Return one line for people."""
        verdict = "ok  " if self.passed else "FAIL"
        return f"{verdict} {self.name}: {self.error:.1e} (limit {self.limit:.0e})"


@dataclass(frozen=True)
class LawReport:
    """All checks of one law, in the order in which they ran."""

    checks: tuple[LawCheck, ...]

    @property
    def failures(self) -> tuple[LawCheck, ...]:
        """Checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    def __str__(self) -> str:
        """Return one line for each check."""
        return "\n".join(str(check) for check in self.checks)


@dataclass(frozen=True)
class Probe:
    """Conditions under which a law is examined.

    Attributes
    ----------
    strain
        Size of the strain increments [-]; large enough to leave the elastic domain.
    temperatures
        At the start and at the end of each increment [temperature].
    duration
        Length of the increments [time].
    n_points
        Points of the batch, each with its own random strains.
    seed
        Of the random strains.
    """

    strain: float = 2e-3
    temperatures: tuple[float, float] = (20.0, 20.0)
    duration: float = 1.0
    n_points: int = 6
    seed: int = 0


@dataclass(frozen=True)
class _Increment:
    """A committed state and the increment that is tried from it."""

    name: str
    old: Float[Array, "n_points n_components"]
    new: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]
    temperatures: tuple[float, float]
    step: TimeStep

    def answer(
        self,
        law: ConstitutiveLaw,
        new: Float[Array, "n_points n_components"] | None = None,
    ) -> LawResponse:
        """Let the law answer, to another new strain if given; it gets copies to spoil."""
        n_points = len(self.old)
        before, after = (np.full(n_points, warm) for warm in self.temperatures)
        target = (self.new if new is None else new).copy()
        return law.integrate(self.old.copy(), target, self.state.copy(), before, after, self.step)


def check_law(law: ConstitutiveLaw, probe: Probe | None = None) -> LawReport:
    """Examine a law and refuse it if it breaks its contract.

    Parameters
    ----------
    law
        The law.
    probe
        Conditions of the examination; the defaults suit metals in consistent units.

    Returns
    -------
    LawReport
        All checks, passed.

    Raises
    ------
    PluginError
        If a check fails; the message lists those that do.

    Notes
    -----
    Deterministic: yes. Cost: some 500 increments of a small batch. A law that crashes the
    process crashes this one.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> report = check_law(build_law(spec, n_components=6))
    >>> len(report.checks), report.failures
    (14, ())
    """
    report = examine_law(law, probe)
    if report.failures:
        lines = "\n".join(str(check) for check in report.failures)
        message = f"the law breaks its contract:\n{lines}"
        raise PluginError(message)
    return report


def examine_law(law: ConstitutiveLaw, probe: Probe | None = None) -> LawReport:
    """Run every check on a law and report, whatever comes out.

    Parameters
    ----------
    law
        The law.
    probe
        Conditions of the examination.

    Returns
    -------
    LawReport
        All checks; the tangent ones compare with central differences, the smallest mismatch over
        eleven step lengths counts.

    Raises
    ------
    PluginError
        If the law fails on ordinary increments, so that nothing can be compared.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> print(examine_law(build_law(spec, n_components=6)).checks[0])
    ok   the virgin state is free of stress: 0.0e+00 (limit 0e+00)
    """
    probe = probe or Probe()
    virgin, strained, reversed_ = _increments(law, probe)
    checks = [_virgin(law, virgin)]
    for increment in (virgin, strained, reversed_):
        checks.append(_tangent(law, increment, probe.strain))
        checks.append(_symmetry(law, increment))
    checks += [
        _stress_in_state(law, strained),
        _arguments(law, strained),
        _deterministic(law, strained),
        _alone(law, strained),
        _permuted(law, strained),
        _vanishing(law, strained),
        _failure(law, strained),
    ]
    return LawReport(tuple(checks))


def _increments(law: ConstitutiveLaw, probe: Probe) -> tuple[_Increment, _Increment, _Increment]:
    """Make a first, a further and a reversed increment."""
    rng = np.random.default_rng(probe.seed)
    shape = (probe.n_points, law.n_components)
    strain = probe.strain * rng.uniform(-1.0, 1.0, shape)
    further = strain + 0.5 * probe.strain * rng.uniform(-1.0, 1.0, shape)
    start, end = probe.temperatures
    state = law.initial_state(np.full(probe.n_points, start))
    step, next_step = TimeStep(0.0, probe.duration), TimeStep(probe.duration, probe.duration)
    virgin = _Increment("virgin", np.zeros(shape), strain, state, (start, end), step)
    loaded = virgin.answer(law)
    if not loaded.ok:
        message = (
            f"the law fails on ordinary increments of strain {probe.strain:g} (points "
            f"{loaded.failed.tolist()}, step factor {loaded.step_factor:g}); try a smaller strain."
        )
        raise PluginError(message)
    held = (end, end)
    return (
        virgin,
        _Increment("strained", strain, further, loaded.state, held, next_step),
        _Increment("reversed", strain, -further, loaded.state, held, next_step),
    )


def _virgin(law: ConstitutiveLaw, virgin: _Increment) -> LawCheck:
    """Stress of the virgin state, and after nothing has happened to it."""
    still = _Increment(
        "still", virgin.old, virgin.old, virgin.state, (virgin.temperatures[0],) * 2, virgin.step
    )
    answer = still.answer(law)
    stored = virgin.state[:, law.state_fields["stress"]]
    error = _worst(_largest(answer.stress), _largest(stored))
    return LawCheck("the virgin state is free of stress", error, 0.0)


def _tangent(law: ConstitutiveLaw, increment: _Increment, scale: float) -> LawCheck:
    """Compare the tangent with central differences of the stress."""
    tangent = increment.answer(law).tangent
    size = np.linalg.norm(tangent, axis=(1, 2))
    best = np.full(len(size), np.inf)
    for length in scale * np.logspace(-1.0, -6.0, 11):
        difference = _central_difference(law, increment, float(length))
        best = np.fmin(best, np.linalg.norm(difference - tangent, axis=(1, 2)) / size)
    name = f"the tangent is the derivative of the stress, {increment.name}"
    return LawCheck(name, float(best.max()), TANGENT_LIMIT)


def _central_difference(
    law: ConstitutiveLaw, increment: _Increment, length: float
) -> Float[Array, "n_points n_components n_components"]:
    """Differentiate the stress with respect to the new strain, column by column."""
    n = law.n_components
    difference = np.empty((len(increment.old), n, n))
    for column in range(n):
        shift = np.zeros(n)
        shift[column] = length
        ahead = increment.answer(law, increment.new + shift).stress
        behind = increment.answer(law, increment.new - shift).stress
        difference[:, :, column] = (ahead - behind) / (2.0 * length)
    return difference


def _symmetry(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Check a tangent that is declared symmetric."""
    tangent = increment.answer(law).tangent
    skew = _largest(tangent - tangent.transpose(0, 2, 1)) / _largest(tangent)
    error = skew if law.symmetric_tangent else 0.0
    name = f"the tangent is symmetric if declared so, {increment.name}"
    return LawCheck(name, error, SYMMETRY_LIMIT)


def _stress_in_state(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Compare the stress of the answer with that in its state."""
    answer = increment.answer(law)
    stored = answer.state[:, law.state_fields["stress"]]
    return LawCheck("the state holds the stress", _largest(stored - answer.stress), 0.0)


def _arguments(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Look at the arguments after a call."""
    n_points = len(increment.old)
    before, after = (np.full(n_points, warm) for warm in increment.temperatures)
    given = [increment.old, increment.new, increment.state, before, after]
    lent = [array.copy() for array in given]
    law.integrate(lent[0], lent[1], lent[2], lent[3], lent[4], increment.step)
    spoiled = sum(not np.array_equal(a, b) for a, b in zip(given, lent, strict=True))
    return LawCheck("arguments stay untouched", float(spoiled), 0.0)


def _deterministic(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Ask twice."""
    error = _mismatch(increment.answer(law), increment.answer(law))
    return LawCheck("the same question gets the same answer", error, 0.0)


def _alone(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Ask for each point alone."""
    together = increment.answer(law)
    error = 0.0
    for point in range(len(increment.old)):
        rows = np.array([point])
        error = _worst(
            error, _mismatch(_select(increment, rows).answer(law), _rows(together, rows))
        )
    return LawCheck("a point answers alone as in a batch", error, 0.0)


def _permuted(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Ask in the reverse order."""
    order = np.arange(len(increment.old))[::-1]
    answer = _select(increment, order).answer(law)
    error = _mismatch(answer, _rows(increment.answer(law), order))
    return LawCheck("the order of the points does not matter", error, 0.0)


def _vanishing(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Hold the strain for next to no time."""
    moment = TimeStep(increment.step.start, 1e-9 * increment.step.length)
    held = _Increment(
        "held", increment.old, increment.old, increment.state, increment.temperatures, moment
    )
    stress = increment.state[:, law.state_fields["stress"]]
    error = _largest(held.answer(law).stress - stress) / _largest(stress)
    return LawCheck("a vanishing increment keeps the stress", error, EQUILIBRIUM_LIMIT)


def _failure(law: ConstitutiveLaw, increment: _Increment) -> LawCheck:
    """Poison one point."""
    good = increment.answer(law)
    poisoned = increment.new.copy()
    poisoned[0] = np.nan
    answer = increment.answer(law, poisoned)
    healthy = np.arange(1, len(poisoned))
    wrong = answer.failed.tolist() != [0] or answer.ok
    error = _worst(float(wrong), _mismatch(_rows(answer, healthy), _rows(good, healthy)))
    return LawCheck("a point that fails is named and harms no other", error, 0.0)


def _select(increment: _Increment, rows: Array) -> _Increment:
    """Keep some points of an increment."""
    return _Increment(
        increment.name,
        increment.old[rows],
        increment.new[rows],
        increment.state[rows],
        increment.temperatures,
        increment.step,
    )


def _rows(answer: LawResponse, rows: Array) -> LawResponse:
    """Keep some points of an answer."""
    none = np.empty(0, dtype=np.int64)
    return LawResponse(answer.stress[rows], answer.state[rows], answer.tangent[rows], none)


def _mismatch(one: LawResponse, other: LawResponse) -> float:
    """Return the largest difference of two answers, relative to each kind of number."""
    pairs = (
        (one.stress, other.stress),
        (one.state, other.state),
        (one.tangent, other.tangent),
    )
    return _worst(*(_largest(a - b) / (_largest(b) or 1.0) for a, b in pairs))


def _worst(*errors: float) -> float:
    """Return the largest error; not a number if one is not, unlike `max`."""
    return float(np.max(errors))


def _largest(values: Array) -> float:
    """Return the largest magnitude; not a number if one is not."""
    return float(np.abs(values).max(initial=0.0))
