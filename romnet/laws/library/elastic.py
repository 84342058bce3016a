"""Isotropic linear elasticity."""

from __future__ import annotations

from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.model import LawModel, Parameter, ParameterValues
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, ThermalExpansion
from romnet.laws.umat import UmatLaw

YOUNG = Parameter("young", "Young's modulus E", "stress", above=0.0)
POISSON = Parameter("poisson", "Poisson's ratio nu", above=-1.0, below=0.5)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read."""
    return UmatLaw(
        library_path("elastic"),
        "umat_",
        PropertyTable.merge([values["young"], values["poisson"]]),
        expansion,
        n_components=n_components,
        n_statev=0,
        name="elastic",
        symmetric_tangent=True,
    )


MODEL = LawModel(
    name="elastic",
    summary="isotropic linear elasticity",
    equations="stress = C(T) : (strain - thermal strain)",
    parameters=(YOUNG, POISSON),
    assemble=_assemble,
    example={"young": 2.0e5, "poisson": 0.3},
)
