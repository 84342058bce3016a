"""Crystal plasticity: Schmid's law, the symmetry of the cube, and the kinds of pairs."""

from __future__ import annotations

import ctypes
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from romnet.core.errors import LawError, StudyError
from romnet.laws.contract import TimeStep
from romnet.laws.native import library_path
from romnet.laws.registry import build_law

BASE = {"c11": 2.4e5, "c12": 1.5e5, "c44": 1.2e5, "critical_stress": 100.0,
        "viscosity": 150.0, "exponent": 10.0}  # fmt: skip
HARDENING = {"saturation": 20.0, "saturation_rate": 15.0, "modulus": 5e4, "recall": 1000.0}
UNEQUAL = {"coplanar": 1.2, "collinear": 3.0, "hirth": 0.6, "glissile": 1.6, "lomer": 1.8}
SCHMID = 1.0 / np.sqrt(6.0)
COMPLIANCE = (2.4e5 + 1.5e5) / ((2.4e5 - 1.5e5) * (2.4e5 + 2 * 1.5e5))  # along an edge
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def crystal(n_components=6, axes=None, **parameters):
    given = {**BASE, **parameters}
    if axes is not None:
        given["axes"] = {"first": axes[0].tolist(), "second": axes[1].tolist()}
    return build_law({"law": "crystal_plasticity", "parameters": given}, n_components=n_components)


def turn(rotation, voigt, *, strain):
    """Voigt components of symmetric tensors after a rotation of the body."""
    rows = np.atleast_2d(voigt)
    full = np.empty((len(rows), 3, 3))
    for column, (i, j) in enumerate(PAIRS):
        half = 0.5 if strain and i != j else 1.0
        full[:, i, j] = full[:, j, i] = half * rows[:, column]
    full = rotation @ full @ rotation.T
    twice = [1, 1, 1, 2, 2, 2] if strain else [1] * 6
    return np.stack(
        [factor * full[:, i, j] for factor, (i, j) in zip(twice, PAIRS, strict=True)], axis=1
    )


def test_tension_along_a_cube_edge_slips_alike_on_eight_systems(stretch):
    law = crystal(**HARDENING, interaction=UNEQUAL)
    answer = stretch(law, np.linspace(0.002, 0.02, 10), dt=0.1)
    slip = answer.state[0, law.state_fields["slip"]]
    active = abs(slip) > 1e-12
    assert active.sum() == 8
    np.testing.assert_allclose(abs(slip[active]), abs(slip).max(), rtol=1e-9)
    # Slip across the edge that is pulled does nothing along it; the other systems do it all.
    assert not active[0::3].any()
    plastic = 0.02 - answer.stress[0, 0] * COMPLIANCE
    assert abs(slip).sum() * SCHMID == pytest.approx(plastic, rel=1e-9)


@pytest.mark.parametrize("rate", [1e-4, 1.0])
def test_steady_tension_along_a_cube_edge_obeys_schmid_and_norton(stretch, rate):
    law = crystal(modulus=5e4, recall=1000.0)
    answer = stretch(law, np.linspace(0.005, 0.1, 20), dt=0.005 / rate)
    each = rate / (8.0 * SCHMID)
    resolved = 100.0 + 5e4 / 1000.0 + 150.0 * each**0.1
    assert answer.stress[0, 0] == pytest.approx(resolved / SCHMID, rel=1e-6)


def test_below_the_critical_resolved_stress_the_crystal_is_cubic_elastic(load):
    limit = 100.0 / SCHMID
    answers = load(crystal(), [0.999 * limit, 1.05 * limit], [1.0, 2.0])
    assert answers[0][1].state[0, 7] == 0.0
    assert answers[0][0] == pytest.approx(0.999 * limit * COMPLIANCE, rel=1e-12)
    assert answers[1][1].state[0, 7] > 0.0


def test_hardening_saturates_at_the_sum_of_a_row_of_the_interaction_matrix(stretch):
    law = crystal(
        viscosity=1e-3, saturation=20.0, saturation_rate=2e3, interaction={"self": 2.0, **UNEQUAL}
    )
    answer = stretch(law, np.linspace(0.005, 0.1, 20), dt=1.0)
    slip = answer.state[0, law.state_fields["slip"]]
    kinds = geometric_kinds()
    weights = np.array([2.0, *UNEQUAL.values()])[kinds]
    active = abs(slip) > 1e-9
    rows = weights[np.ix_(active, active)].sum(axis=1)
    assert np.ptp(rows) < 1e-12
    assert answer.stress[0, 0] == pytest.approx((100.0 + 20.0 * rows[0]) / SCHMID, rel=1e-4)


