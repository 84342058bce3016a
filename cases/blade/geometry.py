"""A turbine blade with platform and root, drawn and meshed by gmsh.

The root sits on the plane z = 0 and the airfoil grows along z, away from the axis of the engine,
which is parallel to x. Lengths in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gmsh
import numpy as np


@dataclass(frozen=True)
class Blade:
    """Dimensions [mm] and angles [degree].

    Attributes
    ----------
    span
        Height of the airfoil.
    chord
        Chord at the platform and at the tip.
    thickness
        Largest thickness, as part of the chord, at the platform and at the tip.
    stagger
        Angle between chord and engine axis at the platform and at the tip.
    camber
        Height of the camber line, as part of the chord.
    trailing_edge
        Thickness there, as part of the chord.
    platform
        Axial length, width and height of the platform.
    root
        Width of the neck, width of the lobe and height of the root.
    """

    span: float = 60.0
    chord: tuple[float, float] = (32.0, 26.0)
    thickness: tuple[float, float] = (0.20, 0.12)
    stagger: tuple[float, float] = (20.0, 42.0)
    camber: float = 0.14
    trailing_edge: float = 0.05
    platform: tuple[float, float, float] = (40.0, 30.0, 5.0)
    root: tuple[float, float, float] = (12.0, 19.0, 16.0)


_SOLID = 3
_SECTIONS = 5
_PER_SIDE = 13
_NEAR = 1e-3  # [mm] and [-]
_EMBEDDED = 2.0  # of the airfoil in the platform, so that the two are one body


def mesh_blade(path: Path, *, cell_size: float, blade: Blade | None = None) -> None:
    """Draw the blade and mesh it with ten-node tetrahedra.

    Parameters
    ----------
    path
        File to write, ``.msh``, with the groups ``blade`` (cells), ``contact`` (flanks of the root,
        which the disc holds), ``foot`` (bottom of the root), ``pressure_side``, ``suction_side``
        and ``tip`` (faces).
    cell_size
        Of the platform and the root [mm]; the airfoil is meshed finer.
    blade
        Dimensions.
    """
    blade = blade or Blade()
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("General.NumThreads", 1)  # the same mesh every time
        _draw(blade)
        _name_groups(blade)
        _mesh(blade, cell_size)
        gmsh.write(str(path))
    finally:
        gmsh.finalize()


def section(blade: Blade, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the suction and the pressure side at a height, from nose to trailing edge.

    A half-cosine camber line carries a thickness of the four-digit kind, scaled to end blunt.
    """
    chord, thickness, stagger = (
        float(np.interp(height, (0.0, 1.0), ends))
        for ends in (blade.chord, blade.thickness, blade.stagger)
    )
    x = 0.5 * (1.0 - np.cos(np.linspace(0.0, np.pi, _PER_SIDE)))
    camber = blade.camber * np.sin(np.pi * x)
    round_nose = 2.969 * np.sqrt(x) - 1.26 * x - 3.516 * x**2 + 2.843 * x**3 - 1.036 * x**4
    half = 0.5 * thickness * round_nose + 0.5 * blade.trailing_edge * x
    angle = np.radians(stagger)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([0.5, 0.5 * blade.camber])
    sides = (np.stack([x, camber + sign * half], axis=1) - middle for sign in (1.0, -1.0))
    suction, pressure = (chord * side @ turn.T for side in sides)
    return suction, pressure


