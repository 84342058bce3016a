"""What the report shows of the data that a model learned from, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataFacts:
    """One training simulation, looked at as data.

    Attributes
    ----------
    name
        Of the simulation.
    source
        ``"romnet"``, or the file that it was read from.
    instants
        Number of its instants.
    digits
        How displacements were written, in words.
    noise
        What the digits left out do to strains, relative to them [-].
    zero
        Instants after the first whose displacement is zero everywhere.
    repeated
        Instants whose displacement is that of an earlier one, digit by digit, and not zero.
    moved
        Largest distance of a constrained dof from where its constraint puts it, over the largest
        displacement [-].
    temperatures
        Lowest and highest temperature of the load [temperature]; None without one.
    tables
        Lowest and highest temperature that the tables of the laws know; infinite without tables.
    remarks
        What looks wrong, in words.
    """

    name: str
    source: str
    instants: int
    digits: str
    noise: float
    zero: int
    repeated: int
    moved: float
    temperatures: tuple[float, float] | None
    tables: tuple[float, float]
    remarks: tuple[str, ...] = ()
