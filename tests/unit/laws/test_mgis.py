"""The adapter of MFront's laws converts order and factors of tensors, and keeps no state."""

from __future__ import annotations

import importlib.util
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import PluginError, StudyError
from romnet.laws import registry
from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law
from romnet.testing.laws import Probe, check_law

PLUGIN = Path(__file__).parents[3] / "plugins" / "mgis"
VALUES = [11.0, 12.0, 13.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
TIME = 2.0
VOIGT = {6: [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)], 4: [(0, 0), (1, 1), (2, 2), (0, 1)]}


def stand_in():
    """Import the stand-in, which is no module of the tests' own path."""
    spec = importlib.util.spec_from_file_location(
        "mgis_stand_in", Path(__file__).with_name("mgis_stand_in.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mfront(monkeypatch, compile_library):
    """Make the law of the stand-in's behaviour, through the door of plug-ins."""
    fake = stand_in()
    library = compile_library(fake.SOURCE)
    monkeypatch.syspath_prepend(str(PLUGIN))
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    from importlib.metadata import EntryPoint

    entry = EntryPoint("mgis", "romnet_mgis.loader:load_law", registry.LOADERS)
    monkeypatch.setattr(registry, "_entry_points", lambda _: {"mgis": entry})

    def make(n_components=6, expansion=None, **options):
        options = {
            "behaviour": "Maxwell",
            "properties": dict(zip(fake.PROPERTIES, [*VALUES, TIME], strict=True)),
            "external": {"Moisture": 0.1},
            **options,
        }
        law = {"loader": "mgis", "library": str(library), "options": options}
        return build_law({"law": law, "expansion": expansion}, n_components=n_components)

    return make


def stiffness_tensor():
    """Return C_ijkl of the stand-in's material, written down index by index."""
    c = np.zeros((3, 3, 3, 3))
    for number, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]):
        c[i, i, j, j] = c[j, j, i, i] = VALUES[number]
    for number, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        for (a, b), (k, m) in product([(i, j), (j, i)], repeat=2):
            c[a, b, k, m] = VALUES[6 + number]
    return c


def tensor(strain):
    """Return the 3 x 3 tensor of a Voigt strain with engineering shear."""
    full = np.zeros((3, 3))
    for value, (i, j) in zip(strain, VOIGT[len(strain)], strict=True):
        full[i, j] = full[j, i] = value if i == j else 0.5 * value
    return full


@pytest.mark.parametrize("n", [4, 6])
def test_stress_and_tangent_are_those_of_tensor_algebra(mfront, n):
    law, warm = mfront(n), np.full(5, 300.0)
    strain = np.random.default_rng(0).standard_normal((5, n))
    still, dt = np.zeros_like(strain), 0.5
    answer = law.integrate(still, strain, law.initial_state(warm), warm, warm, TimeStep(0.0, dt))
    c = stiffness_tensor() / (1.0 + dt / TIME)
    for point in range(5):
        stress = np.einsum("ijkl,kl", c, tensor(strain[point]))
        expected = [stress[i, j] for i, j in VOIGT[n]]
        np.testing.assert_allclose(answer.stress[point], expected, rtol=1e-13)
    tangent = [[c[i, j, k, m] for k, m in VOIGT[n]] for i, j in VOIGT[n]]
    np.testing.assert_allclose(answer.tangent[2], tangent, rtol=1e-13)
    assert answer.ok


@pytest.mark.parametrize("n", [4, 6])
def test_the_adapter_keeps_the_contract(mfront, n):
    check_law(mfront(n, symmetric=True), Probe(temperatures=(300.0, 300.0)))


def test_the_state_passes_from_call_to_call(mfront):
    law, warm = mfront(), np.array([300.0, 450.0])
    strain, state = np.tile([1e-3, 0, 0, 2e-3, 0, 0], (2, 1)), law.initial_state(warm)
    viscous = np.zeros((2, 6))
    for number in range(3):
        step = TimeStep(0.5 * number, 0.5)
        state = law.integrate(strain, strain, state, warm, warm, step).state
        ratio = (0.5 / (TIME * warm / 300.0))[:, None]
        viscous = (viscous + ratio * strain) / (1.0 + ratio)
    columns = law.state_fields["ViscousStrain"]
    # As the behaviour stores it: shear of the tensor times the square root of two.
    np.testing.assert_allclose(state[:, columns][:, 0], viscous[:, 0], rtol=1e-14)
    np.testing.assert_allclose(state[:, columns][:, 3], viscous[:, 3] / np.sqrt(2.0), rtol=1e-14)
    np.testing.assert_allclose(state[:, law.state_fields["Age"]], 1.5)


def test_properties_follow_the_temperature_and_expansion_is_removed(mfront):
    table = {"temperature": [300.0, 500.0], "value": [11.0, 31.0]}
    options = dict(zip(stand_in().PROPERTIES, [*VALUES, 1e30], strict=True), C1111=table)
    law = mfront(properties=options, expansion={"coefficient": 1e-5, "reference": 0.0})
    start, end = np.array([300.0]), np.array([400.0])
    free = np.array([[1e-3, 1e-3, 1e-3, 0.0, 0.0, 0.0]])
    state, step = law.initial_state(start), TimeStep(0.0, 1.0)
    answer = law.integrate(0 * free, free, state, start, end, step)
    np.testing.assert_allclose(answer.stress, 0.0, atol=1e-15)
    assert answer.tangent[0, 0, 0] == pytest.approx(21.0)


def test_points_that_fail_are_named_and_the_others_integrated(mfront):
    law, warm = mfront(), np.full(4, 300.0)
    strain = np.full((4, 6), 1e-3)
    good = law.integrate(
        0 * strain, strain, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0)
    )
    strain[1] = np.nan
    answer = law.integrate(
        np.zeros((4, 6)), strain, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0)
    )
    assert answer.failed.tolist() == [1]
    assert answer.step_factor == 0.5
    np.testing.assert_array_equal(answer.stress[[0, 2, 3]], good.stress[[0, 2, 3]])


def test_parameters_of_the_behaviour_can_be_set(mfront):
    assert mfront(parameters={"factor": 2.0}).behaviour.parameters == {"factor": 2.0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"behavior": "Maxwell"}, "did you mean 'behaviour'"),
        ({"properties": {"C111": 1.0}}, "did you mean 'C1111'"),
        ({"properties": {"C1111": 1.0}}, "missing C2222"),
        ({"external": {}}, "missing Moisture"),
    ],
)
def test_wrong_options_are_refused_with_advice(mfront, options, words):
    with pytest.raises(StudyError, match=words):
        mfront(**options)


@pytest.mark.parametrize(
    ("name", "words"),
    [("Norton", "'Norton' cannot be loaded"), ("FiniteStrain", "StandardFiniteStrainBehaviour")],
)
def test_behaviours_that_do_not_fit_are_refused(mfront, name, words):
    with pytest.raises(PluginError, match=words):
        mfront(behaviour=name)


def test_without_mgis_the_message_says_what_to_install(mfront, monkeypatch):
    monkeypatch.setitem(sys.modules, "mgis", None)
    monkeypatch.delitem(sys.modules, "mgis.behaviour")
    with pytest.raises(PluginError, match="bindings of MGIS cannot be imported"):
        mfront()


def test_the_distribution_registers_its_loader():
    import tomllib

    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"][registry.LOADERS] == {"mgis": "romnet_mgis.loader:load_law"}
