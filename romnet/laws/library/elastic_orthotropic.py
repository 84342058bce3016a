"""Orthotropic linear elasticity."""

from __future__ import annotations

import numpy as np

from romnet.core.errors import LawError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.axes import AXES, CUBE_EDGES, refuse_oblique_plane
from romnet.laws.model import LawModel, Parameter, ParameterValues
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, ThermalExpansion
from romnet.laws.umat import UmatLaw

_PAIRS = ((1, 2), (1, 3), (2, 3))
_CONSTANTS = (
    *(
        Parameter(f"young_{i}", f"Young's modulus along material axis {i}", "stress", above=0.0)
        for i in (1, 2, 3)
    ),
    *(
        Parameter(
            f"poisson_{i}{j}",
            f"minus the strain along axis {j} per strain along axis {i}, under a stress along {i}",
        )
        for i, j in _PAIRS
    ),
    *(
        Parameter(f"shear_{i}{j}", f"shear modulus between axes {i} and {j}", "stress", above=0.0)
        for i, j in _PAIRS
    ),
)


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read."""
    axes = values.columns[AXES.name]
    refuse_oblique_plane(axes, CUBE_EDGES, n_components)
    properties = PropertyTable.merge([*(values[p.name] for p in _CONSTANTS), *axes])
    _refuse_unstable(properties)
    return UmatLaw(
        library_path("elastic_orthotropic"),
        "umat_",
        properties,
        expansion,
        n_components=n_components,
        n_statev=0,
        name="elastic_orthotropic",
        symmetric_tangent=True,
    )


def _refuse_unstable(properties: PropertyTable) -> None:
    """Refuse constants whose energy is not positive."""
    for row in properties.values:
        (e1, e2, e3), (nu12, nu13, nu23) = row[:3], row[3:6]
        # With nu_ij scaled by sqrt(Ej/Ei) the compliance has ones on its diagonal.
        scaled = nu12 * np.sqrt(e2 / e1), nu13 * np.sqrt(e3 / e1), nu23 * np.sqrt(e3 / e2)
        a, b, c = scaled
        smallest = np.linalg.eigvalsh([[1.0, -a, -b], [-a, 1.0, -c], [-b, -c, 1.0]])[0]
        if not smallest > 0.0:
            message = (
                f"parameters.poisson_12, poisson_13, poisson_23: {nu12:g}, {nu13:g}, {nu23:g} with "
                f"Young's moduli {e1:g}, {e2:g}, {e3:g} give a negative energy; are they meant "
                "as nu_21, nu_31, nu_32 = nu_ij E_j / E_i?"
            )
            raise LawError(message)


MODEL = LawModel(
    name="elastic_orthotropic",
    summary="orthotropic linear elasticity, in material axes",
    equations="""\
strain - thermal strain = S(T) : stress, in the material axes
S_iiii = 1/E_i,  S_iijj = -nu_ij/E_i = -nu_ji/E_j,  4 S_ijij = 1/G_ij""",
    parameters=(*_CONSTANTS, AXES),
    assemble=_assemble,
    example={
        "young_1": 1.4e5,
        "young_2": 1.0e4,
        "young_3": 8.0e3,
        "poisson_12": 0.3,
        "poisson_13": 0.28,
        "poisson_23": 0.4,
        "shear_12": 5.0e3,
        "shear_13": 4.5e3,
        "shear_23": 3.5e3,
        "axes": {"first": [1.0, 1.0, 0.0], "second": [-1.0, 1.0, 0.0]},
    },
)
