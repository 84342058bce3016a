"""The batch driver adds little to the law it drives, and its cost is proportional to the points."""

from __future__ import annotations

import ctypes
import subprocess
import time

import numpy as np

from romnet.laws.contract import TimeStep
from romnet.laws.native import library_path
from romnet.laws.registry import build_law

PARAMETERS = {
    "young": 2.0e5,
    "poisson": 0.3,
    "yield_stress": 10.0,
    "viscosity": 300.0,
    "exponent": 30.0,
    "kinematic": [{"modulus": 1e5, "recall": 1000.0}],
}

# What is left when nobody prepares or checks anything: one property set, one temperature.
BARE_LOOP = """
#include <string.h>
#include "umat.h"
void loop(umat_function *umat, int n_points, const double *strain, double *tangent) {
    double props[10] = {2e5, 0.3, 10, 0, 0, 0, 300, 30, 1e5, 1e3}, zero[36] = {0};
    double stress[6], state[19], dt = 0.2, factor = 1.0, unused[6];
    int n_props = 10, n = 6, n_direct = 3, n_shear = 3, n_state = 19, one = 1;
    for (int i = 0; i < n_points; i++) {
        memset(state, 0, sizeof state);
        umat(stress, state, tangent + 36 * i, unused, unused, unused, unused, unused, unused,
             unused, zero, strain + 6 * i, zero, &dt, zero, zero, zero, zero, "", &n_direct,
             &n_shear, &n, &n_state, props, &n_props, zero, zero, &factor, zero, zero, zero, &one,
             &one, &one, &one, &one, &one, 0);
    }
}
"""


def fastest(*functions, repeats=15):
    """Least processor time of several runs of each [s], in turns: other work disturbs all alike."""
    times = []
    for _ in range(repeats):
        for function in functions:
            start = time.process_time()
            function()
            times.append(time.process_time() - start)
    return np.array(times).reshape(repeats, -1).min(axis=0)


def question(n_points):
    """A batch of plastic points, as a function without arguments."""
    law = build_law({"law": "j2_viscoplastic", "parameters": PARAMETERS}, n_components=6)
    strain = 2e-3 * np.random.default_rng(0).normal(size=(n_points, 6))
    warm, still = np.full(n_points, 20.0), np.zeros((n_points, 6))
    state, step = law.initial_state(warm), TimeStep(0.0, 0.2)
    answer = law.integrate(still, strain, state, warm, warm, step)
    assert (answer.state[:, law.state_fields["p"]] > 0.0).mean() > 0.99
    return strain, lambda: law.integrate(still, strain, state, warm, warm, step)


def test_the_batch_costs_little_more_than_a_bare_loop(tmp_path, needed):
    compiler = needed("gcc")
    source, library = tmp_path / "loop.c", tmp_path / "loop.so"
    source.write_text(BARE_LOOP)
    headers = f"-I{library_path('batch').parent}"
    subprocess.run(
        [compiler, "-O3", "-fPIC", "-shared", headers, str(source), "-o", str(library)], check=True
    )
    strain, batch = question(4000)
    tangent = np.empty((4000, 36))
    umat = ctypes.CDLL(str(library_path("j2_viscoplastic"))).umat_
    pointers = (ctypes.c_void_p(strain.ctypes.data), ctypes.c_void_p(tangent.ctypes.data))
    loop = ctypes.CDLL(str(library)).loop
    driven, bare = fastest(batch, lambda: loop(umat, 4000, *pointers))
    np.testing.assert_array_equal(tangent.reshape(-1, 6, 6).transpose(0, 2, 1), batch().tangent)
    assert driven < 1.6 * bare


def test_cost_grows_no_faster_than_the_points():
    few, many = fastest(question(1000)[1], question(16_000)[1])
    assert np.log(many / few) / np.log(16.0) < 1.15


def test_time_of_a_plastic_point(benchmark):
    benchmark(question(1000)[1])
