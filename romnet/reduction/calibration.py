"""From signals to errors: a monotone fit on pairs with known errors, and a bound that covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.optimize
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import AccuracyError

# Errors and estimates below it are not told apart.
FLOOR = 1e-4
# Logarithms of the coefficients stay between these.
_SMALLEST, _LARGEST = -14.0, 6.0
_FEWEST = 10
_ROUNDING = 1e-12  # of sums of weights


@dataclass(frozen=True)
class Calibration:
    r"""Estimate of the relative error of one field.

    It is :math:`\sum_i c_i s_i` with :math:`c_i \ge 0` and the signals :math:`s_i`: it falls with
    no signal, vanishes with all of them, and is linear far away, where there are no pairs. It is
    fitted to the logarithm of the error, so that small errors count as much as large ones.

    Attributes
    ----------
    field
        The field whose error is estimated.
    signals
        Names of the signals.
    coefficients
        One for each signal, not negative (n_signals,).
    margin
        Factor from the estimate to the upper bound [-].
    confidence
        Part of the errors that the bound should cover [-].
    coverage
        Part that it covers on loads left out of the fit [-].
    correlation
        Of the logarithms of estimates and errors on loads left out of the fit [-].
    pair_signals, pair_errors, pair_loads
        The pairs: signals, true errors, and which load each of them comes from.
    """

    field: str
    signals: tuple[str, ...]
    coefficients: Float[Array, " n_signals"]
    margin: float
    confidence: float
    coverage: float
    correlation: float
    pair_signals: Float[Array, "n_pairs n_signals"]
    pair_errors: Float[Array, " n_pairs"]
    pair_loads: Int[Array, " n_pairs"]

    def estimate(self, signals: Mapping[str, Float[Array, " n_times"]]) -> Float[Array, " n_times"]:
        """Return the estimated relative error at each instant [-]."""
        table = np.stack([signals[name] for name in self.signals], axis=1)
        return _estimates(table, self.coefficients)

    def bound(self, signals: Mapping[str, Float[Array, " n_times"]]) -> Float[Array, " n_times"]:
        """Return what the error stays below with the confidence of the calibration [-]."""
        return self.margin * self.estimate(signals)

    def extended(
        self,
        signals: Float[Array, "n_pairs n_signals"],
        errors: Float[Array, " n_pairs"],
    ) -> Calibration:
        """Return the calibration with pairs of one more load.

        The coefficients are fitted again; coverage and correlation stay those that were measured.
        """
        table = np.concatenate([self.pair_signals, signals])
        every = np.concatenate([self.pair_errors, errors])
        coefficients = _fit(table, every)
        new = np.full(len(errors), self.pair_loads.max(initial=-1) + 1)
        loads = np.concatenate([self.pair_loads, new])
        ratios = np.log(np.maximum(every, FLOOR) / _estimates(table, coefficients))
        margin = _margin(ratios, loads, self.confidence)
        return replace(
            self,
            coefficients=coefficients,
            margin=max(margin, self.margin),
            pair_signals=table,
            pair_errors=every,
            pair_loads=loads,
        )


def calibrated(
    field: str,
    signals: Mapping[str, Float[Array, " n_pairs"]],
    errors: Float[Array, " n_pairs"],
    loads: Int[Array, " n_pairs"],
    *,
    confidence: float = 0.9,
) -> Calibration:
    r"""Fit the error of a field to its signals.

    Parameters
    ----------
    field
        Name of the field.
    signals
        Each signal at every pair.
    errors
        True relative errors [-].
    loads
        Number of the load that each pair comes from: pairs of one load resemble each other, so
        whole loads are left out to measure the spread.
    confidence
        Part of the errors that the bound shall cover [-].

    Returns
    -------
    Calibration
        Its margin is the conformal quantile of :math:`e_k / \hat e_k`, with
        :math:`\hat e_k` from the fit without the load of pair *k*.

    Raises
    ------
    AccuracyError
        If there are too few pairs.

    Notes
    -----
    Collective: no. Deterministic: yes. The bound is no guarantee for loads unlike those of the
    pairs.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> signal = 10.0 ** rng.uniform(-3.0, 0.0, 60)
    >>> found = calibrated("p", {"s": signal}, 2.0 * signal * rng.uniform(0.8, 1.25, 60),
    ...     np.repeat(np.arange(6), 10))
    >>> bool(abs(found.coefficients[0] - 2.0) < 0.1), 1.0 < found.margin < 1.25
    (True, True)
    """
    names = tuple(signals)
    if len(errors) < _FEWEST:
        message = (
            f"calibration of {field!r}: {len(errors)} pairs of signal and error are too few; give "
            "more calibration loads, or longer ones."
        )
        raise AccuracyError(message)
    table = np.stack([np.asarray(signals[name]) for name in names], axis=1)
    left_out = np.zeros(len(errors))
    for load in np.unique(loads):
        mine = loads == load
        rest = ~mine if (~mine).sum() >= _FEWEST else np.ones_like(mine)
        left_out[mine] = _estimates(table[mine], _fit(table[rest], errors[rest]))
    ratios = np.log(np.maximum(errors, FLOOR) / left_out)
    margin = _margin(ratios, loads, confidence)
    return Calibration(
        field=field,
        signals=names,
        coefficients=_fit(table, errors),
        margin=margin,
        confidence=confidence,
        coverage=float(np.mean(ratios <= np.log(margin) + FLOOR)),
        correlation=_correlation(np.log(left_out), np.log(np.maximum(errors, FLOOR))),
        pair_signals=table,
        pair_errors=np.array(errors, dtype=float),
        pair_loads=np.array(loads, dtype=np.int64),
    )


def _estimates(table: Array, coefficients: Array) -> Array:
    """Return the estimated errors; none is below the floor."""
    return np.asarray(np.maximum(table @ coefficients, FLOOR))


def _fit(table: Array, errors: Array) -> Array:
    """Fit the logarithms of sums to logarithms of errors."""
    goal = np.log(np.maximum(errors, FLOOR))

    def rest(logarithms: Array) -> Array:
        return np.asarray(np.log(table @ np.exp(logarithms) + FLOOR) - goal)

    start = np.zeros(table.shape[1])
    found = scipy.optimize.least_squares(rest, start, bounds=(_SMALLEST, _LARGEST))
    return np.asarray(np.exp(found.x))


def _margin(ratios: Array, loads: Array, confidence: float) -> float:
    """Return the conformal quantile of logarithmic ratios as a factor, at least one.

    Loads can be exchanged with the one to come, the instants of one load cannot: each load weighs
    the same, and of k of them the level is that of k + 1.
    """
    _, group, sizes = np.unique(loads, return_inverse=True, return_counts=True)
    order = np.argsort(ratios, kind="stable")
    below = np.cumsum(1.0 / (len(sizes) * sizes[group[order]]))
    level = min(confidence * (len(sizes) + 1) / len(sizes), 1.0)
    place = min(int(np.searchsorted(below, level - _ROUNDING)), len(ratios) - 1)
    return float(max(np.exp(ratios[order[place]]), 1.0))


def _correlation(one: Array, other: Array) -> float:
    """Return the correlation of two samples, zero where one does not vary."""
    spread = float(np.std(one) * np.std(other))
    return float(np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread else 0.0
