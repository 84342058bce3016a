"""Words of ``romnet advise``."""

from __future__ import annotations

from typing import Any

from romnet.cli.console import Console
from romnet.reduction.criterion import Advice


def tell(console: Console, advice: Advice) -> None:
    """Print the table, then the recommendation.

    Notes
    -----
    Collective: no; rank 0 speaks.
    """
    console.say("clusters modes  global   local   gain  n_eq saving  runs  smallest  worth it")
    for number, found in enumerate(advice.candidates):
        mark = "yes" if found.worth_it else "no"
        chosen = "  <" if number == advice.chosen else ""
        console.say(
            f"{found.n_clusters:8d} {found.n_modes:5d} {found.global_error:7.2e} "
            f"{found.local_error:7.2e} {found.gain:5.2f} {found.equivalent_modes:5d} "
            f"{found.saving:6.2f} {found.runs:5d} {found.smallest_cluster:9d}  {mark}{chosen}"
        )
    console.say(advice.recommendation)


def answer(advice: Advice) -> dict[str, Any]:
    """Return the same as plain values."""
    from romnet.study.local.criterion import rows

    return {
        "recommendation": advice.recommendation,
        "chosen": advice.chosen,
        "candidates": rows(advice),
    }
