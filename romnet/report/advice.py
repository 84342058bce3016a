"""Pictures and tables of local models: what the criterion says, and a map of the clusters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.reduction.criterion import Advice
from romnet.report.ink import ACCENT, FAINT, INK, plain, styled, svg_of
from romnet.report.model_values import LocalFacts
from romnet.report.tables import Table, table


def advice_svg(advice: Advice) -> bytes:
    """Draw held-out errors over the modes: of one basis, and of each number of clusters.

    Parameters
    ----------
    advice
        What to draw; the choice, if there is one, bears a ring.

    Returns
    -------
    bytes
        An SVG file.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(5.6, 3.4), layout="constrained")
        axes = figure.subplots()
        counts = sorted({found.n_clusters for found in advice.candidates})
        first = sorted({(found.n_modes, found.global_error) for found in advice.candidates})
        axes.plot(*zip(*first, strict=True), color=INK, marker="o", ms=3, label="one global basis")
        for number, count in enumerate(counts):
            own = [found for found in advice.candidates if found.n_clusters == count]
            axes.plot(
                [found.n_modes for found in own],
                [found.global_error / found.gain for found in own],
                color=ACCENT,
                alpha=0.35 + 0.65 * number / max(1, len(counts) - 1),
                marker="o",
                ms=3,
                label=f"{count} clusters",
            )
        if advice.chosen is not None:
            found = advice.candidates[advice.chosen]
            place = (found.n_modes, found.global_error / found.gain)
            axes.plot(*place, "o", ms=10, mfc="none", mec=ACCENT, label="chosen")
            axes.axhline(place[1], color=FAINT, zorder=0)
        axes.set_yscale("log")
        axes.set_xticks(np.unique([found.n_modes for found in advice.candidates]))
        axes.set_xlabel("modes of each basis")
        axes.set_ylabel("held-out projection error [-]")
        axes.legend()
        return svg_of(figure)


def clusters_svg(facts: LocalFacts) -> bytes:
    """Draw the candidates in the plane, the more apart the more unlike, coloured by cluster.

    Parameters
    ----------
    facts
        What to draw; medoids bear a ring and their names.

    Returns
    -------
    bytes
        An SVG file.
    """
    from matplotlib.figure import Figure

    places = plane(facts.dissimilarity)
    with styled():
        figure = Figure(figsize=(4.8, 3.4), layout="constrained")
        axes = figure.subplots()
        colours = facts.labels if facts.labels.size else np.zeros(len(places))
        axes.scatter(places[:, 0], places[:, 1], c=colours, cmap="tab20", vmin=0, vmax=20, s=12)
        for medoid in facts.medoids:
            axes.plot(*places[medoid], "o", ms=10, mfc="none", mec=INK)
            name = plain(facts.names[medoid])
            axes.annotate(name, places[medoid], (6, 6), textcoords="offset points")
        axes.set_aspect("equal", "datalim")
        axes.set_xlabel("first direction [-]")
        axes.set_ylabel("second direction [-]")
        return svg_of(figure)


def plane(dissimilarity: Float[Array, "n n"]) -> Float[Array, "n 2"]:
    """Place members in the plane so that distances are close to dissimilarities.

    Classical scaling: the two leading eigenvectors of the doubly centred squares.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 3.0])
    >>> found = plane(np.abs(places[:, None] - places))
    >>> np.ptp(found, axis=0).round(6).tolist()
    [3.0, 0.0]
    """
    squares = dissimilarity**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    energies, directions = np.linalg.eigh(-0.5 * centred)
    kept = directions[:, :-3:-1]
    # Signs are a matter of taste; let the largest entry be positive.
    kept = kept * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(2)])
    return np.ascontiguousarray(kept * np.sqrt(np.maximum(energies[:-3:-1], 0.0)))


def clusters_table(facts: LocalFacts) -> Table:
    """Return the cluster of each candidate and how unlike its medoid it is."""
    rows = [
        (name, int(label), facts.names[facts.medoids[label]], angles[facts.medoids[label]])
        for name, label, angles in zip(facts.names, facts.labels, facts.dissimilarity, strict=False)
    ]
    return table(["candidate", "cluster", "medoid", "dissimilarity to it [-]"], rows)


def criterion_table(advice: Advice) -> Table:
    """Return what the criterion expects of each number of clusters and of modes."""
    rows = [
        (
            found.n_clusters,
            found.n_modes,
            found.global_error,
            found.global_error / found.gain,
            found.gain,
            found.equivalent_modes,
            found.runs,
            "chosen" if number == advice.chosen else "; ".join(found.reasons) or "worth it",
        )
        for number, found in enumerate(advice.candidates)
    ]
    columns = ["clusters", "modes", "global error [-]", "local error [-]", "gain [-]"]
    return table([*columns, "modes of an equal global basis", "training runs", "verdict"], rows)
