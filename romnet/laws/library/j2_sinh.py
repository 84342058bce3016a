"""Von Mises viscoplasticity whose rate is a power of the hyperbolic sine of the overstress."""

from __future__ import annotations

from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.j2 import ELASTIC, KINEMATIC, VOCE, j2_law, voce_columns
from romnet.laws.model import LawModel, Parameter, ParameterValues
from romnet.laws.tables import ThermalExpansion

_FLOW = (
    Parameter("rate", "rate e0 of the flow", "1/time", at_least=0.0),
    Parameter("drag_stress", "drag stress K of the flow", "stress", above=0.0),
    Parameter("exponent", "exponent n of the hyperbolic sine", default=1.0, at_least=1.0),
)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read; PROPS in the order of the C source."""
    single = [*voce_columns(values), *(values[parameter.name] for parameter in _FLOW)]
    return j2_law("j2_sinh", single, values, expansion, n_components=n_components)


MODEL = LawModel(
    name="j2_sinh",
    summary="J2 flow, Voce and linear isotropic hardening, N Armstrong-Frederick back-stresses, "
    "hyperbolic-sine viscosity",
    equations="""\
stress = C(T) : (strain - thermal strain - ev),  f = J2(dev stress - X) - R(p)
R = R0 + H p + Q (1 - exp(-b p)),  X = (2/3) sum C_i a_i,  da_i = dev - D_i a_i dp
dp/dt = e0 sinh(<f> / K)^n;  dev = (3/2) dp (dev stress - X) / J2(dev stress - X)""",
    parameters=(*ELASTIC, *VOCE, *_FLOW, KINEMATIC),
    assemble=_assemble,
    example={
        "young": 1.8e5,
        "poisson": 0.3,
        "yield_stress": 40.0,
        "saturation": 50.0,
        "saturation_rate": 20.0,
        "rate": 1.0e-6,
        "drag_stress": 15.0,
        "exponent": 1.5,
        "kinematic": [{"modulus": 4.0e4, "recall": 400.0}],
    },
)
