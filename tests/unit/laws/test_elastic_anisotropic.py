"""Cubic and orthotropic elasticity against fourth-order tensors that einsum turns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from romnet.core.errors import LawError, StudyError
from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law

PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
CUBIC = {"c11": 2.4e5, "c12": 1.5e5, "c44": 1.2e5}
ORTHOTROPIC = {
    "young_1": 1.4e5, "young_2": 3e4, "young_3": 8e3,
    "poisson_12": 0.3, "poisson_13": 0.25, "poisson_23": 0.4,
    "shear_12": 5e3, "shear_13": 4.5e3, "shear_23": 3.5e3,
}  # fmt: skip


def build(name, parameters, n_components=6):
    return build_law({"law": name, "parameters": parameters}, n_components=n_components)


def respond(law, strains, temperature=20.0):
    warm = np.full(len(strains), temperature)
    step = TimeStep(0.0, 1.0)
    return law.integrate(0 * strains, strains, law.initial_state(warm), warm, warm, step)


def tensors(voigt, *, strain):
    """Symmetric 3 x 3 tensors of rows of Voigt components."""
    out = np.empty((len(voigt), 3, 3))
    for column, (i, j) in enumerate(PAIRS):
        half = 0.5 if strain and i != j else 1.0
        out[:, i, j] = out[:, j, i] = half * voigt[:, column]
    return out


def turned(tensor, axes):
    """Components in space of a fourth-order tensor given in material axes, one a row."""
    return np.einsum("abcd,ai,bj,ck,dl->ijkl", tensor, axes, axes, axes, axes)


def cubic_tensor(c11, c12, c44):
    one = np.eye(3)
    edges = np.einsum("ai,aj,ak,al->ijkl", one, one, one, one)
    crossed = np.einsum("ik,jl->ijkl", one, one) + np.einsum("il,jk->ijkl", one, one)
    return c12 * np.einsum("ij,kl->ijkl", one, one) + c44 * crossed + (c11 - c12 - 2 * c44) * edges


def compliance_tensor(given):
    """S_ijkl of the engineering constants, in material axes."""
    tensor = np.zeros((3, 3, 3, 3))
    young = [given[f"young_{i}"] for i in (1, 2, 3)]
    for i in range(3):
        tensor[i, i, i, i] = 1.0 / young[i]
        for j in range(i + 1, 3):
            across = -given[f"poisson_{i + 1}{j + 1}"] / young[i]
            tensor[i, i, j, j] = tensor[j, j, i, i] = across
            quarter = 0.25 / given[f"shear_{i + 1}{j + 1}"]
            for a, b, c, d in ((i, j, i, j), (i, j, j, i), (j, i, i, j), (j, i, j, i)):
                tensor[a, b, c, d] = quarter
    return tensor


@pytest.mark.parametrize("seed", range(4))
def test_a_turned_cubic_crystal_is_the_turned_tensor(seed):
    axes = Rotation.random(random_state=seed).as_matrix()
    given = {"first": (3.0 * axes[0]).tolist(), "second": (axes[1] - 2.0 * axes[0]).tolist()}
    strains = np.random.default_rng(seed).normal(size=(5, 6))
    answer = respond(build("elastic_cubic", {**CUBIC, "axes": given}), strains)
    stiffness = turned(cubic_tensor(*CUBIC.values()), axes)
    expected = np.einsum("ijkl,pkl->pij", stiffness, tensors(strains, strain=True))
    found = tensors(answer.stress, strain=False)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * abs(expected).max())
    matrix = np.array([[stiffness[(*i, *j)] for j in PAIRS] for i in PAIRS])
    np.testing.assert_allclose(answer.tangent[2], matrix, rtol=0, atol=1e-13 * abs(matrix).max())


@pytest.mark.parametrize("seed", range(4))
def test_a_turned_orthotropic_body_is_the_turned_tensor(seed):
    axes = Rotation.random(random_state=seed).as_matrix()
    given = {"first": axes[0].tolist(), "second": axes[1].tolist()}
    strains = np.random.default_rng(seed).normal(size=(5, 6))
    answer = respond(build("elastic_orthotropic", {**ORTHOTROPIC, "axes": given}), strains)
    # The compliance of the handbook brings back the strain, without any inversion here.
    compliance = turned(compliance_tensor(ORTHOTROPIC), axes)
    found = np.einsum("ijkl,pkl->pij", compliance, tensors(answer.stress, strain=False))
    np.testing.assert_allclose(found, tensors(strains, strain=True), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        np.einsum("pij,pj->pi", answer.tangent, strains), answer.stress, rtol=1e-10
    )


def test_eulers_angles_are_those_of_bunge():
    angles = [30.0, 40.0, 50.0]
    axes = Rotation.from_euler("ZXZ", angles, degrees=True).as_matrix().T
    strains = np.random.default_rng(0).normal(size=(3, 6))
    by_vectors = {"first": axes[0].tolist(), "second": axes[1].tolist()}
    one, other = (
        respond(build("elastic_orthotropic", {**ORTHOTROPIC, "axes": given}), strains).stress
        for given in ({"euler": angles}, by_vectors)
    )
    np.testing.assert_allclose(one, other, rtol=1e-11)


@pytest.mark.parametrize("temperature", [20.0, 130.0, 400.0])
def test_an_isotropic_choice_is_the_isotropic_law_at_any_temperature(temperature):
    young = {"temperature": [20.0, 400.0], "value": [2.0e5, 1.0e5]}
    modulus = 2.0e5 - 1.0e5 * (temperature - 20.0) / 380.0
    shear = {"temperature": [20.0, 400.0], "value": [2.0e5 / 2.6, 1.0e5 / 2.6]}
    given = {f"young_{i}": young for i in (1, 2, 3)}
    given |= {f"poisson_{pair}": 0.3 for pair in (12, 13, 23)}
    given |= {f"shear_{pair}": shear for pair in (12, 13, 23)}
    given["axes"] = {"euler": [10.0, 20.0, 30.0]}
    lame = modulus * 0.3 / (1.3 * 0.4)
    cubic = {
        "c11": lame + modulus / 1.3, "c12": lame, "c44": modulus / 2.6,
        "axes": {"euler": [70.0, 20.0, 30.0]},
    }  # fmt: skip
    strains = np.random.default_rng(0).normal(size=(3, 6))
    plain = build("elastic", {"young": young, "poisson": 0.3})
    expected = respond(plain, strains, temperature).stress
    for name, parameters in (("elastic_orthotropic", given), ("elastic_cubic", cubic)):
        found = respond(build(name, parameters), strains, temperature).stress
        np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("name", ["elastic_cubic", "elastic_orthotropic"])
def test_plane_strain_is_space_without_strain_across(name):
    given = CUBIC if name == "elastic_cubic" else ORTHOTROPIC
    # Axis 2 of the material is the normal of the plane, axis 1 lies in it at 30 degrees.
    in_plane = [np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0]
    parameters = {**given, "axes": {"first": in_plane, "second": [0.0, 0.0, 1.0]}}
    strains = np.random.default_rng(0).normal(size=(3, 6))
    strains[:, 4:] = 0.0
    space = respond(build(name, parameters), strains)
    plane = respond(build(name, parameters, 4), strains[:, :4].copy())
    np.testing.assert_allclose(plane.stress, space.stress[:, :4], rtol=1e-13)
    np.testing.assert_allclose(plane.tangent, space.tangent[:, :4, :4], rtol=1e-13)
    assert abs(space.stress[:, 4:]).max() < 1e-11 * abs(space.stress).max()


def test_a_face_diagonal_may_be_normal_to_the_plane_of_a_cubic_crystal_only():
    axes = {"axes": {"first": [1.0, 0.0, 1.0], "second": [0.0, 1.0, 0.0]}}
    strains = np.random.default_rng(0).normal(size=(3, 6))
    strains[:, 4:] = 0.0
    space = respond(build("elastic_cubic", {**CUBIC, **axes}), strains)
    assert abs(space.stress[:, 4:]).max() < 1e-11 * abs(space.stress).max()
    build("elastic_cubic", {**CUBIC, **axes}, 4)
    with pytest.raises(LawError, match="plane strain needs axis 3 of space along the normal"):
        build("elastic_orthotropic", {**ORTHOTROPIC, **axes}, 4)


@pytest.mark.parametrize(
    ("name", "change", "error", "words"),
    [
        ("elastic_cubic", {"c12": 2.5e5}, LawError, "c12: must lie between -c11/2 and c11"),
        ("elastic_orthotropic", {"poisson_23": 3.0}, LawError, "negative energy"),
        ("elastic_cubic", {"axes": 1.0}, StudyError, "axes: must be {first"),
        ("elastic_cubic", {"axes": {"first": [1, 0, 0]}}, StudyError, "axes: must be {first"),
        ("elastic_cubic", {"axes": {"euler": [1.0, 2.0]}}, StudyError, "euler: must be three"),
        (
            "elastic_cubic",
            {"axes": {"first": [1, 0, 0], "second": [2, 0, 0]}},
            LawError,
            "span no plane",
        ),
        (
            "elastic_cubic",
            {"axes": {"first": [0, 0, 0], "second": [2, 0, 0]}},
            LawError,
            "span no plane",
        ),
    ],
)
def test_wrong_constants_and_axes_are_refused_with_advice(name, change, error, words):
    given = CUBIC if name == "elastic_cubic" else ORTHOTROPIC
    with pytest.raises(error, match=words):
        build(name, {**given, **change})
