"""How far a law is from keeping each promise of the contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from time import perf_counter

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.tensors import VOIGT
from romnet.laws.contract import ConstitutiveLaw, LawResponse, TimeStep
from romnet.laws.umat import STRESS
from romnet.testing.guarded import FILLINGS, GuardedAnswer, guarded_answers
from romnet.testing.subject import Question, Subject, answer_of, largest, mismatch, worst

TANGENT_LIMIT = 1e-8

# Threads meet each other in long batches only.
_THREADED_SECONDS, _THREADED_ROUNDS = 0.02, 40
_FEWEST_POINTS, _MOST_POINTS = 64, 16_384
_UNCHANGED = 1e-6


@dataclass(frozen=True)
class Finding:
    """What a measurement gave.

    Attributes
    ----------
    error
        Size of the violation [-].
    detail
        Where it is largest, in words; may be empty.
    known
        Whether it could be measured; if not, `detail` says why.
    """

    error: float
    detail: str = ""
    known: bool = True


def spoiled_inputs(subject: Subject) -> Finding:
    """Count the input arguments that a UMAT changes."""
    names = {name for answer in guarded_answers(subject) for name in answer.spoiled}
    return Finding(float(len(names)), f"changes {', '.join(sorted(names))}" if names else "")


def strayed_writes(subject: Subject) -> Finding:
    """Count the places outside its arguments that a UMAT writes to."""
    places = {place for answer in guarded_answers(subject) for place in answer.strayed}
    return Finding(float(len(places)), f"writes {', '.join(sorted(places))}" if places else "")


def strayed_reads(subject: Subject) -> Finding:
    """Compare the answers of a UMAT in two surroundings, and in the first again."""
    here, there, again = (
        list(guarded_answers(subject, filling=filling)) for filling in (*FILLINGS, FILLINGS[0])
    )
    if any(not _same_outputs(a, b) for a, b in zip(here, again, strict=True)):
        return Finding(float("nan"), "the answers change by themselves", known=False)
    differ = sum(not _same_outputs(a, b) for a, b in zip(here, there, strict=False))
    return Finding(differ / len(here), f"{differ} of {len(here)} answers differ" if differ else "")


def not_finite(subject: Subject) -> Finding:
    """Count the points where ordinary increments have answers that are no numbers."""
    for question in subject.questions:
        answer = question.put_to(subject.law)
        bad = np.zeros(len(question.old), dtype=bool)
        kinds = []
        for kind in ("stress", "state", "tangent"):
            values = getattr(answer, kind).reshape(len(bad), -1)
            wrong = ~np.isfinite(values).all(axis=1)
            bad |= wrong
            kinds += [kind] if wrong.any() else []
        if bad.any():
            words = f"{question.name} increment: {', '.join(kinds)} at {_count(bad)}"
            return Finding(float(bad.mean()), words)
    return Finding(0.0)


def refused(subject: Subject) -> Finding:
    """Count the points where a law asks for a smaller step on ordinary increments."""
    for question in subject.questions:
        answer = question.put_to(subject.law)
        if not answer.ok:
            failed = np.zeros(len(question.old), dtype=bool)
            failed[answer.failed] = True
            words = (
                f"{question.name} increment: {_count(failed)} ask for {answer.step_factor:g} "
                "of the step"
            )
            return Finding(max(float(failed.mean()), 1.0 - answer.step_factor), words)
    return Finding(0.0)


def asked_twice(subject: Subject) -> Finding:
    """Ask twice in a row."""
    question = subject.strained
    return _compare(question.put_to(subject.law), question.put_to(subject.law))


def asked_again(subject: Subject) -> Finding:
    """Ask again after other questions."""
    law, question = subject.law, subject.strained
    first = question.put_to(law)
    for other in (subject.reversed, subject.virgin, subject.strained.at(np.array([0]))):
        other.put_to(law)
        error, where = mismatch(question.put_to(law), first)
        if error != 0.0:
            return Finding(error, f"{where} after the {other.name} increment")
    return Finding(0.0)


def asked_alone(subject: Subject) -> Finding:
    """Ask for each point alone."""
    question = subject.strained
    together = question.put_to(subject.law)
    findings = []
    for point in range(len(question.old)):
        row = np.array([point])
        error, where = mismatch(question.at(row).put_to(subject.law), answer_of(together, row))
        findings.append(Finding(error, f"{where} at point {point}" if where else ""))
    return max(findings, key=lambda finding: np.nan_to_num(finding.error, nan=np.inf))


def asked_backwards(subject: Subject) -> Finding:
    """Ask in the reverse order."""
    question = subject.strained
    order = np.arange(len(question.old))[::-1].copy()
    answer = question.at(order).put_to(subject.law)
    return _compare(answer, answer_of(question.put_to(subject.law), order))


def virgin_stress(subject: Subject) -> Finding:
    """Return the stress of the virgin state, and after nothing has happened to it."""
    virgin, warm = subject.virgin, subject.probe.temperatures[0]
    still = Question("still", virgin.old, virgin.old, virgin.state, (warm, warm), virgin.step)
    stored = virgin.state[:, subject.law.state_fields[STRESS]]
    return Finding(worst(largest(still.put_to(subject.law).stress), largest(stored)))


def tangent_mismatch(subject: Subject, question: Question) -> Finding:
    """Compare the tangent with central differences of the stress, at the best of many lengths."""
    tangent = question.put_to(subject.law).tangent
    size = np.linalg.norm(tangent, axis=(1, 2))
    best = np.full(len(size), np.inf)
    entries = np.zeros(len(size), dtype=np.int64)
    for length in subject.probe.strain * np.logspace(-1.0, -6.0, 11):
        gap = _central_difference(subject.law, question, float(length)) - tangent
        error = np.linalg.norm(gap, axis=(1, 2)) / size
        better = ~(error >= best)
        entries[better] = np.abs(gap).reshape(len(size), -1).argmax(axis=1)[better]
        best = np.fmin(best, error)
    if best.max() <= TANGENT_LIMIT:
        return Finding(float(best.max()), _linearity(subject, tangent))
    point = int(best.argmax())
    row, column = divmod(int(entries[point]), subject.law.n_components)
    place = f"most at point {point}, d stress {VOIGT[row]} / d strain {VOIGT[column]}"
    return Finding(float(best.max()), place)


def tangent_skew(subject: Subject, question: Question) -> Finding:
    """Return how far a tangent that is declared symmetric is from it."""
    if not subject.law.symmetric_tangent:
        return Finding(0.0, "it is not declared so")
    tangent = question.put_to(subject.law).tangent
    return Finding(largest(tangent - tangent.transpose(0, 2, 1)) / (largest(tangent) or 1.0))


def stored_stress(subject: Subject) -> Finding:
    """Compare the stress of the answer with that in its state."""
    answer = subject.strained.put_to(subject.law)
    return Finding(largest(answer.state[:, subject.law.state_fields[STRESS]] - answer.stress))


def changed_arguments(subject: Subject) -> Finding:
    """Count the arrays that are others after the call than before."""
    question = subject.strained
    before, after = (np.full(len(question.old), warm) for warm in question.temperatures)
    names = ("old strain", "new strain", "old state", "old temperature", "new temperature")
    given = [question.old, question.new, question.state, before, after]
    old, new, state, *warm = lent = [array.copy() for array in given]
    subject.law.integrate(old, new, state, warm[0], warm[1], question.step)
    spoiled = [
        name
        for name, a, b in zip(names, given, lent, strict=True)
        if not np.array_equal(a, b, equal_nan=True)
    ]
    return Finding(float(len(spoiled)), f"changes the {', '.join(spoiled)}" if spoiled else "")


def vanishing_increment(subject: Subject) -> Finding:
    """Hold the strain for next to no time."""
    question = subject.strained
    moment = TimeStep(question.step.start, 1e-9 * question.step.length)
    temperatures = question.temperatures
    held = Question("held", question.old, question.old, question.state, temperatures, moment)
    stress = question.state[:, subject.law.state_fields[STRESS]]
    return Finding(largest(held.put_to(subject.law).stress - stress) / (largest(stress) or 1.0))


def poisoned_point(subject: Subject) -> Finding:
    """Poison one point."""
    question = subject.strained
    good = question.put_to(subject.law)
    poisoned = question.new.copy()
    poisoned[0] = np.nan
    answer = question.towards(poisoned).put_to(subject.law)
    if answer.failed.tolist() != [0] or answer.ok:
        return Finding(1.0, f"point 0 has no strain, the law reports {answer.failed.tolist()}")
    healthy = np.arange(1, len(poisoned))
    return _compare(answer_of(answer, healthy), answer_of(good, healthy))


def threads_apart(subject: Subject) -> Finding:
    """Ask from two threads at once, different things, many times."""
    law = subject.law
    questions = _long_questions(subject)
    serial = [question.put_to(law) for question in questions]
    start = Barrier(len(questions))

    def ask(question: Question) -> LawResponse:
        start.wait()
        return question.put_to(law)

    with ThreadPoolExecutor(len(questions)) as threads:
        for number in range(1, _THREADED_ROUNDS + 1):
            for answer, expected in zip(threads.map(ask, questions), serial, strict=True):
                error, where = mismatch(answer, expected)
                if error != 0.0:
                    return Finding(error, f"{where} in round {number} of {_THREADED_ROUNDS}")
    return Finding(0.0)


def _long_questions(subject: Subject) -> tuple[Question, Question]:
    """Return two questions to so many points that threads meet while they answer."""
    n_points = _FEWEST_POINTS
    while True:
        many = np.resize(np.arange(subject.probe.n_points), n_points)
        onwards, back = subject.strained.at(many), subject.reversed.at(many)
        began = perf_counter()
        onwards.put_to(subject.law)
        if n_points >= _MOST_POINTS or perf_counter() - began > _THREADED_SECONDS:
            return onwards, back
        n_points *= 4


def _compare(one: LawResponse, other: LawResponse) -> Finding:
    """Make a finding of a mismatch."""
    return Finding(*mismatch(one, other))


def _count(marked: Array) -> str:
    """Say how many points are marked."""
    return f"{int(marked.sum())} of {len(marked)} points"


def _same_outputs(one: GuardedAnswer, other: GuardedAnswer) -> bool:
    """Whether two answers of a UMAT have the same bits."""
    return all(one.outputs[name].tobytes() == other.outputs[name].tobytes() for name in one.outputs)


def _linearity(subject: Subject, tangent: Array) -> str:
    """Say so when the probe does not leave the domain where the law is linear."""
    first = subject.virgin
    still = Question("still", first.old, first.old, first.state, first.temperatures, first.step)
    elastic = still.put_to(subject.law).tangent
    if largest(tangent - elastic) > _UNCHANGED * largest(elastic):
        return ""
    return "linear here; a larger --strain may see more"


def _central_difference(
    law: ConstitutiveLaw, question: Question, length: float
) -> Float[Array, "n_points n_components n_components"]:
    """Differentiate the stress with respect to the new strain, column by column."""
    n = law.n_components
    difference = np.empty((len(question.old), n, n))
    for column in range(n):
        shift = np.zeros(n)
        shift[column] = length
        ahead = question.towards(question.new + shift).put_to(law).stress
        behind = question.towards(question.new - shift).put_to(law).stress
        difference[:, :, column] = (ahead - behind) / (2.0 * length)
    return difference
