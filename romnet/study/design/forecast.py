"""Foreseeing the coefficients of draws from those of others."""

from __future__ import annotations

from math import comb

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

_DEGREE = 4
# Answers known for each term of a polynomial.
_PER_TERM = 2
# Part added to the diagonal of the normal equations: parameters may depend on each other.
_RIDGE = 1e-10


class Forecast:
    """A polynomial of the parameters, fitted to the coefficients of the draws answered so far.

    Its degree is the highest, up to four, with half as many terms as answers.

    Parameters
    ----------
    values
        All draws of the design.

    Notes
    -----
    Cost: a small part of the answers themselves. Foreseen coefficients are first guesses.

    Examples
    --------
    >>> values = np.linspace(-1.0, 1.0, 9)[:, None]
    >>> forecast = Forecast(values)
    >>> forecast.of(values) is None
    True
    >>> forecast.learn(values, (values**2)[:, :, None])
    >>> forecast.of(np.array([[0.3]])).round(6).tolist()
    [[[0.09]]]
    """

    def __init__(self, values: Float[Array, "n_draws n_parameters"]) -> None:
        self._mean, spread = values.mean(axis=0), values.std(axis=0)
        self._scale = 1.0 / np.where(spread > 0.0, spread, 1.0)
        n = values.shape[1]
        terms = [comb(n + degree, degree) for degree in range(1, _DEGREE + 1)]
        self._terms = [count for count in terms if _PER_TERM * count <= len(values)]
        n_terms = max(self._terms, default=1)
        self._gram: Array = np.zeros((n_terms, n_terms))
        self._moments: Array = np.zeros((n_terms, 0))
        self._shape: tuple[int, ...] = ()
        self._known = 0

    def learn(
        self,
        values: Float[Array, "n_known n_parameters"],
        answers: Float[Array, "n_known n_modes n_times"],
    ) -> None:
        """Take note of answers, of the complete ones."""
        complete = np.isfinite(answers).all(axis=(1, 2))
        monomials = self._monomials(values[complete])
        moments = monomials.T @ answers[complete].reshape(
            len(monomials), np.prod(answers.shape[1:])
        )
        self._moments = self._moments + moments if self._shape else moments
        self._gram = self._gram + monomials.T @ monomials
        self._shape = answers.shape[1:]
        self._known += len(monomials)

    def of(
        self, values: Float[Array, "n_asked n_parameters"]
    ) -> Float[Array, "n_asked n_modes n_times"] | None:
        """Foresee draws; None while too few answers are known for a linear function."""
        usable = [n for n in self._terms if _PER_TERM * n <= self._known]
        if not usable:
            return None
        n = usable[-1]
        gram = self._gram[:n, :n] + np.diag(_RIDGE * self._gram.diagonal()[:n])
        # A parameter that never changes has no monomials but zeros.
        gram[np.diag_indices(n)] += gram.diagonal() == 0.0
        fitted = np.linalg.solve(gram, self._moments[:n])
        found = self._monomials(values)[:, :n] @ fitted
        return np.asarray(found.reshape(len(values), *self._shape))

    def _monomials(self, values: Array) -> Float[Array, "n n_terms"]:
        """Return the monomials of the parameters, those of low degree first."""
        columns = ((values - self._mean) * self._scale).T
        layer = [(np.ones(len(values)), 0)]
        found = [layer[0][0]]
        for _ in self._terms:
            layer = [(m * columns[k], k) for m, least in layer for k in range(least, len(columns))]
            found += [m for m, _ in layer]
        return np.stack(found, axis=1)
