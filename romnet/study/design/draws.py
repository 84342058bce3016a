"""Designs of experiments: the draws of uncertain loads, and each draw as a reduced load case."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import qmc

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.fe.history import Amplitude, SeparatedField
from romnet.reduction.model import ReducedLoading
from romnet.study.schema import Design

# Open interval of probabilities: a normal number must be finite.
_EDGE = 1e-12
FIELD = "temperature.field"


@dataclass(frozen=True)
class Draws:
    """Values of the uncertain parameters.

    Attributes
    ----------
    names
        Such as ``"gas.scale"``, ``"temperature.shift"``, ``"temperature.field1"``: the latter are
        standard normal factors of the modes of the random temperature.
    values
        One row for each draw.
    """

    names: tuple[str, ...]
    values: Float[Array, "n_draws n_parameters"]

    def of(self, number: int) -> dict[str, float]:
        """Return one draw by name."""
        return dict(zip(self.names, self.values[number].tolist(), strict=True))


def draws_of(design: Design, folder: Path) -> Draws:
    """Draw, or read, the values of a design.

    Parameters
    ----------
    design
        From the study.
    folder
        Where relative paths start.

    Raises
    ------
    StudyError
        If a table cannot be used.

    Notes
    -----
    Collective: no. Deterministic: the seed decides.

    Examples
    --------
    >>> design = Design(kind="lhs", n=4, parameters={"gas.scale": (0.9, 1.1)})
    >>> draws = draws_of(design, Path())
    >>> draws.names, np.floor((np.sort(draws.values[:, 0]) - 0.9) / 0.05).tolist()
    (('gas.scale',), [0.0, 1.0, 2.0, 3.0])
    """
    n_modes = design.temperature.modes if design.temperature is not None else 0
    names = (*design.parameters, *(f"{FIELD}{k}" for k in range(1, n_modes + 1)))
    if design.file is not None:
        return Draws(names, _table(folder / design.file, names, n_modes))
    sampler = (
        qmc.Sobol(len(names), seed=design.seed)
        if design.kind == "sobol"
        else qmc.LatinHypercube(len(names), seed=design.seed)
    )
    unit = _sobol(sampler, design.n) if isinstance(sampler, qmc.Sobol) else sampler.random(design.n)
    values = np.empty((design.n, len(names)))
    for column, (low, high) in enumerate(design.parameters.values()):
        values[:, column] = low + (high - low) * unit[:, column]
    first = len(design.parameters)
    values[:, first:] = ndtri(np.clip(unit[:, first:], _EDGE, 1.0 - _EDGE))
    return Draws(names, values)


def _sobol(sampler: qmc.Sobol, n: int) -> Array:
    """Return the first points of a whole Sobol sequence: any number, without a warning."""
    return np.asarray(sampler.random_base2(max(n - 1, 0).bit_length()))[:n]


def _table(path: Path, names: tuple[str, ...], n_modes: int) -> Float[Array, "n_draws n"]:
    """Read draws from a table with a header; factors of the random field may be left out."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise StudyError(message) from problem
    wanted = names[: len(names) - n_modes]
    missing = [name for name in wanted if not rows or name not in rows[0]]
    if missing:
        message = f"{path}: needs the columns {', '.join(wanted)}; missing: {', '.join(missing)}."
        raise StudyError(message)
    try:
        values = np.array([[float(row.get(name) or 0.0) for name in names] for row in rows])
    except ValueError as problem:
        message = f"{path}: {problem}."
        raise StudyError(message) from problem
    if not np.isfinite(values).all():
        message = f"{path}: values must be finite."
        raise StudyError(message)
    return values


@dataclass(frozen=True, eq=False)
class UncertainLoad:
    """A reduced load case of which every draw is a cheap variation.

    Attributes
    ----------
    nominal
        The load case of the study.
    forces
        Names of the loads behind the terms of its force.
    temperature
        Name of its temperature.
    field
        Modes of the random temperature at the mask points, a row for each, and their amplitude
        in time; None without one.
    """

    nominal: ReducedLoading
    forces: tuple[str, ...]
    temperature: str
    field: tuple[Float[Array, "n_field n_mask"], Amplitude] | None = None

    def drawn(self, name: str, draw: Mapping[str, float]) -> ReducedLoading:
        """Return the load case of one draw.

        Parameters
        ----------
        name
            Of the case.
        draw
            Values of the uncertain parameters: ``scale`` of any load, ``omega`` (a factor on the
            speed of a centrifugal load), ``scale`` (of the change since the first keyframe) and
            ``shift`` of the temperature, factors of the random temperature.

        Notes
        -----
        Cost: independent of the size of the mesh.
        """
        force = self.nominal.force.vectors.copy()
        for row, load in enumerate(self.forces):
            force[row] *= draw.get(f"{load}.scale", 1.0) * draw.get(f"{load}.omega", 1.0) ** 2
        warm = self.nominal.temperature
        if warm.n_terms:
            first = warm.vectors[0]
            factor = draw.get(f"{self.temperature}.scale", 1.0)
            shifted = first + factor * (warm.vectors - first)
            shifted += draw.get(f"{self.temperature}.shift", 0.0)
            warm = SeparatedField(warm.amplitudes, shifted)
        if self.field is not None:
            modes, amplitude = self.field
            factors = np.array([draw[f"{FIELD}{k}"] for k in range(1, len(modes) + 1)])
            warm = warm.joined(SeparatedField((amplitude,), (factors @ modes)[None]))
        return replace(
            self.nominal,
            name=name,
            force=SeparatedField(self.nominal.force.amplitudes, force),
            temperature=warm,
        )
