"""Viscoplasticity of a face-centred cubic crystal on its twelve octahedral slip systems."""

from __future__ import annotations

from collections.abc import Mapping

from romnet.core.errors import StudyError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.axes import AXES, CUBE_DIAGONALS, CUBE_EDGES, refuse_oblique_plane
from romnet.laws.library.elastic_cubic import CUBIC, refuse_unstable_cubic
from romnet.laws.model import LawModel, Parameter, ParameterValues, Structure, unknown_name
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, Table, ThermalExpansion
from romnet.laws.umat import UmatLaw

N_SYSTEMS = 12
_KINDS = ("self", "coplanar", "collinear", "hirth", "glissile", "lomer")
_FORM = "{" + ", ".join(f"{kind}: h" for kind in _KINDS) + "}, each 1 if left out"


def _read_interaction(given: object, where: str) -> tuple[Table, ...]:
    """Return the six coefficients of the interaction matrix."""
    if not isinstance(given, Mapping):
        message = f"{where}: must be {_FORM}, got {given!r}."
        raise StudyError(message)
    for name in given:
        if name not in _KINDS:
            message = f"{where}: {unknown_name(str(name), list(_KINDS))}"
            raise StudyError(message)
    entries = (Parameter(kind, "interaction", at_least=0.0) for kind in _KINDS)
    return tuple(
        entry.read(given.get(entry.name, 1.0), f"{where}.{entry.name}") for entry in entries
    )


_SINGLE = (
    *CUBIC,
    Parameter("critical_stress", "initial critical resolved shear stress r0", "stress", above=0.0),
    Parameter(
        "saturation", "amplitude Q of the isotropic hardening", "stress", default=0.0, at_least=0.0
    ),
    Parameter("saturation_rate", "rate b of the isotropic hardening", default=0.0, at_least=0.0),
    Parameter("viscosity", "drag stress K of the Norton flow", "stress time^(1/n)", above=0.0),
    Parameter("exponent", "exponent n of the Norton flow", at_least=1.0),
    Parameter(
        "modulus", "modulus c of the kinematic hardening", "stress", default=0.0, at_least=0.0
    ),
    Parameter("recall", "dynamic recall d of the kinematic hardening", default=0.0, at_least=0.0),
)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read; PROPS in the order of the C source."""
    values.demand("saturation_rate", because_of="saturation")
    axes = values.columns[AXES.name]
    refuse_oblique_plane(axes, CUBE_EDGES + CUBE_DIAGONALS, n_components)
    properties = PropertyTable.merge(
        [*(values[p.name] for p in _SINGLE), *values.columns["interaction"], *axes]
    )
    refuse_unstable_cubic(properties)
    names = ("slip", "cumulated_slip", "kinematic_slip")
    fields = {"p": slice(0, 1)} | {
        name: slice(1 + N_SYSTEMS * i, 1 + N_SYSTEMS * (i + 1)) for i, name in enumerate(names)
    }
    return UmatLaw(
        library_path("crystal_plasticity"),
        "umat_",
        properties,
        expansion,
        n_components=n_components,
        n_statev=1 + 3 * N_SYSTEMS,
        statev_fields=fields,
        name="crystal_plasticity",
        symmetric_tangent=not values["saturation"].values.any(),
    )


MODEL = LawModel(
    name="crystal_plasticity",
    summary="cubic crystal with 12 octahedral slip systems, Norton flow, interacting isotropic and "
    "nonlinear kinematic hardening, in material axes",
    equations="""\
stress = C(T) : (strain - thermal strain - sum_s g_s m_s),  tau_s = m_s : stress
m_s = sym(direction x normal) of <110>{111},  n_s = integral of |dg_s|,  p = sum_s n_s
dg_s/dt = <(|tau_s - x_s| - r_s) / K>^n sign(tau_s - x_s)
r_s = r0 + Q sum_t h_st (1 - exp(-b n_t)),  x_s = c a_s,  da_s = dg_s - d a_s dn_s
system 3 a + k: normal (1,1,1), (-1,1,1), (1,-1,1) or (1,1,-1), direction e_k x normal""",
    parameters=(
        *_SINGLE,
        Parameter(
            "interaction",
            "coefficients h of the hardening of one system by another, by the kind of the pair",
            structure=Structure(_FORM, _read_interaction, {}),
        ),
        AXES,
    ),
    assemble=_assemble,
    example={
        "c11": 2.45e5,
        "c12": 1.55e5,
        "c44": 1.25e5,
        "critical_stress": 100.0,
        "saturation": 15.0,
        "saturation_rate": 20.0,
        "viscosity": 150.0,
        "exponent": 10.0,
        "modulus": 5.0e4,
        "recall": 1000.0,
        "interaction": dict.fromkeys(_KINDS, 1.0),
        "axes": {"first": [1.0, 0.0, 0.0], "second": [0.0, 1.0, 0.0]},
    },
)
