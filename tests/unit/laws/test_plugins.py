"""The example plug-ins, in C and in Fortran, are the built-in law without its refinements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law, law_model
from romnet.testing.laws import check_law

PLUGINS = Path(__file__).parents[3] / "plugins"
PROPERTIES = [2.0e5, 0.3, 250.0, 1.0e3]


@pytest.fixture(params=["c", "fortran"])
def plugin(request, compile_library):
    if request.param == "c":
        source = PLUGINS / "umat_c" / "j2_linear.c"
        return compile_library(source, "-Wall", "-Wextra", "-Werror")
    folder = PLUGINS / "umat_fortran"
    return compile_library(folder / "j2_linear.f", f"-I{folder}", compiler="gfortran")


@pytest.fixture(params=[4, 6])
def law(request, plugin):
    spec = {
        "umat": str(plugin),
        "function": "umat_",
        "properties": PROPERTIES,
        "n_state": 1,
        "fields": {"p": [0, 1]},
        "symmetric": True,
    }
    return build_law({"law": spec}, n_components=request.param)


def test_the_example_agrees_with_the_built_in_law(law, j2, drive):
    built_in = j2(law.n_components, yield_stress=250.0, hardening=1.0e3)
    path = 3e-3 * np.random.default_rng(0).normal(size=(4, 8, law.n_components))
    foreign, own = drive(law, path), drive(built_in, path)
    np.testing.assert_allclose(foreign.stress, own.stress, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(foreign.tangent, own.tangent, rtol=1e-9, atol=1e-5)
    p = foreign.state[:, law.state_fields["p"]]
    np.testing.assert_allclose(p, own.state[:, built_in.state_fields["p"]], rtol=1e-11)
    assert (p > 0.0).all()


def test_the_example_keeps_the_contract(law):
    check_law(law)


HOT = {"temperature": [0.0, 500.0]}
EXPANSION = {"coefficient": {**HOT, "value": [1.0e-5, 1.4e-5]}, "reference": 20.0}
VISCOPLASTIC = {
    "young": {**HOT, "value": [2.0e5, 1.5e5]},
    "poisson": {**HOT, "value": [0.28, 0.33]},
    "yield_stress": {**HOT, "value": [120.0, 60.0]},
    "hardening": {**HOT, "value": [2.0e3, 1.0e3]},
    "saturation": {**HOT, "value": [80.0, 20.0]},
    "saturation_rate": 40.0,
    "viscosity": {**HOT, "value": [300.0, 200.0]},
    "exponent": {**HOT, "value": [12.0, 5.0]},
}


def histories(law, n_points=10):
    """Load, unload, reload across, and heat and cool meanwhile."""
    rng = np.random.default_rng(3)
    far = 4e-3 * rng.standard_normal((n_points, law.n_components))
    across = far + 2e-3 * rng.standard_normal(far.shape)
    paths = [0.3 * far, far, 0.5 * far, -0.6 * far, across, across]
    return paths, [20.0, 150.0, 350.0, 480.0, 300.0, 30.0]


def march(law):
    """Return the answer of each increment of the histories."""
    paths, temperatures = histories(law)
    old, warm = np.zeros_like(paths[0]), np.full(len(paths[0]), 20.0)
    state, answers = law.initial_state(warm), []
    for number, (new, temperature) in enumerate(zip(paths, temperatures, strict=True)):
        hot = np.full(len(new), temperature)
        step = TimeStep(0.5 * number, 0.5, number + 1)
        answer = law.integrate(old, new, state, warm, hot, step)
        assert answer.ok
        answers.append(answer)
        old, warm, state = new, hot, answer.state
    return answers


def assert_same_answers(law, other, *, tangent):
    """Compare stress, tangent and p of two laws over the histories."""
    for one, two in zip(march(law), march(other), strict=True):
        p, q = (
            answer.state[:, which.state_fields["p"]] for answer, which in ((one, law), (two, other))
        )
        assert np.abs(one.stress - two.stress).max() <= 1e-12 * np.abs(two.stress).max()
        assert np.abs(one.tangent - two.tangent).max() <= tangent * np.abs(two.tangent).max()
        assert np.abs(p - q).max() <= 1e-12 * max(q.max(), 1e-30)
    assert q.min() > 0.0


@pytest.mark.parametrize("rate", ["viscous", "rate independent"])
@pytest.mark.parametrize("n_components", [4, 6])
def test_radial_return_in_fortran_agrees_with_the_built_in_law_to_rounding(
    compile_library, n_components, rate
):
    folder = PLUGINS / "umat_fortran"
    library = compile_library(
        folder / "j2_viscoplastic.f", f"-I{folder}", "-Wall", compiler="gfortran"
    )
    parameters = dict(VISCOPLASTIC)
    if rate == "rate independent":
        parameters["viscosity"] = 0.0
    names = [p.name for p in law_model("j2_viscoplastic").parameters if not p.group]
    spec = {
        "umat": str(library),
        "properties": [parameters[name] for name in names],
        "n_state": 1 + n_components,
        "fields": {"p": [0, 1], "viscoplastic_strain": [1, 1 + n_components]},
        "symmetric": True,
    }
    fortran = build_law({"law": spec, "expansion": EXPANSION}, n_components=n_components)
    own = {"law": "j2_viscoplastic", "parameters": parameters, "expansion": EXPANSION}
    assert fortran.function == "umat_"
    assert_same_answers(fortran, build_law(own, n_components=n_components), tangent=1e-12)


def test_the_linear_example_agrees_with_the_built_in_law_while_it_warms(law, plugin, j2):
    yields, slopes = {**HOT, "value": [250.0, 100.0]}, {**HOT, "value": [2.0e3, 1.0e3]}
    n = law.n_components
    spec = {"umat": str(plugin), "properties": [2.0e5, 0.3, yields, slopes], "n_state": 1}
    foreign = build_law(
        {"law": {**spec, "fields": {"p": [0, 1]}}, "expansion": EXPANSION}, n_components=n
    )
    own = j2(n, EXPANSION, yield_stress=yields, hardening=slopes)
    assert_same_answers(foreign, own, tangent=1e-12)


def test_the_viscoplastic_example_keeps_the_contract(compile_library):
    folder = PLUGINS / "umat_fortran"
    library = compile_library(folder / "j2_viscoplastic.f", f"-I{folder}", compiler="gfortran")
    properties = [2.0e5, 0.3, 100.0, 1.0e3, 50.0, 20.0, 300.0, 8.0]
    law = {"umat": str(library), "properties": properties, "n_state": 7, "symmetric": True}
    check_law(build_law({"law": law}, n_components=6))
