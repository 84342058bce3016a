"""Norton creep without a threshold, with time hardening."""

from __future__ import annotations

from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.j2 import ELASTIC, j2_law
from romnet.laws.model import LawModel, Parameter, ParameterValues
from romnet.laws.tables import ThermalExpansion

_CREEP = (
    Parameter("coefficient", "coefficient A", "1/(stress^n time^(1+m))", at_least=0.0),
    Parameter("exponent", "exponent n of the stress", at_least=1.0),
    Parameter("time_exponent", "exponent m of the total time", default=0.0, above=-1.0),
)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read; PROPS in the order of the C source."""
    single = [values[parameter.name] for parameter in (*ELASTIC, *_CREEP)]
    return j2_law("norton_creep", single, values, expansion, n_components=n_components)


MODEL = LawModel(
    name="norton_creep",
    summary="Norton creep without a threshold, with time hardening",
    equations="""\
stress = C(T) : (strain - thermal strain - ev)
dp/dt = A J2(dev stress)^n t^m, t the total time (its power is integrated exactly)
dev = (3/2) dp dev stress / J2(dev stress)""",
    parameters=(*ELASTIC, *_CREEP),
    assemble=_assemble,
    example={"young": 2.0e5, "poisson": 0.3, "coefficient": 1.0e-17, "exponent": 5.0},
)
