"""Cyclic answers: what changes from cycle to cycle, the drift, and what the detour gains."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from romnet.online.cycles import CycleHistory, cycle_history
from romnet.online.solve import ReducedSolution
from romnet.report.case_values import CycleFacts
from romnet.store.manifest import Manifest, read_manifest
from romnet.study.answers import Comparison
from romnet.study.context import Context
from romnet.study.read import HF
from romnet.study.stages import stages_of
from romnet.study.times import cycle_ends


@dataclass(frozen=True)
class Drift:
    """Errors against the reference at the end of a cycle; none of fields that are not rebuilt.

    Attributes
    ----------
    cycle
        Its number, from one.
    u, p, p_hot
        Relative L2 error of the displacement and of the cumulated plastic strain [-]; the latter
        also on the 1 % of points where it is largest at the last instant compared.
    """

    cycle: int
    u: float
    p: float | None
    p_hot: float | None


@dataclass(frozen=True)
class Change:
    """What a cycle does at the points of the model; see `romnet.online.cycles.CycleHistory`."""

    cycle: int
    growth: float | None
    growth_change: float | None
    stress_range: float | None
    stress_change: float | None


@dataclass(frozen=True)
class Gain:
    """What the reference costs, over what the answer costs with all its training.

    Attributes
    ----------
    wall
        Ratio of wall times [-].
    core_hours
        Ratio of wall times times ranks [-].
    reference_core_hours, romnet_core_hours
        The two costs [h].
    """

    wall: float
    core_hours: float
    reference_core_hours: float
    romnet_core_hours: float


@dataclass(frozen=True)
class CycleSummary:
    """What changes from cycle to cycle.

    Attributes
    ----------
    count
        Whole cycles answered.
    stable_from
        First cycle from which on all are alike; None if they keep changing.
    tolerance
        Change below which two cycles count as alike [-].
    changes
        Growth of the plastic strain, stress range and their changes, cycle by cycle.
    drift
        Errors at the end of each cycle that the reference keeps.
    gain
        End to end, training and fields included, when romnet computed the reference.
    """

    count: int
    stable_from: int | None
    tolerance: float
    changes: tuple[Change, ...]
    drift: tuple[Drift, ...]
    gain: Gain | None


def cycle_summary(
    context: Context, case: str, solution: ReducedSolution, comparison: Comparison
) -> CycleSummary | None:
    """Summarise a cyclic answer; None of a case that does not ask for cycles.

    Parameters
    ----------
    context
        The study.
    case
        Name of the case.
    solution, comparison
        Its answer, and errors.

    Notes
    -----
    Collective: no. Cost: one pass over the values at the points of the model.
    """
    cycles = context.located.cases[case].grid.cycles
    if cycles is None:
        return None
    ends = cycle_ends(cycles, solution.times)
    history = cycle_history(solution.dual, ends)
    drift = []
    for number, end in enumerate(solution.times[ends]):
        found = np.flatnonzero(np.isclose(comparison.times, end, rtol=0.0, atol=_near(solution)))
        if number > 0 and found.size:
            drift.append(_drift(number, comparison, int(found[0])))
    return CycleSummary(
        count=max(len(ends) - 1, 0),
        stable_from=history.stable_from(cycles.stable),
        tolerance=cycles.stable,
        changes=_changes(history),
        drift=tuple(drift),
        gain=_gain(context, case),
    )


def _changes(history: CycleHistory) -> tuple[Change, ...]:
    """Write the history cycle by cycle; what there is not is none."""
    columns = (
        history.growth,
        history.growth_change,
        history.stress_range,
        history.stress_change,
    )
    return tuple(
        Change(number, *(float(value) if np.isfinite(value) else None for value in row))
        for number, row in enumerate(zip(*columns, strict=True), start=1)
    )


def _near(solution: ReducedSolution) -> float:
    """Return how close instants are that are the same."""
    return 1e-6 * float(np.diff(solution.times).min(initial=1.0))


def _drift(number: int, comparison: Comparison, place: int) -> Drift:
    """Collect the errors at one instant."""
    p, hot = comparison.history.get("p"), comparison.hottest_history.get("p")
    return Drift(
        number,
        float(comparison.displacement[place]),
        None if p is None else float(p[place]),
        None if hot is None else float(hot[place]),
    )


def _gain(context: Context, case: str) -> Gain | None:
    """Compare the cost of the reference with that of training, answer and fields."""
    online = {one.name: one for one in context.located.study.online}
    if case not in online or online[case].reference != HF:
        return None
    own: list[Manifest] = []
    for name, stage in stages_of(context.located).items():
        path = context.folder / stage.path
        # Fields are only rebuilt to be compared, or exported: the latter is part of the answer.
        mine = stage.offline or name in {f"online[{case}]", f"export[{case}]"}
        if mine and path.exists():
            own.append(read_manifest(path))
    reference = read_manifest(context.folder / "snapshots" / f"{case}.h5")
    wall = sum(one.wall_s for one in own)
    hours = sum(one.wall_s * one.ranks for one in own) / 3600.0
    theirs = reference.wall_s * reference.ranks / 3600.0
    return Gain(reference.wall_s / wall, theirs / hours, theirs, hours)


def cycle_words(summary: CycleSummary) -> str:
    """Say when cycles become alike and what the detour over the training gains."""
    alike = f"within {summary.tolerance:g} of the cycle before"
    if summary.stable_from is None:
        text = f"{summary.count} cycles; they keep changing: the last one is not {alike}."
    else:
        text = f"{summary.count} cycles, from cycle {summary.stable_from} on {alike}."
    gain = summary.gain
    if gain is not None:
        text += (
            f" The reference costs {gain.reference_core_hours:.3g} core-hours, answer and training "
            f"together {gain.romnet_core_hours:.3g}: {gain.core_hours:.2g} times less "
            f"({gain.wall:.2g} times in wall time)."
        )
    return text


def cycle_facts(summary: CycleSummary) -> CycleFacts:
    """Return what a report shows."""
    drift = {
        name: np.array([_or_nan(getattr(one, name)) for one in summary.drift])
        for name in ("p", "p_hot", "u")
    }
    changes = [[_or_nan(value) for value in astuple(one)] for one in summary.changes]
    return CycleFacts(
        cycle_words(summary),
        np.array(changes).reshape(-1, 5),
        np.array([one.cycle for one in summary.drift], dtype=np.int64),
        {name: errors for name, errors in drift.items() if np.isfinite(errors).any()},
    )


def _or_nan(value: float | int | None) -> float:
    """Return a number for one that may be none."""
    return float("nan") if value is None else float(value)
