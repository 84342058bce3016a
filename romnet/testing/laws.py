"""Does a constitutive law keep its contract? A suite that every law, of anyone, should pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from romnet.core.errors import PluginError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.umat import UmatLaw
from romnet.testing import measures
from romnet.testing.measures import TANGENT_LIMIT, Finding
from romnet.testing.subject import Probe, Subject
from romnet.testing.verdicts import LawCheck, LawReport, Verdict

__all__ = ["LawCheck", "LawReport", "Probe", "check_law", "examine_law", "statements_on"]

EQUILIBRIUM_LIMIT = 1e-6
SYMMETRY_LIMIT = 1e-10

BOUNDS = "a UMAT writes inside its arguments only"
FINITE = "ordinary increments have finite answers"
ACCEPTED = "ordinary increments are accepted"
INSIDE = "a UMAT reads inside its arguments only"
REPEATED = "the same question gets the same answer"
INTERLEAVED = "the same question gets the same answer after others"
_TIDY = (BOUNDS, INSIDE)
_STEADY = (ACCEPTED, REPEATED, INTERLEAVED)


@dataclass(frozen=True)
class Statement:
    """One promise of the contract, and how it is put to the test.

    Attributes
    ----------
    name
        The promise in a few words.
    measure
        Returns the size of the violation.
    advice
        What to try when it is broken.
    limit
        Largest accepted violation [-].
    needs
        Names of statements without which this one says nothing.
    """

    name: str
    measure: Callable[[Subject], Finding]
    advice: str
    limit: float = 0.0
    needs: tuple[str, ...] = ()

    def examine(self, subject: Subject) -> LawCheck:
        """Put it to the test."""
        try:
            finding = self.measure(subject)
        except Exception as problem:  # noqa: BLE001  (a foreign law may raise anything)
            finding = Finding(float("nan"), f"{type(problem).__name__}: {problem}")
        if not finding.known:
            return self.unexamined(finding.detail)
        return LawCheck(self.name, finding.error, self.limit, finding.detail, self.advice)

    def unexamined(self, reason: str) -> LawCheck:
        """Return the verdict that there is none."""
        return LawCheck(self.name, float("nan"), self.limit, reason, examined=False)


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
    Deterministic: yes, but for the threads. Cost: some 500 increments of a small batch. A law that
    crashes the process crashes this one: see `romnet.testing.isolation`.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> report = check_law(build_law(spec, n_components=6))
    >>> len(report.checks), report.passed
    (20, True)
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
        eleven step lengths counts. What a broken promise makes meaningless is not examined: a law
        with a hidden memory is blamed for that, not for its tangent.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> print(examine_law(build_law(spec, n_components=6)).checks[0])
    ok   a UMAT leaves its inputs alone: 0.0e+00 (limit 0e+00)
    """
    subject = Subject(law, probe or Probe())
    return LawReport(tuple(examine(subject, statements_on(subject))))


def examine(
    subject: Subject,
    statements: tuple[Statement, ...],
    *,
    begin: Callable[[Statement], None] | None = None,
) -> Iterator[LawCheck]:
    """Put statements to the test, one after the other.

    Parameters
    ----------
    subject
        The law and its probe.
    statements
        In this order; what one needs stands before it.
    begin
        Told each statement before it is examined.

    Yields
    ------
    LawCheck
        One for each statement, as soon as it is known.
    """
    broken: dict[str, str] = {}  # statement that fails or needs one that does -> the latter
    for statement in statements:
        if begin is not None:
            begin(statement)
        cause = next((broken[name] for name in statement.needs if name in broken), None)
        if cause is None:
            check = statement.examine(subject)
            cause = check.name if check.verdict is Verdict.FAILED else None
        else:
            check = statement.unexamined(f"it needs: {cause}")
        if cause is not None:
            broken[statement.name] = cause
        yield check


def statements_on(subject: Subject) -> tuple[Statement, ...]:
    """Return the statements that can be made about a law, in the order of their examination.

    Parameters
    ----------
    subject
        The law and its probe: only a UMAT has arguments to guard, only a law that is called
        thread-safe is asked by several threads.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> law = build_law(spec, n_components=6)
    >>> statements_on(Subject(law, Probe(thread_safe=True)))[-1].name
    'two threads at once get the answers of one'
    """
    umat = isinstance(subject.law, UmatLaw)
    return (
        *(_MEMORY if umat else ()),
        *_ANSWERS,
        *_tangents(),
        *_CONTRACT,
        *(_THREADS if subject.probe.thread_safe else ()),
    )


