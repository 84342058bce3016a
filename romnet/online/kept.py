"""What is kept of the answers to many load cases: no states but dual fields at the mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.online.prepared import PreparedModel
from romnet.online.stepping import StepOutcome
from romnet.online.walking import Walked
from romnet.reduction.gappy import NEGLIGIBLE, GappyOperator


class Kept:
    """Answers on their way; arrays have a row for each case and instant.

    Parameters
    ----------
    prepared
        The model, all of its points on this rank.
    n_cases, n_times
        How many load cases and instants there are.

    Attributes
    ----------
    coefficients
        As in `romnet.online.batch.BatchSolution`, instants before coefficients.
    status, reason, reached, iterations, cuts, law_seconds
        As there.
    """

    def __init__(self, prepared: PreparedModel, n_cases: int, n_times: int) -> None:
        self.prepared = prepared
        shape = (n_cases, n_times)
        self.coefficients = np.full((*shape, prepared.model.n_modes), np.nan)
        n_mask = len(prepared.model.points)
        self._at_mask = {one.name: np.full((*shape, n_mask), np.nan) for one in prepared.scalars}
        self.status = [Status.CONVERGED] * n_cases
        self.reason = [Status.CONVERGED] * n_cases
        self.reached = np.zeros(n_cases, dtype=np.int64)
        self.iterations = np.zeros((n_cases, n_times - 1), dtype=np.int64)
        self.cuts = np.zeros(n_cases, dtype=np.int64)
        self.law_seconds = 0.0

    def keep(
        self,
        where: tuple[Any, Any],
        unknown: Float[Array, "n n_modes"],
        states: Float[Array, "n n_points n_state"],
    ) -> None:
        """Keep accepted coefficients and states, those of some instants or of some cases."""
        self.coefficients[where] = unknown
        for field in {scalar.field for scalar in self.prepared.scalars}:
            values = self.prepared.laws.field(states, field)
            for scalar in self.prepared.scalars:
                if scalar.field == field:
                    self._at_mask[scalar.name][where] = values[:, :, scalar.column]

    def rebuilt(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the dual coefficients and the residuals at the mask, of all cases at once."""
        dual, indicator = {}, {}
        for name, values in self._at_mask.items():
            rows = values.reshape(-1, values.shape[-1])
            found, residuals = _rebuilt(self.prepared.model.gappy[name], rows)
            dual[name] = found.reshape(*values.shape[:2], -1)
            indicator[name] = residuals.reshape(values.shape[:2])
        return dual, indicator

    def walked(self, case: int, number: int, walked: Walked) -> None:
        """Keep what a case reached in a walk, the first instant of which has this number."""
        last = number + len(walked)
        self.keep((case, slice(number, last)), walked.unknown, walked.state)
        self.iterations[case, number - 1 : last - 1] = walked.corrections
        self.law_seconds += float(walked.law_seconds.sum())
        self.reached[case] = last - 1

    def took(self, case: int, number: int, outcome: StepOutcome) -> None:
        """Keep how a case got to an instant by itself, or why it did not."""
        self.iterations[case, number - 1] += outcome.iterations
        self.cuts[case] += outcome.cuts
        self.law_seconds += outcome.law_seconds
        self.status[case], self.reason[case] = outcome.status, outcome.reason
        if outcome.status.ok:
            self.reached[case] = number
            committed = outcome.committed
            self.keep((case, [number]), committed.unknown[None], committed.state[None])


def _rebuilt(operator: GappyOperator, values: Array) -> tuple[Array, Array]:
    """Return gappy coefficients and relative residuals of mask values, given as rows."""
    coefficients = values @ operator.inverse.T
    rest, scale = _norms(values - coefficients @ operator.mask_modes.T), _norms(values)
    scale = np.maximum(scale, NEGLIGIBLE * operator.largest_norm)
    return coefficients, rest / np.where(scale > 0.0, scale, 1.0)


def _norms(rows: Array) -> Float[Array, " n"]:
    """Return the norm of each row."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))
