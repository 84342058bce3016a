"""How the reduced model is built."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from romnet.study.schema.keys import Keys, Name

_BYTES = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
Memory = Annotated[str, Field(pattern=r"^[0-9]*\.?[0-9]+ (MiB|GiB|TiB)$")]


class Cubature(Keys):
    """Reduced quadrature."""

    tolerance: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="relative residual; ten times offline.tolerance"
    )
    refine: bool = Field(
        default=False, description="exchange points until fewer give the same residual"
    )
    volume: bool = Field(default=True, description="whether the weights integrate the volume")
    by_amplitude: bool = Field(
        default=False, description="whether modes count as far as the training moves them"
    )
    element_wise: bool = Field(default=False, description="select cells with all their points")
    elastic_tangent: bool = Field(
        default=False, description="whether the rule integrates the elastic stiffness of the modes"
    )


class Greedy(Keys):
    """Candidates for training: the worst by the indicator is computed, until all are good."""

    candidates: tuple[Name, ...] = Field(min_length=1, description="names of online cases")
    tolerance: float = Field(default=0.1, gt=0.0, description="largest estimated error [-]")
    budget: int = Field(default=3, ge=0, description="simulations computed at most")


class Offline(Keys):
    """How the reduced model is built."""

    tolerance: float = Field(
        default=1e-5, gt=0.0, lt=1.0, description="POD truncation of displacements and dual fields"
    )
    modes: int | None = Field(
        default=None, ge=1, description="displacement modes at most; no limit if left out"
    )
    inner_product: Literal["l2", "h1"] = Field(
        default="l2", description="in which displacement modes are orthonormal"
    )
    dual: tuple[str, ...] = Field(default=("p", "stress"), description="dual fields to rebuild")
    cubature: Cubature = Field(default=Cubature(), description="reduced quadrature")
    memory: Memory = Field(
        default="2 GiB", description="what all ranks together may hold in blocks of snapshots"
    )
    greedy: Greedy | None = Field(
        default=None, description="which loads to train on next; not asked if left out"
    )

    @property
    def memory_bytes(self) -> int:
        """The memory of all ranks together [B]."""
        number, unit = self.memory.split()
        return int(float(number) * _BYTES[unit])

    @property
    def cubature_tolerance(self) -> float:
        """Tolerance of the reduced quadrature."""
        return self.cubature.tolerance or min(10.0 * self.tolerance, 0.5)

    @property
    def newton_tolerance(self) -> float:
        """Relative residual of reduced models: a hundred increments add up to a tenth of the rest.

        Above 1e-6 plastic strains drift, and below 1e-12 is rounding.
        """
        return min(max(self.tolerance / 1000.0, 1e-12), 1e-6)