def test_a_vanishing_viscosity_has_a_limit(drive):
    path = 4e-3 * np.random.default_rng(0).normal(size=(3, 10, 6))
    small, smaller, smallest = (
        drive(crystal(**HARDENING, viscosity=k), path).stress for k in (1e-1, 1e-2, 1e-3)
    )
    first, second = abs(small - smaller).max(), abs(smaller - smallest).max()
    assert first < 1.0
    assert second == pytest.approx(0.1 * first, rel=0.05)


def cube_rotations():
    """The 24 rotations that map a cube onto itself."""
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.eye(3)[list(order)] * np.array(signs)[:, None]
            if np.linalg.det(matrix) > 0.0:
                yield matrix


def test_a_rotation_of_the_cube_onto_itself_changes_nothing(drive):
    path = 3e-3 * np.random.default_rng(2).normal(size=(3, 3, 6))
    plain = drive(crystal(**HARDENING, interaction=UNEQUAL), path)
    rotations = list(cube_rotations())
    assert len(rotations) == 24
    for rotation in rotations:
        turned = drive(crystal(axes=rotation, **HARDENING, interaction=UNEQUAL), path)
        size = abs(plain.stress).max()
        np.testing.assert_allclose(turned.stress, plain.stress, rtol=0, atol=1e-9 * size)
        assert turned.state[:, 7] == pytest.approx(plain.state[:, 7], rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_law_is_objective(drive, seed):
    rotation = Rotation.random(random_state=seed).as_matrix()
    path = 3e-3 * np.random.default_rng(seed).normal(size=(3, 4, 6))
    expected = turn(rotation, drive(crystal(**HARDENING), path).stress, strain=False)
    moved = [turn(rotation, step, strain=True) for step in path]
    # Rows of the rotated body's axes: where the rotation takes the edges of the cube.
    found = drive(crystal(axes=rotation.T, **HARDENING), moved).stress
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * abs(expected).max())


@pytest.mark.parametrize("first", [[1.0, 2.0, 0.0], [1.0, 0.0, 1.0]])
def test_plane_strain_is_space_without_strain_across(drive, first):
    axes = (
        np.array([first, [-first[1], first[0], 0.0]]) if first[1] else np.array([first, [0, 1, 0]])
    )
    path = 3e-3 * np.random.default_rng(4).normal(size=(3, 5, 6))
    path[..., 4:] = 0.0
    space = drive(crystal(axes=axes, **HARDENING), path)
    plane = drive(crystal(4, axes=axes, **HARDENING), path[..., :4])
    np.testing.assert_allclose(plane.stress, space.stress[:, :4], rtol=0, atol=1e-8)
    np.testing.assert_allclose(plane.tangent, space.tangent[:, :4, :4], rtol=0, atol=1e-4)
    assert abs(space.stress[:, 4:]).max() < 1e-8


def test_an_oblique_plane_is_refused():
    axes = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0]])
    with pytest.raises(LawError, match="plane strain needs axis 3"):
        crystal(4, axes=axes)


