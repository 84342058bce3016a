"""What the reduction predicts of its training loads, beside what the model then does on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from romnet.store.modes import load_bases
from romnet.study.answers import Comparison


@dataclass(frozen=True)
class FieldValidation:
    """Error of one field on the training loads.

    Attributes
    ----------
    predicted
        Relative part of the training snapshots that the POD discarded: the least error possible
        [-].
    realised
        Relative error of the answers of the model over all their instants, of the worst training
        load [-].
    hottest
        The same on the 1 % of points where the field is largest; of dual fields only [-].
    """

    predicted: float
    realised: float
    hottest: float | None = None


def validation(folder: Path, comparisons: Sequence[Comparison]) -> dict[str, FieldValidation]:
    """Compare predicted and realised errors, field by field.

    Parameters
    ----------
    folder
        Folder of results.
    comparisons
        Answers to the training loads beside the simulations.

    Raises
    ------
    StoreError
        If a basis is missing.

    Notes
    -----
    Collective: no. Reads no modes.
    """
    none = np.zeros(0, dtype=np.int64)
    displacement = load_bases(folder / "pod.h5", none)["displacement"]
    bases = {"u": displacement, **load_bases(folder / "dual_pod.h5", none)}
    found = {}
    for name, basis in bases.items():
        realised = [one.over_time[name] for one in comparisons if name in one.over_time]
        hot = [one.hottest_over_time[name] for one in comparisons if name in one.hottest_over_time]
        if realised:
            worst = max(hot) if hot else None
            found[name] = FieldValidation(basis.relative_error, max(realised), worst)
    return found