def _draw(blade: Blade) -> None:
    """Fuse airfoil, platform and root into one body."""
    occ = gmsh.model.occ
    _, _, root_height = blade.root
    length, width, height = blade.platform
    floor = root_height + height - _EMBEDDED
    loops = []
    for share in np.linspace(0.0, 1.0, _SECTIONS):
        z = floor + share * (blade.span + _EMBEDDED)
        suction, pressure = section(blade, float(share))
        nose = occ.addPoint(*suction[0], z)
        upper = [occ.addPoint(*point, z) for point in suction[1:]]
        lower = [occ.addPoint(*point, z) for point in pressure[1:]]
        curves = [
            occ.addBSpline([nose, *upper]),
            occ.addLine(upper[-1], lower[-1]),
            occ.addBSpline([*reversed(lower), nose]),
        ]
        loops.append(occ.addCurveLoop(curves))
    airfoil = occ.addThruSections(loops, makeSolid=True, maxDegree=3)
    platform = occ.addBox(-length / 2, -width / 2, root_height, length, width, height)
    profile = _root_profile(blade)
    corners = [occ.addPoint(-length / 2, y, z) for y, z in profile]
    edges = [occ.addLine(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    face = occ.addPlaneSurface([occ.addCurveLoop(edges)])
    root = [entity for entity in occ.extrude([(2, face)], length, 0, 0) if entity[0] == _SOLID]
    occ.fuse(airfoil, [(3, platform), *root])
    occ.synchronize()


def _root_profile(blade: Blade) -> list[tuple[float, float]]:
    """Return the outline of the root in the plane (y, z): a neck over a dovetail lobe."""
    neck, lobe, height = blade.root
    half = [(lobe / 2, 0.0), (lobe / 2, 0.3 * height), (neck / 2, 0.7 * height), (neck / 2, height)]
    return [*half, *((-y, z) for y, z in reversed(half))]


def _name_groups(blade: Blade) -> None:
    """Name the faces by where they are."""
    root_height, top = blade.root[2], blade.root[2] + blade.platform[2]
    groups: dict[str, list[int]] = {
        name: [] for name in ("contact", "foot", "pressure_side", "suction_side", "tip")
    }
    for _, tag in gmsh.model.getEntities(2):
        x, y, z = gmsh.model.occ.getCenterOfMass(2, tag)
        if z < _NEAR:
            groups["foot"].append(tag)
        elif z < 0.7 * root_height and _is_flank(gmsh.model.getNormal(tag, _middle(tag))):
            groups["contact"].append(tag)
        elif z > top + blade.span - _NEAR:
            groups["tip"].append(tag)
        elif z > top + 0.1 * blade.span:
            side = _side(blade, (z - top) / blade.span, x, y)
            if side:
                groups[side].append(tag)
    gmsh.model.addPhysicalGroup(3, [tag for _, tag in gmsh.model.getEntities(3)], name="blade")
    for name, tags in groups.items():
        gmsh.model.addPhysicalGroup(2, tags, name=name)


def _middle(tag: int) -> list[float]:
    """Return the middle of the parameters of a face."""
    low, high = gmsh.model.getParametrizationBounds(2, tag)
    return [0.5 * (a + b) for a, b in zip(low, high, strict=True)]


def _is_flank(normal: np.ndarray) -> bool:
    """Whether a face of the root is one of the slanted ones by which the disc holds it."""
    _, across, upward = np.abs(normal)
    return bool(across > _NEAR and upward > _NEAR)


def _side(blade: Blade, height: float, x: float, y: float) -> str:
    """Return on which side of the airfoil a point is; nothing near the trailing edge."""
    suction, pressure = section(blade, height)
    middle = 0.5 * (suction + pressure)
    edge = np.linalg.norm(middle[-1] - (x, y))
    if edge < 0.05 * np.linalg.norm(middle[-1] - middle[0]):
        return ""
    nearest = int(np.argmin(np.linalg.norm(middle - (x, y), axis=1)))
    across = suction[nearest] - pressure[nearest]
    offset = float((np.array([x, y]) - middle[nearest]) @ across)
    return "suction_side" if offset > 0.0 else "pressure_side"


def _mesh(blade: Blade, cell_size: float) -> None:
    """Mesh finer towards the airfoil and its foot."""
    top = blade.root[2] + blade.platform[2]
    field = gmsh.model.mesh.field
    box = field.add("Box")
    length, width, _ = blade.platform
    for key, value in {
        "VIn": 0.55 * cell_size,
        "VOut": cell_size,
        "XMin": -length / 2,
        "XMax": length / 2,
        "YMin": -width / 2,
        "YMax": width / 2,
        "ZMin": top - 1.0,
        "ZMax": top + blade.span,
        "Thickness": 6.0,
    }.items():
        field.setNumber(box, key, value)
    field.setAsBackgroundMesh(box)
    for key in ("ExtendFromBoundary", "FromPoints", "FromCurvature"):
        gmsh.option.setNumber(f"Mesh.MeshSize{key}", 0)
    gmsh.option.setNumber("Mesh.Algorithm3D", 1)
    gmsh.option.setNumber("Mesh.MshFileVersion", 4.1)
    gmsh.option.setNumber("Mesh.HighOrderOptimize", 2)
    gmsh.model.mesh.generate(3)
    gmsh.model.mesh.optimize("Netgen")
    gmsh.model.mesh.setOrder(2)
