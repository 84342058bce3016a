"""Numbers as people read them, and the sentence that sums up a study."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from romnet.report.case_values import CaseFacts
from romnet.report.values import ReportData

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_THIN, _NO_BREAK = "\u202f", "\u00a0"
_PERCENT_FROM = 1e-3


def counted(number: int) -> str:
    r"""Return a whole number with its thousands set apart.

    Examples
    --------
    >>> counted(1728).replace("\u202f", " ")
    '1 728'
    """
    return f"{number:,}".replace(",", _THIN)


def error_words(error: float) -> str:
    r"""Return a relative error in percent, or as a power of ten when it is small.

    Examples
    --------
    >>> error_words(0.0134).replace("\u202f", " "), error_words(2.2e-5).replace("\u202f", " ")
    ('1.3 %', '2.2 · 10⁻⁵')
    >>> error_words(0.0)
    '0'
    """
    if error == 0.0:
        return "0"
    if not isfinite(error):
        return str(error)
    if abs(error) >= _PERCENT_FROM:
        return f"{_two_digits(100.0 * error)}{_THIN}%"
    digits, _, exponent = f"{error:.1e}".partition("e")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"{digits}{_THIN}·{_THIN}10{power}"


def factor_words(factors: Sequence[float]) -> str:
    """Return a range of factors.

    Examples
    --------
    >>> factor_words([81.2, 194.0]), factor_words([3.14]), factor_words([194.0, 194.4])
    ('81 to 194', '3.1', '194')
    """
    low, high = _two_digits(min(factors)), _two_digits(max(factors))
    return low if low == high else f"{low} to {high}"


def seconds_words(seconds: float) -> str:
    r"""Return a duration with the unit that suits it.

    Examples
    --------
    >>> [seconds_words(value).replace("\u202f", " ") for value in (0.0185, 2.81, 250.0, 9000.0)]
    ['18 ms', '2.8 s', '4 min 10 s', '2 h 30 min']
    """
    if seconds < 1.0:
        return f"{_two_digits(1e3 * seconds)}{_THIN}ms"
    if seconds < 60.0:  # noqa: PLR2004
        return f"{seconds:.2g}{_THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes}{_THIN}min {rest}{_THIN}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{_THIN}h {minutes}{_THIN}min"


def verdict(data: ReportData) -> str:
    """Return one sentence with the key numbers: size, answers, speed, errors.

    Examples
    --------
    >>> from romnet.report.model_values import MeshFacts
    >>> verdict(ReportData("plate", "0.1", {}, "", MeshFacts(9, 4, 16, 18), 1e-6))
    'The reduced model has not been asked any load case yet.'
    """
    converged = [case for case in data.cases if case.status.ok]
    return (
        f"{_subject(data)} {_action(data.cases)}{_speed(converged)}"
        f"{_accuracy(judged_cases(data.cases))}."
    )


def judged_cases(cases: Sequence[CaseFacts]) -> list[CaseFacts]:
    """Return the cases that tell how good the model is.

    Converged ones with a reference: those it was not trained on, if there are any.
    """
    compared = [case for case in cases if case.status.ok and case.worst_displacement is not None]
    return [case for case in compared if not case.in_training] or compared


def worst_dual(cases: Sequence[CaseFacts]) -> float | None:
    """Return the largest error of any dual field of some cases."""
    errors = [error for case in cases for error in case.dual_error.values() if isfinite(error)]
    return max(errors, default=None)


def worst_displacement(cases: Sequence[CaseFacts]) -> float | None:
    """Return the largest error of the displacement of some cases."""
    errors = [case.worst_displacement for case in cases]
    return max((error for error in errors if error is not None), default=None)


def _subject(data: ReportData) -> str:
    """Say how small the model is."""
    if not data.spectra:
        return "The reduced model"
    modes = f"With {data.spectra[0].kept}{_NO_BREAK}modes"
    if data.cubature is None:
        return f"{modes}, the reduced model"
    selected, full = counted(data.cubature.n_selected), counted(data.mesh.n_points)
    return f"{modes} and {selected} of {full} integration points, the reduced model"


def _action(cases: Sequence[CaseFacts]) -> str:
    """Say what it answered."""
    stopped = [case for case in cases if not case.status.ok]
    if not cases:
        return "has not been asked any load case yet"
    if not stopped:
        return (
            "answered its load case" if len(cases) == 1 else f"answered all {len(cases)} load cases"
        )
    names = ", ".join(case.name for case in stopped)
    return (
        f"answered {len(cases) - len(stopped)} of {len(cases)} load cases ({names} stopped early)"
    )


def _speed(converged: Sequence[CaseFacts]) -> str:
    """Say how much faster it was."""
    factors = [case.speedup for case in converged if case.speedup is not None]
    if not factors:
        return ""
    return f" {factor_words(factors)} times as fast as the reference"


def _accuracy(judged: Sequence[CaseFacts]) -> str:
    """Say how far it was from the reference."""
    displacement, dual = worst_displacement(judged), worst_dual(judged)
    if displacement is None:
        return ""
    fields = "" if dual is None else f" and its dual fields at most {error_words(dual)}"
    trained = all(case.in_training for case in judged)
    where = "on what it was trained on" if trained else "on loads it was not trained on"
    return f", its displacement at most {error_words(displacement)}{fields} off {where}"


def _two_digits(value: float) -> str:
    """Return two digits of a number, or all those before the point."""
    return f"{value:.2g}" if abs(value) < 99.5 else f"{value:.0f}"  # noqa: PLR2004
