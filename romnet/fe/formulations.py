"""What each code means by an element name: cell, integration rule, order of its points.

The order matters: stresses read from files belong to points by their place alone, and the points
of Z-set's ``c2d4`` and ``c2d8`` run along y first, those of its ``c3d8`` along x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.fe.cells import CELLS, ReferenceCell
from romnet.fe.quadrature import RULES, QuadratureRule


@dataclass(frozen=True)
class Formulation:
    """Element of one code.

    Attributes
    ----------
    name
        ``code:element``, such as ``"zset:c3d8"``.
    cell_type
        Geometric type (`romnet.fe.cells.CELLS`).
    rule
        Integration rule (`romnet.fe.quadrature.RULES`), which also fixes the order of the points.
    n_points
        Integration points of one cell, as the code documents it.
    temperature
        How the code takes nodal temperatures to its points: ``"nodes"`` by the shape functions,
        ``"mean"`` by the average of the nodes of the cell, ``"trilinear"`` by the trilinear
        function that meets the shape functions at the eight points of reduced integration.
    face_rules
        Integration rule of loads on faces of a type; those not named have their `mass_rule`.
    verified
        Whether the rule *and the order of its points* were checked against the code's results,
        its sources or tables it exports; where not, let romnet replay the stresses instead of
        reading them. The note tells where a table is the only evidence.
    note
        What else the code does with this element that romnet does not, and how the row was checked.
    """

    name: str
    cell_type: str
    rule: str
    n_points: int
    temperature: Literal["nodes", "mean", "trilinear"] = "nodes"
    face_rules: Mapping[str, str] = field(default_factory=dict)
    verified: bool = False
    note: str = ""

    @property
    def cell(self) -> ReferenceCell:
        """Reference cell."""
        return CELLS[self.cell_type]

    @property
    def quadrature(self) -> QuadratureRule:
        """Integration rule."""
        return RULES[self.rule]

    def temperature_shape(
        self, points: Float[Array, "n_points n_dim"]
    ) -> Float[Array, "n_points n_nodes"]:
        """Return what takes nodal temperatures to reference points, as the code does it [-].

        Examples
        --------
        In the middle of a fully integrated brick, where corners count less than nothing:

        >>> middle = np.zeros((1, 3))
        >>> FORMULATIONS["abaqus:C3D20"].temperature_shape(middle)[0, [0, 8]].round(6).tolist()
        [-0.125, 0.166667]
        """
        shape = self.cell.shape(points)
        if self.temperature == "mean":
            return np.full_like(shape, 1.0 / self.cell.n_nodes)
        if self.temperature == "trilinear":
            corners = CELLS["hex8"]
            sampled = self.cell.shape(corners.nodes / sqrt(3.0))
            return np.asarray(corners.shape(points * sqrt(3.0)) @ sampled)
        return shape

    def face_rule(self, face_type: str) -> QuadratureRule:
        """Return the rule that integrates loads on faces of a type.

        Examples
        --------
        >>> FORMULATIONS["abaqus:C3D6"].face_rule("quad4").n_points
        1
        """
        named = self.face_rules.get(face_type)
        return mass_rule(face_type) if named is None else RULES[named]


_FULL = {
    "tri3": "tri:1",
    "tri6": "tri:3",
    "quad4": "quad:4",
    "quad8": "quad:9",
    "quad9": "quad:9",
    "tet4": "tet:1",
    "tet10": "tet:4",
    "pyramid5": "pyramid:8",
    "wedge6": "wedge:6",
    "wedge15": "wedge:9",
    "hex8": "hex:8",
    "hex20": "hex:27",
    "hex27": "hex:27",
}
_REDUCED = {
    "quad4": "quad:1",
    "quad8": "quad:4",
    "quad9": "quad:4",
    "hex8": "hex:1",
    "hex20": "hex:8",
    "hex27": "hex:8",
    "wedge6": "wedge:2",
}
# Rules exact for products of two shape functions on cells with straight edges; all positive.
_MASS = {
    "line2": "line:2",
    "line3": "line:3",
    "tri3": "tri:3",
    "tri6": "tri:6",
    "quad4": "quad:4",
    "quad8": "quad:9",
    "quad9": "quad:9",
    "tet4": "tet:4",
    "tet10": "tet:14",
    "pyramid5": "pyramid:8",
    "wedge6": "wedge:6",
    "wedge15": "wedge:18",
    "hex8": "hex:8",
    "hex20": "hex:27",
    "hex27": "hex:27",
}

_HOURGLASS = "The code adds hourglass stiffness, which romnet does not."
_CALCULIX = "Checked against results of CalculiX 2.20, see cases/referee."
_ABAQUS_MEAN = (
    "CalculiX averages nodal temperatures over the cell. Abaqus averages volume strains over "
    f"the cell (selectively reduced integration), which romnet does not. {_CALCULIX}"
)
_EXPANDED = "CalculiX expands plane elements into solids: its points are those of the solid."
_COUNT_ONLY = "Number of points known, their order not checked."
_CATALOGUE = (
    "Rule and order as in the element catalogue that Z-set exports (the copy in muscat 2.5.2), "
    "compared through its shape functions; not checked against results."
)
_BARLOW = "Four points near the corner nodes, in the order of those nodes."

_TABLE: tuple[Formulation, ...] = (
    # Z-set: bricks x fastest, then y, then z; quadrangles y fastest; others in the order of nodes.
    Formulation(
        "zset:c3d8",
        "hex8",
        "hex:8",
        8,
        verified=True,
        note="Checked against results: stored strains are those of the stored displacements.",
    ),
    Formulation("zset:c3d8r", "hex8", "hex:1", 1, verified=True, note=f"{_HOURGLASS} {_CATALOGUE}"),
    Formulation("zset:c3d20", "hex20", "hex:27", 27, verified=True, note=_CATALOGUE),
    Formulation("zset:c3d20r", "hex20", "hex:8", 8, verified=True, note=_CATALOGUE),
    Formulation("zset:c3d4", "tet4", "tet:4", 4, verified=True, note=_CATALOGUE),
    Formulation(
        "zset:c3d10",
        "tet10",
        "tet:5",
        5,
        verified=True,
        note="Four points at barycentric (1/2, 1/6, 1/6, 1/6), then the centroid, whose weight is "
        f"negative. {_CATALOGUE}",
    ),
    Formulation("zset:c3d10_4", "tet10", "tet:4", 4, verified=True, note=f"{_BARLOW} {_CATALOGUE}"),
    Formulation("zset:c3d6", "wedge6", "wedge:6", 6, verified=True, note=_CATALOGUE),
    Formulation("zset:c3d15", "wedge15", "wedge:18", 18, verified=True, note=_CATALOGUE),
    Formulation("zset:c3d15r", "wedge15", "wedge:6", 6, verified=True, note=_CATALOGUE),
    Formulation("zset:c3d5", "pyramid5", "pyramid:5", 5, verified=True, note=_CATALOGUE),
    Formulation("zset:c2d3", "tri3", "tri:3", 3, verified=True, note=_CATALOGUE),
    Formulation("zset:c2d4", "quad4", "quad:4:y_first", 4, verified=True, note=_CATALOGUE),
    Formulation("zset:c2d6", "tri6", "tri:6", 6, verified=True, note=_CATALOGUE),
    Formulation("zset:c2d6r", "tri6", "tri:3", 3, verified=True, note=_CATALOGUE),
    Formulation("zset:c2d8", "quad8", "quad:9:y_first", 9, verified=True, note=_CATALOGUE),
    Formulation("zset:c2d8r", "quad8", "quad:4:y_first", 4, verified=True, note=_CATALOGUE),
    # Abaqus and CalculiX share names; orders are those of the sources of CalculiX.
    Formulation("abaqus:C3D4", "tet4", "tet:1", 1, verified=True, note=_CALCULIX),
    Formulation(
        "abaqus:C3D6",
        "wedge6",
        "wedge:2",
        2,
        face_rules={"quad4": "quad:1"},
        verified=True,
        note=_CALCULIX,
    ),
    Formulation(
        "abaqus:C3D8", "hex8", "hex:8", 8, temperature="mean", verified=True, note=_ABAQUS_MEAN
    ),
    Formulation(
        "abaqus:C3D8R",
        "hex8",
        "hex:1",
        1,
        face_rules={"quad4": "quad:1"},
        verified=True,
        note=_HOURGLASS,
    ),
    Formulation(
        "abaqus:C3D10",
        "tet10",
        "tet:4",
        4,
        face_rules={"tri6": "tri:3"},
        verified=True,
        note=f"{_BARLOW} {_CALCULIX}",
    ),
    Formulation(
        "abaqus:C3D15",
        "wedge15",
        "wedge:9",
        9,
        face_rules={"tri6": "tri:3", "quad8": "quad:4"},
        verified=True,
        note=_CALCULIX,
    ),
    Formulation(
        "abaqus:C3D20",
        "hex20",
        "hex:27",
        27,
        temperature="trilinear",
        verified=True,
        note=_CALCULIX,
    ),
    Formulation(
        "abaqus:C3D20R",
        "hex20",
        "hex:8",
        8,
        face_rules={"quad8": "quad:4"},
        verified=True,
        note=_CALCULIX,
    ),
    Formulation("abaqus:C3D27", "hex27", "hex:27", 27, note="Abaqus and CalculiX differ here."),
    Formulation("abaqus:CPE3", "tri3", "tri:1", 1, note=_EXPANDED),
    Formulation("abaqus:CPE4", "quad4", "quad:4", 4, temperature="mean", note=_EXPANDED),
    Formulation("abaqus:CPE4R", "quad4", "quad:1", 1, note=_HOURGLASS),
    Formulation("abaqus:CPE6", "tri6", "tri:3", 3, note=_EXPANDED),
    Formulation("abaqus:CPE8", "quad8", "quad:9", 9, note=_EXPANDED),
    Formulation("abaqus:CPE8R", "quad8", "quad:4", 4, note=_EXPANDED),
    # Ansys.
    Formulation(
        "ansys:SOLID185",
        "hex8",
        "hex:8",
        8,
        note="Default averages volume strains over the cell, which romnet does not. "
        "Order of the points not checked.",
    ),
    Formulation("ansys:SOLID186", "hex20", "hex:8", 8, note="Uniform reduced. " + _COUNT_ONLY),
    Formulation("ansys:SOLID186F", "hex20", "hex:14", 14, note="Full option. " + _COUNT_ONLY),
    Formulation("ansys:SOLID187", "tet10", "tet:4", 4, note=_COUNT_ONLY),
    # Files that say nothing about integration.
    *(
        Formulation(f"romnet:{cell}", cell, rule, RULES[rule].n_points, verified=True)
        for cell, rule in _FULL.items()
    ),
    *(
        Formulation(f"romnet:{cell}_reduced", cell, rule, RULES[rule].n_points, verified=True)
        for cell, rule in _REDUCED.items()
    ),
)

FORMULATIONS: Mapping[str, Formulation] = MappingProxyType({row.name: row for row in _TABLE})
"""Every element formulation by its name."""


def formulation(name: str) -> Formulation:
    """Return the formulation of this name.

    Raises
    ------
    StudyError
        If there is none; the message lists those of the same code.

    Examples
    --------
    >>> formulation("zset:c3d10").quadrature.weights.min().round(6)
    -0.133333
    """
    if name not in FORMULATIONS:
        code = name.split(":", maxsplit=1)[0]
        known = [other for other in FORMULATIONS if other.startswith(code + ":")]
        message = (
            f"element formulation {name!r} is unknown; known for {code}: {', '.join(known)}."
            if known
            else f"element formulation {name!r} is unknown; use 'romnet:<cell>', such as "
            f"{default_formulation('hex8')!r}."
        )
        raise StudyError(message)
    return FORMULATIONS[name]


def default_formulation(cell_type: str) -> str:
    """Return the formulation of cells from files that name none.

    Raises
    ------
    StudyError
        If romnet integrates no cell of this type.

    Examples
    --------
    >>> default_formulation("hex8")
    'romnet:hex8'
    """
    if cell_type not in _FULL:
        message = f"cells of type {cell_type!r} are not integrated; known: {', '.join(_FULL)}."
        raise StudyError(message)
    return f"romnet:{cell_type}"


def mass_rule(cell_type: str) -> QuadratureRule:
    """Return a rule with positive weights that integrates products of shape functions.

    Exact on cells with straight edges and parallel faces; also the rule of loads on faces.

    Examples
    --------
    >>> mass_rule("tet10").n_points, mass_rule("tet10").degree
    (14, 5)
    """
    return RULES[_MASS[cell_type]]
