"""Linear elasticity of cubic crystals."""

from __future__ import annotations

from romnet.core.errors import LawError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.axes import AXES, CUBE_DIAGONALS, CUBE_EDGES, refuse_oblique_plane
from romnet.laws.model import LawModel, Parameter, ParameterValues
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, ThermalExpansion
from romnet.laws.umat import UmatLaw

CUBIC = (
    Parameter("c11", "stiffness c11 along a cube edge", "stress", above=0.0),
    Parameter("c12", "stiffness c12 between two cube edges", "stress"),
    Parameter("c44", "shear stiffness c44 in a cube face", "stress", above=0.0),
)


def refuse_unstable_cubic(properties: PropertyTable) -> None:
    """Refuse stiffnesses whose energy is not positive.

    Parameters
    ----------
    properties
        PROPS that begin with c11 and c12.

    Raises
    ------
    LawError
        Unless -c11/2 < c12 < c11 at every temperature.
    """
    c11, c12 = properties.values.T[:2]
    if ((c12 >= c11) | (c12 <= -0.5 * c11)).any():
        message = (
            f"parameters.c12: must lie between -c11/2 and c11 for a positive energy, got "
            f"{c12.tolist()} with c11 = {c11.tolist()}."
        )
        raise LawError(message)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read."""
    axes = values.columns[AXES.name]
    refuse_oblique_plane(axes, CUBE_EDGES + CUBE_DIAGONALS, n_components)
    properties = PropertyTable.merge([*(values[p.name] for p in CUBIC), *axes])
    refuse_unstable_cubic(properties)
    return UmatLaw(
        library_path("elastic_cubic"),
        "umat_",
        properties,
        expansion,
        n_components=n_components,
        n_statev=0,
        name="elastic_cubic",
        symmetric_tangent=True,
    )


MODEL = LawModel(
    name="elastic_cubic",
    summary="linear elasticity of a cubic crystal, in material axes",
    equations="""\
stress = C(T) : (strain - thermal strain)
C in the axes of the cube: C_iiii = c11, C_iijj = c12, C_ijij = c44""",
    parameters=(*CUBIC, AXES),
    assemble=_assemble,
    example={
        "c11": 2.45e5,
        "c12": 1.55e5,
        "c44": 1.25e5,
        "axes": {"first": [1.0, 1.0, 0.0], "second": [-1.0, 1.0, 0.0]},
    },
)
