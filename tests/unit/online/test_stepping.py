"""The time loop on a fake structure whose increments fail when they are too long."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.status import Status
from romnet.online.increments import IncrementControl
from romnet.online.newton import NewtonOptions, SingularTangentError, Trial
from romnet.online.stepping import Committed, march

START = Committed(0.0, np.zeros(1), np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1)))
OPTIONS = NewtonOptions()


@dataclass
class Ramp:
    """The unknown must be the time; increments longer than `longest(start)` fail."""

    longest: object = None
    factor: float = 1.0
    singular: bool = False
    asked: list = field(default_factory=list)

    def increment(self, committed, step):
        self.asked.append((committed.time, step.length))
        return RampIncrement(self, committed, step)


@dataclass
class RampIncrement:
    problem: Ramp
    committed: Committed
    step: object

    @property
    def guess(self):
        return self.committed.unknown

    def evaluate(self, unknown):
        longest = self.problem.longest
        failed = longest is not None and self.step.length > longest(self.step.start) + 1e-12
        residual = self.step.end - unknown[0]

        def correction():
            if self.problem.singular:
                raise SingularTangentError
            return np.array([residual])

        state = self.committed.state + 1.0
        factor = self.problem.factor
        return Trial(
            abs(residual), 1.0, unknown[None], state, failed, factor, correction, law_seconds=0.5
        )


def run(problem, times, options=OPTIONS):
    return list(march(problem, START, np.array(times, dtype=float), options=options))


def test_easy_increments_reach_each_instant_in_one_go():
    problem = Ramp()
    outcomes = run(problem, [0.5, 1.0, 3.0])
    assert problem.asked == [(0.0, 0.5), (0.5, 0.5), (1.0, 2.0)]
    assert [o.committed.time for o in outcomes] == [0.5, 1.0, 3.0]
    assert [o.committed.unknown[0] for o in outcomes] == [0.5, 1.0, 3.0]
    assert [(o.iterations, o.cuts, o.reason) for o in outcomes] == [(1, 0, Status.CONVERGED)] * 3
    assert [o.committed.state[0, 0] for o in outcomes] == [1.0, 2.0, 3.0]
    assert outcomes[2].committed.rate[0] == 1.0
    assert outcomes[0].law_seconds == 1.0


def test_no_instant_asks_for_nothing():
    assert run(Ramp(), []) == []


def test_a_failing_increment_is_halved_and_grows_again():
    problem = Ramp(longest=lambda start: 0.25 if start < 0.5 else 9.0)
    (outcome,) = run(problem, [2.0])
    lengths = [length for _, length in problem.asked]
    # 2, 1, 0.5 fail; 0.25 succeeds and 0.5 fails again; then it doubles up to the target.
    assert lengths == [2.0, 1.0, 0.5, 0.25, 0.5, 0.25, 0.5, 1.0]
    assert outcome.cuts == 4
    assert outcome.status is Status.CONVERGED
    assert outcome.reason is Status.CONVERGED
    assert outcome.committed.time == 2.0
    assert outcome.committed.state[0, 0] == 4.0  # accepted increments only


def test_the_law_says_how_deep_the_cut_is_within_bounds():
    for factor, cut in ((0.3, 0.3), (0.9, 0.5), (1e-6, 0.1)):
        problem = Ramp(longest=lambda start: 0.1 if start == 0.0 else 9.0, factor=factor)
        run(problem, [1.0])
        assert problem.asked[1] == (0.0, pytest.approx(cut))


def test_a_load_that_cannot_be_borne_keeps_what_was_reached():
    problem = Ramp(longest=lambda start: 9.0 if start < 1.0 else 0.0)
    outcomes = run(problem, [0.5, 1.0, 1.5, 2.0])
    assert [o.status for o in outcomes] == [
        Status.CONVERGED,
        Status.CONVERGED,
        Status.STEP_TOO_SMALL,
    ]
    last = outcomes[-1]
    assert last.reason is Status.LAW_FAILED
    assert last.committed is outcomes[1].committed
    assert last.cuts == 10  # 2^-10 of the increment lies below the smallest one, 1e-3
    assert problem.asked[-1][1] >= OPTIONS.smallest_step * 0.5


def test_a_run_that_fails_on_its_way_keeps_the_last_accepted_increment():
    problem = Ramp(longest=lambda start: 0.25 if start < 0.25 else 0.0)
    (outcome,) = run(problem, [1.0])
    assert outcome.status is Status.STEP_TOO_SMALL
    assert outcome.committed.time == 0.25
    assert outcome.committed.unknown[0] == 0.25


def test_the_reason_of_a_failure_is_that_of_the_last_increment():
    (outcome,) = run(Ramp(singular=True), [1.0])
    assert (outcome.status, outcome.reason) == (Status.STEP_TOO_SMALL, Status.SINGULAR)


def test_a_run_that_recovered_has_no_reason_to_report_later():
    problem = Ramp(longest=lambda start: 0.5 if start < 1.0 else 9.0)
    outcomes = run(problem, [1.0, 2.0])
    assert [(o.cuts, o.reason) for o in outcomes] == [(1, Status.CONVERGED), (0, Status.CONVERGED)]


@given(
    st.lists(st.floats(0.5, 5.0), min_size=1, max_size=6),
    st.floats(0.2, 6.0),
    st.floats(0.2, 1.0),
)
def test_every_target_is_hit_exactly_by_ascending_accepted_increments(gaps, longest, factor):
    times = np.cumsum(gaps)
    problem = Ramp(longest=lambda _: longest, factor=factor)
    outcomes = run(problem, times)
    assert [o.committed.time for o in outcomes] == times.tolist()
    starts = [start for start, _ in problem.asked]
    assert starts == sorted(starts)
    for outcome in outcomes:
        assert outcome.committed.unknown[0] == pytest.approx(outcome.committed.time, rel=1e-9)


def test_rounding_of_lengths_does_not_move_the_targets():
    times = 0.1 * np.arange(1, 60)
    assert [outcome.committed.time for outcome in run(Ramp(), times)] == times.tolist()


@pytest.mark.parametrize("times", [[0.0, 1.0], [1.0, 0.5], [1.0, 1.0], [np.nan]])
def test_instants_that_do_not_ascend_are_refused(times):
    with pytest.raises(ValueError, match="must ascend from 0"):
        run(Ramp(), times)


def lengths(ramp, times, **keys):
    """Lengths of all accepted increments under a control; every instant must be met exactly."""
    options = NewtonOptions(increments=IncrementControl(**keys))
    outcomes = list(march(ramp, START, np.array(times), options=options))
    assert [outcome.committed.time for outcome in outcomes] == list(times)
    starts = np.array([start for start, _ in ramp.asked])
    kept = np.append(np.diff(starts) > 0.0, True)  # the last attempt from each start
    assert outcomes[-1].increments == kept.sum()
    return [length for (_, length), good in zip(ramp.asked, kept, strict=True) if good]


def test_easy_increments_grow_to_the_largest_and_end_at_the_instant():
    found = lengths(Ramp(), [10.0], initial=1.0, largest=4.0, growth=2.0)
    np.testing.assert_allclose(found, [1.0, 2.0, 4.0, 3.0])


def test_an_instant_on_the_way_does_not_shorten_what_follows():
    found = lengths(Ramp(), [5.0, 5.5, 20.0], initial=4.0, largest=4.0)
    np.testing.assert_allclose(found, [4.0, 1.0, 0.5, 4.0, 4.0, 4.0, 2.5])


def test_rejected_increments_are_cut_by_the_factor_asked_for():
    ramp = Ramp(longest=lambda _: 0.3)
    found = lengths(ramp, [1.0], initial=1.0, growth=1.0, cut=0.25)
    np.testing.assert_allclose(found, [0.25] * 4)


def test_the_smallest_length_is_an_absolute_one():
    options = NewtonOptions(increments=IncrementControl(smallest=0.2, initial=1.0))
    ramp = Ramp(longest=lambda _: 0.0)
    (outcome,) = march(ramp, START, np.array([1.0]), options=options)
    assert outcome.status is Status.STEP_TOO_SMALL
    assert [length for _, length in ramp.asked] == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    "keys",
    [
        {"initial": 2.0, "largest": 1.0},
        {"smallest": 2.0, "initial": 1.0},
        {"growth": 0.5},
        {"cut": 1.0},
        {"easy": 9, "hard": 9},
    ],
)
def test_controls_that_contradict_themselves_are_refused(keys):
    with pytest.raises(ValueError, match="increments need"):
        IncrementControl(**keys)


def test_going_on_from_an_outcome_gives_what_follows_it():
    options = NewtonOptions(increments=IncrementControl(initial=0.1))
    times = np.array([1.0, 2.0, 3.0])
    whole = list(march(Ramp(), START, times, options=options))
    rest = march(Ramp(), whole[0].committed, times[1:], options=options, last=whole[0])
    for outcome, expected in zip(rest, whole[1:], strict=True):
        assert (outcome.increments, outcome.length) == (expected.increments, expected.length)
