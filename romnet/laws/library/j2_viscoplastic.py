"""Von Mises viscoplasticity with nonlinear isotropic and kinematic hardening."""

from __future__ import annotations

from romnet.core.errors import LawError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.elastic import POISSON, YOUNG
from romnet.laws.model import LawModel, Parameter, ParameterValues
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, ThermalExpansion
from romnet.laws.umat import UmatLaw

_SINGLE = (
    "young",
    "poisson",
    "yield_stress",
    "hardening",
    "saturation",
    "saturation_rate",
    "viscosity",
    "exponent",
)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read; PROPS in the order of the C source."""
    values.demand("saturation_rate", because_of="saturation")
    values.demand("exponent", because_of="viscosity")
    pairs = values.groups["kinematic"]
    properties = PropertyTable.merge(
        [values[name] for name in _SINGLE]
        + [table for pair in pairs for table in (pair["modulus"], pair["recall"])]
    )
    _check_softening(properties)
    n = n_components
    fields = {"p": slice(0, 1), "viscoplastic_strain": slice(1, 1 + n)}
    for number in range(1, len(pairs) + 1):
        fields[f"back_strain_{number}"] = slice(1 + n * number, 1 + n * (number + 1))
    return UmatLaw(
        library_path("j2_viscoplastic"),
        "umat_",
        properties,
        expansion,
        n_components=n,
        n_statev=1 + n * (1 + len(pairs)),
        statev_fields=fields,
        name="j2_viscoplastic",
        symmetric_tangent=not any(pair["recall"].values.any() for pair in pairs),
    )


def _check_softening(properties: PropertyTable) -> None:
    """Refuse isotropic softening that is steeper than the elastic unloading."""
    young, poisson, _, hardening, saturation, rate = properties.values.T[:6]
    steepest = hardening + (saturation * rate).clip(max=0.0)
    limit = -1.5 * young / (1.0 + poisson)
    if (steepest <= limit).any():
        message = (
            f"parameters.hardening: softens with {steepest.min():g}; it must stay above "
            f"-3 mu = {limit.max():g} for the stress to be unique."
        )
        raise LawError(message)


MODEL = LawModel(
    name="j2_viscoplastic",
    summary="J2 flow, Voce and linear isotropic hardening, N Armstrong-Frederick back-stresses, "
    "Norton viscosity",
    equations="""\
stress = C(T) : (strain - thermal strain - ev),  f = J2(dev stress - X) - R(p)
R = R0 + H p + Q (1 - exp(-b p)),  X = (2/3) sum C_i a_i,  da_i = dev - D_i a_i dp
dp/dt = <f / K>^n, or f <= 0 if K = 0;  dev = (3/2) dp (dev stress - X) / J2(dev stress - X)""",
    parameters=(
        YOUNG,
        POISSON,
        Parameter(
            "yield_stress", "initial radius R0 of the elastic domain", "stress", at_least=0.0
        ),
        Parameter("hardening", "linear isotropic hardening H", "stress", default=0.0),
        Parameter("saturation", "amplitude Q of the Voce hardening", "stress", default=0.0),
        Parameter("saturation_rate", "rate b of the Voce hardening", default=0.0, at_least=0.0),
        Parameter(
            "viscosity",
            "drag stress K of the Norton flow; 0 is rate independent",
            "stress time^(1/n)",
            default=0.0,
            at_least=0.0,
        ),
        Parameter("exponent", "exponent n of the Norton flow", default=1.0, at_least=1.0),
        Parameter(
            "kinematic",
            "back-stresses",
            group=(
                Parameter("modulus", "modulus C_i", "stress", at_least=0.0),
                Parameter("recall", "dynamic recall D_i", default=0.0, at_least=0.0),
            ),
        ),
    ),
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
