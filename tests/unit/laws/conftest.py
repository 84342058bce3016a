"""Shared by the tests of laws: driving a law, and compiling plug-ins."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from romnet.laws.contract import ConstitutiveLaw, LawResponse, TimeStep
from romnet.laws.registry import build_law


@pytest.fixture
def j2() -> Callable[..., ConstitutiveLaw]:
    """Make a viscoplastic law from a few parameters."""

    def make(n_components: int = 6, expansion: object = None, **parameters: object):
        given = {"young": 2.0e5, "poisson": 0.3, "yield_stress": 10.0, **parameters}
        spec = {"law": "j2_viscoplastic", "parameters": given, "expansion": expansion}
        return build_law(spec, n_components=n_components)

    return make


@pytest.fixture
def drive() -> Callable[..., LawResponse]:
    """Take a law along a strain path at constant temperature and return its last answer."""

    def run(law, path, dt=1.0, temperature=20.0):
        path = np.asarray(path, dtype=float)
        warm = np.full(path.shape[1], temperature)
        state, old = law.initial_state(warm), np.zeros_like(path[0])
        response = None
        for number, new in enumerate(path):
            response = law.integrate(old, new, state, warm, warm, TimeStep(number * dt, dt))
            assert response.ok
            state, old = response.state, new
        return response

    return run


@pytest.fixture
def stretch() -> Callable[..., LawResponse]:
    """Pull a bar along 11 under uniaxial stress to each of some strains."""

    def run(law, strains, dt, each=None):
        warm = np.array([20.0])
        strain = np.zeros((1, 6))
        state = law.initial_state(warm)
        response = None
        for number, axial in enumerate(strains):
            new = strain.copy()
            new[0, 0] = axial
            for _ in range(30):
                step = TimeStep(number * dt, dt)
                response = law.integrate(strain, new, state, warm, warm, step)
                out = response.stress[0, 1:3]
                if abs(out).max() < 1e-10 * abs(response.stress).max():
                    break
                new[0, 1:3] -= np.linalg.solve(response.tangent[0, 1:3, 1:3], out)
            else:
                pytest.fail("lateral stress does not vanish")
            strain, state = new, response.state
            if each is not None:
                each(axial, response)
        return response

    return run


@pytest.fixture
def compile_library(tmp_path, needed) -> Callable[..., Path]:
    """Compile a source to a shared library; without the compiler only CI fails."""

    def build(source: Path | str, *flags: str, compiler: str = "gcc") -> Path:
        needed(compiler)
        if isinstance(source, str):
            path = tmp_path / f"source_{len(list(tmp_path.iterdir()))}.c"
            path.write_text(source)
            source = path
        library = tmp_path / f"lib{source.stem}.so"
        command = [compiler, "-O2", "-fPIC", "-shared", *flags, str(source), "-o", str(library)]
        done = subprocess.run([*command, "-lm"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return library

    return build


@pytest.fixture
def load() -> Callable[..., list[tuple[float, LawResponse]]]:
    """Hold a bar under given stresses along 11, one an increment; return axial strains, answers."""

    def run(law, stresses, times, temperature=20.0):
        warm, strain = np.array([temperature]), np.zeros((1, law.n_components))
        state, answers, start = law.initial_state(warm), [], 0.0
        target = np.zeros(law.n_components)
        for stress, end in zip(stresses, times, strict=True):
            target[0], new = stress, strain.copy()
            for _ in range(60):
                step = TimeStep(start, end - start)
                response = law.integrate(strain, new, state, warm, warm, step)
                assert response.ok
                out = response.stress[0] - target
                if abs(out).max() < 1e-11 * max(1.0, abs(stress)):
                    break
                new[0] -= np.linalg.solve(response.tangent[0], out)
            else:
                pytest.fail("the stress is not reached")
            strain, state, start = new, response.state, end
            answers.append((float(new[0, 0]), response))
        return answers

    return run
