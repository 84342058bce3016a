"""Von Mises viscoplasticity with nonlinear isotropic and kinematic hardening."""

from __future__ import annotations

from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.j2 import (
    ELASTIC,
    KINEMATIC,
    NORTON,
    VOCE,
    j2_law,
    norton_columns,
    voce_columns,
)
from romnet.laws.model import LawModel, ParameterValues
from romnet.laws.tables import ThermalExpansion


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read; PROPS in the order of the C source."""
    single = [*voce_columns(values), *norton_columns(values)]
    return j2_law("j2_viscoplastic", single, values, expansion, n_components=n_components)


MODEL = LawModel(
    name="j2_viscoplastic",
    summary="J2 flow, Voce and linear isotropic hardening, N Armstrong-Frederick back-stresses, "
    "Norton viscosity",
    equations="""\
stress = C(T) : (strain - thermal strain - ev),  f = J2(dev stress - X) - R(p)
R = R0 + H p + Q (1 - exp(-b p)),  X = (2/3) sum C_i a_i,  da_i = dev - D_i a_i dp
dp/dt = <f / K>^n, or f <= 0 if K = 0;  dev = (3/2) dp (dev stress - X) / J2(dev stress - X)""",
    parameters=(*ELASTIC, *VOCE, *NORTON, KINEMATIC),
    assemble=_assemble,
    example={
        "young": 2.0e5,
        "poisson": 0.3,
        "yield_stress": 10.0,
        "viscosity": 300.0,
        "exponent": 30.0,
        "kinematic": [{"modulus": 1.0e5, "recall": 1000.0}],
    },
)
