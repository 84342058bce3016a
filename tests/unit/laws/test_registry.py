"""Plain data becomes a law, or an error that says what to change."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from math import inf

import pytest

from romnet.core.errors import LawError, PluginError, StudyError
from romnet.laws import registry
from romnet.laws.native import library_path
from romnet.laws.registry import build_law, law_model, law_names, temperature_range

STEEL = {"young": 2.0e5, "poisson": 0.3}
PLASTIC = {**STEEL, "yield_stress": 100.0}


def table(*values: float) -> dict[str, list[float]]:
    return {"temperature": [20.0 * (i + 1) for i in range(len(values))], "value": list(values)}


@pytest.mark.parametrize("name", law_names())
def test_every_installed_law_documents_each_parameter(name):
    model = law_model(name)
    assert model.name == name
    assert model.summary
    assert model.equations
    for parameter in model.parameters:
        assert parameter.meaning


@pytest.mark.parametrize(
    ("law", "parameters", "error", "words"),
    [
        ("elastc", STEEL, StudyError, "'elastc' is unknown; did you mean 'elastic'"),
        (3, STEEL, StudyError, "law: must be a name"),
        ("elastic", {**STEEL, "poison": 0.3}, StudyError, "did you mean 'poisson'"),
        ("elastic", {"young": 1.0}, StudyError, r"missing poisson \(Poisson's ratio nu\)"),
        (
            "elastic",
            {"young": 1.0, "poisson": 0.5},
            LawError,
            "poisson: must be above -1 and below",
        ),
        ("elastic", {"young": 0.0, "poisson": 0.3}, LawError, "young: must be above 0, got 0"),
        ("elastic", {"young": table(1.0, -1.0), "poisson": 0.3}, LawError, "got -1"),
        ("j2_viscoplastic", STEEL, StudyError, "missing yield_stress"),
        ("j2_viscoplastic", {**PLASTIC, "viscosity": 1.0}, StudyError, "exponent: must be given"),
        ("j2_viscoplastic", {**PLASTIC, "saturation": 1.0}, StudyError, "saturation_rate: must"),
        ("j2_viscoplastic", {**PLASTIC, "hardening": -2.4e5}, LawError, "must stay above"),
        ("j2_viscoplastic", {**PLASTIC, "kinematic": 1.0}, StudyError, "must be a list of"),
        (
            "j2_viscoplastic",
            {**PLASTIC, "kinematic": [{"modulus": 1.0, "recal": 1.0}]},
            StudyError,
            r"kinematic\[0\]: 'recal' is unknown; did you mean 'recall'",
        ),
        (
            "j2_viscoplastic",
            {**PLASTIC, "kinematic": [{"recall": 1.0}]},
            StudyError,
            r"kinematic\[0\]: missing modulus",
        ),
        ("j2_viscoplastic", {**PLASTIC, "exponent": 0.5}, LawError, "exponent: must be at least 1"),
    ],
)
def test_wrong_parameters_are_refused_with_advice(law, parameters, error, words):
    with pytest.raises(error, match=words):
        build_law({"law": law, "parameters": parameters}, n_components=6)


def test_unknown_keys_of_a_material_are_refused():
    with pytest.raises(StudyError, match="did you mean 'parameters'"):
        build_law({"law": "elastic", "parametres": STEEL}, n_components=6)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"umat": "/nowhere/lib.so"}, PluginError, "no such shared library"),
        ({"function": "umat"}, PluginError, "exports no function 'umat'"),
        ({"functon": "umat_"}, StudyError, "did you mean 'function'"),
        ({"fields": {"p": [0, 20]}}, LawError, "lies outside the 19 entries"),
        ({"fields": {"stress": [0, 1]}}, LawError, "belongs to romnet"),
    ],
)
def test_wrong_umats_are_refused_with_advice(change, error, words):
    law = {
        "umat": str(library_path("j2_viscoplastic")),
        "properties": [2e5, 0.3, 10.0, 0.0, 0.0, 0.0, 300.0, 30.0, 1e5, 1e3],
        "n_state": 19,
    }
    with pytest.raises(error, match=words):
        build_law({"law": {**law, **change}}, n_components=6)


def test_a_umat_without_its_library_is_refused():
    with pytest.raises(StudyError, match="a UMAT needs umat"):
        build_law({"law": {"properties": [], "n_state": 0}}, n_components=6)


def test_a_umat_takes_no_named_parameters():
    law = {"umat": str(library_path("elastic")), "properties": [1.0, 0.0], "n_state": 0}
    with pytest.raises(StudyError, match="takes its properties from"):
        build_law({"law": law, "parameters": STEEL}, n_components=6)


def test_a_law_needs_four_or_six_components():
    with pytest.raises(LawError, match="4 or 6 components"):
        build_law({"law": "elastic", "parameters": STEEL}, n_components=3)


def test_the_temperature_range_is_what_all_tables_share():
    spec = {
        "law": "j2_viscoplastic",
        "parameters": {
            **PLASTIC,
            "young": {"temperature": [0.0, 500.0], "value": [2e5, 1e5]},
            "kinematic": [{"modulus": {"temperature": [20.0, 900.0], "value": [1.0, 2.0]}}],
        },
        "expansion": {
            "coefficient": {"temperature": [-50.0, 400.0], "value": [1e-5, 2e-5]},
            "reference": 20.0,
        },
    }
    assert temperature_range(spec) == (20.0, 400.0)
    assert temperature_range({"law": "elastic", "parameters": STEEL}) == (-inf, inf)


def test_an_entry_point_that_is_no_law_model_is_refused(monkeypatch):
    wrong = {
        "missing": EntryPoint("missing", "romnet.nowhere:MODEL", registry.GROUP),
        "wrong": EntryPoint("wrong", "math:pi", registry.GROUP),
    }
    monkeypatch.setattr(registry, "_entry_points", lambda _: wrong)
    with pytest.raises(PluginError, match="cannot be loaded"):
        law_model("missing")
    with pytest.raises(PluginError, match="is a float, not a LawModel"):
        law_model("wrong")
