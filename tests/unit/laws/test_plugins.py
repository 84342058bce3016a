"""The example plug-ins, in C and in Fortran, are the built-in law without its refinements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from romnet.laws.registry import build_law
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
