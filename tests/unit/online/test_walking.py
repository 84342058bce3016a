"""Many increments in one call give what one at a time gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.errors import PluginError
from romnet.core.status import Status
from romnet.fe.history import Amplitude
from romnet.online import equilibrium
from romnet.online.equilibrium import ReducedProblem
from romnet.online.increments import IncrementControl
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import prepare
from romnet.online.stepping import StepOutcome, march, reach
from romnet.online.walking import Walker, longest_walk

TIMES = tuple(np.linspace(0.0, 1.0, 9).tolist())
TIGHT = NewtonOptions(tolerance=1e-11)
SWING = Amplitude(np.array([0.0, 0.25, 0.75, 1.0]), np.array([0.0, 1.0, -1.0, 0.5]))


@pytest.fixture
def problem(structure):
    """A cube pulled beyond yield, let go and pushed, heated on top."""
    cube = structure(divisions=(2, 1, 1))
    loading = cube.loading(pull=350.0, heat=150.0, times=TIMES)
    nodes = cube.mesh.nodes
    functions = [nodes[:, [k]] ** n for k in range(3) for n in (1, 2)]
    modes = np.stack([(f * np.eye(3)[a]).ravel() for f in functions for a in range(3)], axis=1)
    modes[loading.constrained] = 0.0
    modes = np.linalg.qr(modes @ np.random.default_rng(0).normal(size=(18, 8)))[0]
    points = np.array([0, 3, 5, 8, 9, 10, 14, 15, 1, 12])
    model = cube.reduced(loading, modes, points=points, weights=np.full(8, 0.125), dual=("p",))
    base = model.loadings["test"]
    force = replace(base.force, amplitudes=(SWING,) * base.force.n_terms)
    return ReducedProblem(prepare(model), replace(base, force=force))


def one_by_one(problem, options):
    """Outcomes of single increments."""
    outcome = StepOutcome(problem.start(), Status.CONVERGED, scale=0.0)
    found = []
    for time in problem.loading.times[1:]:
        outcome = reach(problem, outcome, float(time), options)
        found.append(outcome)
    return found


def together(problem, options):
    """Outcomes of the time loop."""
    return list(march(problem, problem.start(), problem.loading.times[1:], options=options))


def same(found, wanted):
    """Compare two runs, instant by instant."""
    assert [one.committed.time for one in found] == [one.committed.time for one in wanted]
    assert [one.increments for one in found] == [one.increments for one in wanted]
    assert [one.cuts for one in found] == [one.cuts for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        for name in ("unknown", "rate", "strain", "state"):
            exact = getattr(other.committed, name)
            np.testing.assert_allclose(
                getattr(one.committed, name), exact, atol=1e-9 * np.abs(exact).max()
            )
        assert one.scale == pytest.approx(other.scale, rel=1e-9)


def test_a_walk_is_its_increments(problem):
    walked = problem.ahead(
        StepOutcome(problem.start(), Status.CONVERGED, scale=0.0), problem.loading.times[1:], TIGHT
    )
    n_easy = len(walked)
    assert 1 < n_easy < len(TIMES) - 1
    wanted = one_by_one(problem, TIGHT)
    same(walked, wanted[:n_easy])
    assert [one.iterations for one in walked] == [one.iterations for one in wanted[:n_easy]]
    p = problem.prepared.laws.field(wanted[-1].committed.state, "p")
    assert p.max() > 1e-4


@pytest.mark.parametrize("longest", [1, 3, 8])
def test_walks_of_any_length_join(problem, monkeypatch, longest):
    monkeypatch.setattr(equilibrium, "longest_walk", lambda _: longest)
    same(together(problem, TIGHT), one_by_one(problem, TIGHT))


def test_a_walk_stops_before_an_increment_that_must_be_cut_and_goes_on_behind_it(problem):
    options = NewtonOptions(tolerance=1e-11, max_iterations=4)
    wanted = one_by_one(problem, options)
    cuts = [one.cuts for one in wanted]
    assert any(cuts)
    assert not all(cuts)
    same(together(problem, options), wanted)


def test_other_instants_than_those_of_the_load_are_left_to_the_time_loop(problem):
    start = StepOutcome(problem.start(), Status.CONVERGED, scale=0.0)
    assert problem.ahead(start, problem.loading.times[2:], TIGHT) == []
    controlled = replace(TIGHT, increments=IncrementControl(initial=0.1))
    assert problem.ahead(start, problem.loading.times[1:], controlled) == []


def test_a_law_in_python_does_not_walk(problem, spied):
    laws, _ = spied(problem.prepared.laws)
    slow = ReducedProblem(replace(problem.prepared, laws=laws), problem.loading)
    start = StepOutcome(slow.start(), Status.CONVERGED, scale=0.0)
    assert slow.ahead(start, slow.loading.times[1:], TIGHT) == []
    same(together(slow, TIGHT), together(problem, TIGHT))


def test_room_bounds_the_walk(problem):
    kernel = problem.prepared.kernel
    n_points, n_components = kernel.shape
    one = 8 * n_points * (n_components + kernel.n_state)
    assert 1 <= longest_walk(kernel) <= 2**21 / one
    slow = type(kernel)(np.zeros((1, 6, 1)), np.ones(1), None)
    with pytest.raises(PluginError, match="compiled law"):
        Walker(slow, 1, tolerance=1e-8, max_iterations=5)
