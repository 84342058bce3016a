"""What is said of forces that balance, or do not."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose, log10

import numpy as np

from romnet.core.arrays import Array
from romnet.study.balance.comparison import BALANCED, Balance
from romnet.study.balance.fit import Explanation

_CLOSE = 0.05
_NOTHING = 0.02


def sentences(found: Sequence[Balance]) -> tuple[str, ...]:
    """Say of each simulation which balance holds, and what makes the others fail.

    Parameters
    ----------
    found
        From `romnet.study.balance.comparison.balances`.

    Returns
    -------
    tuple of str
        One for each balance; where stored stresses balance the loads and replayed ones do not,
        one more that blames the law.

    Notes
    -----
    Collective: no. Deterministic: yes.
    """
    told = [_sentence(balance) for balance in found]
    stored = {balance.case for balance in found if balance.stresses == "stored" and balance.ok}
    told += [
        f"case {balance.case}: the stored stresses balance the loads, so the loads are right and "
        "the law of the study, or its parameters, is not that of the results."
        for balance in found
        if balance.stresses == "replayed" and not balance.ok and balance.case in stored
    ]
    return tuple(told)


def _sentence(balance: Balance) -> str:
    """Say whether forces balance and, if not, why."""
    who = f"case {balance.case}: the {balance.stresses} stresses"
    if balance.explanation is None:
        return f"{who} balance the loads; residual {balance.worst:.1e} at worst."
    time = float(balance.times[balance.judged])
    return (
        f"{who} do not balance the loads (residual {balance.worst:.1e} at worst): "
        f"{_reason(balance, balance.explanation)} (t = {time:g})."
    )


def _reason(balance: Balance, found: Explanation) -> str:
    """Say what would make the forces balance."""
    if found.kind == "stresses":
        return _common(float(found.factors[0]))
    if found.kind == "load":
        names = [balance.loads[number] for number in found.loads]
        factor = float(found.factors[found.loads[0]])
        acting = [r for r in balance.resultants if np.any(r.force) or np.any(r.moment)]
        return _one_load(names, factor, alone=len(acting) == 1)
    if found.kind == "expansion":
        return _expansion(found.expansion)
    if found.kind == "several":
        parts = [
            f"load {name!r} is {factor:.3g} times that of the study"
            for name, factor in zip(balance.loads, found.factors, strict=True)
            if not isclose(factor, 1.0, rel_tol=_CLOSE)
        ]
        if not isclose(found.expansion, 1.0, rel_tol=_CLOSE):
            parts.append(_expansion(found.expansion))
        return "in the results " + ", ".join(parts)
    first = int(np.argmax(balance.residual > BALANCED))
    if first > 0:
        return (
            f"until t = {balance.times[first - 1]:g} they do, so what acts until then is right, "
            "Young's modulus and the expansion too; look at what begins later: yielding and "
            "hardening of the law, or a load"
        )
    return (
        "no factor on the loads explains it; forces on the free nodes sum to "
        f"{_vector(balance.missing)} more than the loads of the study give, so a load of the "
        "results is not in the study, or the law or its parameters are others"
    )


def _common(factor: float) -> str:
    """Say what one factor on everything means."""
    told = f"the stresses are {factor:.4g} times what the loads need"
    if _is_unit(factor):
        return f"{told}: a unit is wrong, of Young's modulus, of lengths or of the loads"
    if abs(factor) < _NOTHING:
        return "the stresses are almost zero, the results carry none of the loads"
    if isclose(factor, -1.0, rel_tol=_CLOSE):
        return "the stresses are -1 times what the loads need: all loads have the wrong sign"
    return (
        f"{told}: Young's modulus of the study is {factor:.4g} times that of the results, or all "
        "loads are too small by this factor"
    )


def _one_load(names: Sequence[str], factor: float, *, alone: bool) -> str:
    """Say what a factor on one load means."""
    who = "load " + " or ".join(map(repr, names))
    if len(names) > 1:
        who += " (they cannot be told apart)"
    if _is_unit(factor):
        return f"{who} is {factor:.4g} times that of the study: a unit is wrong"
    if abs(factor) < _NOTHING:
        return f"{who} is missing in the results (best factor {factor:.2g})"
    if isclose(factor, -1.0, rel_tol=_CLOSE):
        return f"{who} has the wrong sign (best factor {factor:.3g})"
    if alone:
        return (
            f"the stresses are {factor:.4g} times what the loads need: Young's modulus of the "
            f"study is too large by this factor, or {who} too small"
        )
    return f"{who} is {factor:.4g} times that of the study"


def _expansion(factor: float) -> str:
    """Say what a factor on the expansion means."""
    if abs(factor) < _NOTHING:
        return "the results do not expand with the temperature, the study does"
    return (
        f"the results expand {factor:.4g} times as much as the study says: look at the "
        "coefficient, its reference temperature and the temperatures"
    )


def _is_unit(factor: float) -> bool:
    """Whether a factor is a power of a thousand, but not one."""
    if factor <= 0.0:
        return False
    thousands = log10(factor) / 3.0
    return round(thousands) != 0 and isclose(factor, 1000.0 ** round(thousands), rel_tol=_CLOSE)


def _vector(values: Array) -> str:
    """Write a vector in few digits."""
    return "(" + ", ".join(f"{float(value):.3g}" for value in values) + ")"