def geometry():
    """Normals and directions in the documented order."""
    normals = np.array([[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    return [(n, np.cross(np.eye(3, dtype=int)[k], n)) for n in normals for k in range(3)]


def geometric_kinds():
    """Kind of each pair from normals and Burgers vectors alone."""
    systems = geometry()
    kinds = np.empty((12, 12), dtype=int)
    for (s, (n, b)), (t, (m, c)) in product(enumerate(systems), repeat=2):
        same_plane, cosine = abs(n @ m) == 3, b @ c
        # The direction into which both would react: the short one of b - c and b + c.
        reaction = b - np.sign(cosine) * c
        glissile = n @ reaction == 0 or m @ reaction == 0
        kinds[s, t] = (
            (0 if s == t else 1) if same_plane
            else 2 if abs(cosine) == 2
            else 3 if cosine == 0
            else 4 if glissile else 5
        )  # fmt: skip
    return kinds


def test_slip_systems_and_kinds_of_pairs_are_those_of_crystallography(compile_library):
    header = library_path("batch").with_name("octahedral.h")
    library = ctypes.CDLL(
        str(
            compile_library(
                f'#include "{header}"\n'
                "int kind(int s, int t) { return pair_kind(s, t); }\n"
                "void strains(double *out) { slip_strains((double (*)[FULL])out); }\n"
            )
        )
    )
    kinds = np.array([[library.kind(s, t) for t in range(12)] for s in range(12)])
    np.testing.assert_array_equal(kinds, geometric_kinds())
    assert [int(n) for n in np.bincount(kinds[0])] == [1, 2, 1, 2, 4, 2]
    strains = np.empty((12, 6))
    library.strains(strains.ctypes.data_as(ctypes.c_void_p))
    for row, (normal, direction) in zip(strains, geometry(), strict=True):
        assert normal @ direction == 0
        full = np.outer(direction, normal) / np.sqrt(6.0)
        full = 0.5 * (full + full.T)
        expected = [(1.0 if i == j else 2.0) * full[i, j] for i, j in PAIRS]
        np.testing.assert_allclose(row, expected, atol=1e-15)


@settings(deadline=None, max_examples=60)
@given(
    strain=st.lists(st.floats(-1.0, 1.0), min_size=12, max_size=12),
    scale=st.floats(-7.0, -2.0),
    viscosity=st.floats(-2.0, 3.0),
    exponent=st.floats(5.0, 30.0),  # nearly linear flow may ask for a smaller step
    dt=st.floats(-6.0, 6.0),
)
@example(
    strain=[1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3125, -0.0625, 0.0, 0.0, 0.75],
    scale=-2.0,
    viscosity=2.0,
    exponent=10.0,
    dt=0.0,
)
def test_no_ordinary_point_fails_and_the_flow_rule_holds(strain, scale, viscosity, exponent, dt):
    law = crystal(viscosity=10.0**viscosity, exponent=exponent, **HARDENING)
    warm, step = np.array([20.0]), TimeStep(0.0, 10.0**dt)
    first, second = 10.0**scale * np.array(strain).reshape(2, 1, 6)
    loaded = law.integrate(0 * first, first, law.initial_state(warm), warm, warm, step)
    assert loaded.ok
    answer = law.integrate(first, second, loaded.state, warm, warm, step)
    assert answer.ok
    before = {name: loaded.state[0, c] for name, c in law.state_fields.items()}
    after = {name: answer.state[0, c] for name, c in law.state_fields.items()}
    schmid = np.stack(
        [0.5 * (np.outer(b, n) + np.outer(n, b)) / np.sqrt(6.0) for n, b in geometry()]
    )
    full = np.empty((3, 3))
    for value, (i, j) in zip(after["stress"], PAIRS, strict=True):
        full[i, j] = full[j, i] = value
    driving = np.einsum("sij,ij->s", schmid, full) - 5e4 * after["kinematic_slip"]
    resistance = 100.0 + 20.0 * (1.0 - np.exp(-15.0 * after["cumulated_slip"])).sum()
    slip = after["slip"] - before["slip"]
    tolerance = 1e-9 * max(abs(driving).max(), 100.0)
    over = 10.0**viscosity * (abs(slip) / step.length) ** (1.0 / exponent)
    active = abs(slip) > 1e-13  # what is left of a difference of sums
    expected = np.sign(slip) * (resistance + over)
    np.testing.assert_allclose(
        driving[active], expected[active], rtol=1e-6, atol=max(tolerance, 1e-3)
    )
    # A slip below the last digit of what has slipped before is lost in the difference.
    lost = 10.0**viscosity * (np.spacing(abs(after["slip"])) / step.length) ** (1.0 / exponent)
    idle = slip == 0.0
    assert (abs(driving[idle]) <= resistance + lost[idle] + max(tolerance, 1e-3)).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"interaction": {"hirt": 1.0}}, StudyError, "did you mean 'hirth'"),
        ({"interaction": 2.0}, StudyError, "interaction: must be {self: h"),
        ({"interaction": {"lomer": -1.0}}, LawError, "interaction.lomer: must be at least 0"),
        ({"saturation": 1.0}, StudyError, "saturation_rate: must be given"),
        ({"critical_stress": 0.0}, LawError, "critical_stress: must be above 0"),
        ({"viscosity": 0.0}, LawError, "viscosity: must be above 0"),
        ({"c12": 2.5e5}, LawError, "c12: must lie between"),
    ],
)
def test_wrong_parameters_are_refused_with_advice(change, error, words):
    with pytest.raises(error, match=words):
        crystal(**change)