_MEMORY = (
    Statement(
        "a UMAT leaves its inputs alone",
        measures.spoiled_inputs,
        "work on local copies: other codes read these arguments again after the call",
    ),
    Statement(
        BOUNDS,
        measures.strayed_writes,
        "give the number of STATEV entries that the UMAT uses (n_state), and the number of "
        "components it is written for",
    ),
    Statement(
        INSIDE,
        measures.strayed_reads,
        "give all PROPS and STATEV entries that the UMAT uses, and the number of components it is "
        "written for; look for local variables without a first value",
        needs=(BOUNDS,),
    ),
)
_ANSWERS = (
    Statement(
        FINITE,
        measures.not_finite,
        "look at the order and the units of the properties, at divisions by a norm that may be "
        "zero, at STATEV that starts at zero; try another --strain",
        needs=_TIDY,
    ),
    Statement(
        ACCEPTED,
        measures.refused,
        "the law sets PNEWDT below 1 or fails: try a smaller --strain, or look at its iterations",
        needs=(*_TIDY, FINITE),
    ),
    Statement(
        REPEATED,
        measures.asked_twice,
        "a hidden memory: look for SAVE, COMMON, static or module variables and for local ones "
        "without a first value; what a law remembers belongs into STATEV",
        needs=(ACCEPTED,),
    ),
    Statement(
        INTERLEAVED,
        measures.asked_again,
        "the answer depends on earlier calls: look for SAVE, COMMON, static or module variables",
        needs=(ACCEPTED, REPEATED),
    ),
    Statement(
        "a point answers alone as in a batch",
        measures.asked_alone,
        "the answer depends on other points of the same call: look for shared work arrays, and "
        "for what is kept by NOEL",
        needs=_STEADY,
    ),
    Statement(
        "the order of the points does not matter",
        measures.asked_backwards,
        "the answer depends on the number of the point (NOEL) or on the point before",
        needs=_STEADY,
    ),
)
_CONTRACT = (
    Statement(
        "the virgin state is free of stress",
        measures.virgin_stress,
        "no strain, no stress: look at the initial state and at thermal strains of the law's own",
        needs=_STEADY,
    ),
    Statement(
        "the state holds the stress",
        measures.stored_stress,
        "the columns state_fields['stress'] must be the stress of the answer, bit by bit",
        needs=_STEADY,
    ),
    Statement(
        "arguments stay untouched",
        measures.changed_arguments,
        "the caller owns its arrays: work on copies",
        needs=_STEADY,
    ),
    Statement(
        "a vanishing increment keeps the stress",
        measures.vanishing_increment,
        "the law jumps when nothing happens: look at the stress it starts from",
        limit=EQUILIBRIUM_LIMIT,
        needs=_STEADY,
    ),
    Statement(
        "a point that fails is named and harms no other",
        measures.poisoned_point,
        "a strain that is not a number must give PNEWDT < 1 or answers that are not finite",
        needs=_STEADY,
    ),
)
_THREADS = (
    Statement(
        "two threads at once get the answers of one",
        measures.threads_apart,
        "shared work arrays (SAVE, COMMON, static): make them local, or do not call the law "
        "thread-safe; Fortran: compile with -frecursive or -fopenmp",
        needs=_STEADY,
    ),
)


def _tangents() -> Iterator[Statement]:
    """Make the statements on the tangent at each question."""
    for name in ("virgin", "strained", "reversed"):
        yield Statement(
            f"the tangent is the derivative of the stress, {name}",
            partial(_at, measures.tangent_mismatch, name),
            "DDSDDE must be d stress / d dstrain of the update itself (column-major, engineering "
            "shear), with inner iterations converged to rounding",
            limit=TANGENT_LIMIT,
            needs=_STEADY,
        )
        yield Statement(
            f"the tangent is symmetric if declared so, {name}",
            partial(_at, measures.tangent_skew, name),
            "declare the tangent unsymmetric",
            limit=SYMMETRY_LIMIT,
            needs=_STEADY,
        )


def _at(measure: Callable[..., Finding], name: str, subject: Subject) -> Finding:
    """Measure at one question."""
    return measure(subject, getattr(subject, name))
