"""The dictionary of the cube and the five problems, in small."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture
def imported(monkeypatch):
    """Function that imports a module of a case, whose neighbours it may import."""

    def load(case, name):
        monkeypatch.setattr(sys, "path", [str(CASES / case), *sys.path])
        spec = importlib.util.spec_from_file_location(name, CASES / case / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_dictionary_beats_the_global_model_where_burners_make_families(imported, tmp_path):
    chain = imported("romnet_cube", "chain")
    sizes = chain.Sizes(
        candidates=24,
        unseen=4,
        clusters=(4,),
        modes=(2,),
        smallest_cluster=2,
        divisions=2,
        burners=4,
    )
    found = chain.measure(sizes, tmp_path)
    assert found["worth_it"]
    assert found["dictionary_over_global"] < 0.9
    assert found["accuracy"] > 0.8
    assert found["compare_over_choose"] > 10


@pytest.mark.parametrize("name", ["moving_source", "burgers_front", "plume", "stiff_inclusion"])
def test_simplified_simulations_tell_the_shape_of_the_real_ones(imported, name):
    problems = imported("five_physics", "problems")
    found = problems.PROBLEMS[name](10, np.random.default_rng(0))

    def cosines(trajectories):
        flat = trajectories.reshape(10, -1)
        flat = flat / np.linalg.norm(flat, axis=1)[:, None]
        return (flat @ flat.T)[np.triu_indices(10, 1)]

    assert np.corrcoef(cosines(found.simplified), cosines(found.real))[0, 1] > 0.9
    sizes = np.linalg.norm(found.normalised().real, axis=(1, 2))
    np.testing.assert_allclose(sizes, 1.0)
    assert np.ptp(np.log10(np.linalg.norm(found.real, axis=(1, 2)))) > 0.8


def test_amplitudes_scale_the_front_by_a_symmetry_of_its_equation(imported):
    problems = imported("five_physics", "problems")
    found = problems.burgers_front(3, np.random.default_rng(0))
    # The mass of a front within the interval is kept until it leaves: amplitude x width.
    mass = found.real[:, :, 0].mean(axis=1)
    place, width, amplitude = found.inputs.T
    inside = (place > 0.2) & (place < 0.6)
    expected = np.sqrt(np.pi) * width * amplitude
    np.testing.assert_allclose(mass[inside], expected[inside], rtol=0.02)
    assert inside.any()
