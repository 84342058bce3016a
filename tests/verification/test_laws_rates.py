"""Implicit Euler steps converge, at first order, to the rate equations that SciPy integrates.

The rate equations are written here once more, with full tensors in space, and share nothing with
the package.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law

YOUNG, POISSON = 2.0e5, 0.3
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
ONE = np.eye(3)
END = 2.0


def strain(time):
    """A path that turns and reverses, smooth in time."""
    first = np.array([[4.0, 1.0, 0.0], [1.0, -2.0, 0.5], [0.0, 0.5, -1.0]])
    second = np.array([[0.0, 2.0, -1.0], [2.0, 1.0, 0.0], [-1.0, 0.0, 0.5]])
    return 1e-3 * (first * np.sin(1.5 * time) + second * (1.0 - np.cos(2.0 * time)))


def voigt_strain(tensor):
    return np.array([(1.0 if i == j else 2.0) * tensor[i, j] for i, j in PAIRS])


def voigt_stress(tensor):
    return np.array([tensor[i, j] for i, j in PAIRS])


def j2_rates(overstress_rate, radius, pairs):
    """Right-hand side of a J2 law: p, viscoplastic strain, back-strains."""
    shear = YOUNG / (2.0 * (1.0 + POISSON))
    lame = YOUNG * POISSON / ((1.0 + POISSON) * (1.0 - 2.0 * POISSON))

    def stress(time, state):
        elastic = strain(time) - state[1:10].reshape(3, 3)
        return lame * np.trace(elastic) * ONE + 2.0 * shear * elastic

    def rates(time, state):
        deviator = stress(time, state)
        deviator = deviator - np.trace(deviator) / 3.0 * ONE
        backs = state[10:].reshape(-1, 3, 3)
        for (modulus, _), back in zip(pairs, backs, strict=True):
            deviator = deviator - 2.0 / 3.0 * modulus * back
        equivalent = np.sqrt(1.5 * (deviator * deviator).sum())
        rate = overstress_rate(equivalent - radius(state[0]), time)
        flow = 1.5 * rate * deviator / max(equivalent, 1e-30)
        changes = [flow - d * back * rate for (_, d), back in zip(pairs, backs, strict=True)]
        return np.concatenate([[rate], flow.ravel(), *(change.ravel() for change in changes)])

    return 10 + 9 * len(pairs), stress, rates


def positive(value):
    return max(value, 0.0)


def voce(p):
    return 60.0 + 200.0 * p + 50.0 * (1.0 - np.exp(-40.0 * p))


PAIR = ((4e4, 300.0), (1e4, 50.0))
KINEMATIC = [{"modulus": c, "recall": d} for c, d in PAIR]
ELASTIC = {"young": YOUNG, "poisson": POISSON}
VOCE = {"yield_stress": 60.0, "hardening": 200.0, "saturation": 50.0, "saturation_rate": 40.0}


def normals_and_directions():
    """The twelve systems from their Miller indices: perpendicular pairs, each once."""
    normals = [np.array(n) for n in product((1, -1), repeat=3) if np.prod(n) > 0]
    directions = [
        np.array(b) for b in product((0, 1, -1), repeat=3)
        if np.dot(b, b) == 2 and next(x for x in b if x) > 0
    ]  # fmt: skip
    return [(n, b) for n in normals for b in directions if n @ b == 0]


INTERACTION = {
    "self": 1.1, "coplanar": 0.9, "collinear": 2.5, "hirth": 0.6, "glissile": 1.3, "lomer": 1.7,
}  # fmt: skip


def interaction(one, other):
    """Coefficient of two systems, from geometry."""
    (n, b), (m, c) = one, other
    if abs(n @ m) == 3:
        return INTERACTION["self" if abs(b @ c) == 2 else "coplanar"]
    if abs(b @ c) == 2:
        return INTERACTION["collinear"]
    if b @ c == 0:
        return INTERACTION["hirth"]
    reaction = b - np.sign(b @ c) * c
    return INTERACTION["glissile" if 0 in (n @ reaction, m @ reaction) else "lomer"]


CRYSTAL = {"c11": 2.4e5, "c12": 1.5e5, "c44": 1.2e5, "critical_stress": 60.0, "saturation": 5.0,
           "saturation_rate": 30.0, "viscosity": 100.0, "exponent": 6.0, "modulus": 3e4,
           "recall": 500.0, "interaction": INTERACTION}  # fmt: skip
AXES = {"first": [1.0, 2.0, 0.5], "second": [0.0, 1.0, -1.0]}


def crystal_rates():
    """Right-hand side of the crystal law: slips, cumulated slips, kinematic variables."""
    first = np.array(AXES["first"]) / np.linalg.norm(AXES["first"])
    third = np.cross(first, AXES["second"])
    third /= np.linalg.norm(third)
    edges = np.array([first, np.cross(third, first), third])
    systems = normals_and_directions()
    schmid = np.array([np.outer(b @ edges, n @ edges) / np.sqrt(6.0) for n, b in systems])
    schmid = 0.5 * (schmid + schmid.transpose(0, 2, 1))
    matrix = np.array([[interaction(s, t) for t in systems] for s in systems])
    c11, c12, c44 = CRYSTAL["c11"], CRYSTAL["c12"], CRYSTAL["c44"]

    def stress(time, state):
        elastic = strain(time) - np.einsum("s,sij->ij", state[:12], schmid)
        inside = edges @ elastic @ edges.T
        response = 2.0 * c44 * inside
        response[np.diag_indices(3)] = (c11 - c12) * np.diag(inside) + c12 * np.trace(inside)
        return edges.T @ response @ edges

    def rates(time, state):
        cumulated, back = state[12:24], state[24:]
        driving = np.einsum("sij,ij->s", schmid, stress(time, state)) - 3e4 * back
        resistance = 60.0 + 5.0 * matrix @ (1.0 - np.exp(-30.0 * cumulated))
        rate = (np.clip(abs(driving) - resistance, 0.0, None) / 100.0) ** 6.0
        slip = rate * np.sign(driving)
        return np.concatenate([slip, rate, slip - 500.0 * back * rate])

    return 36, stress, rates


CASES = {
    "norton": (
        "j2_viscoplastic",
        {**ELASTIC, **VOCE, "viscosity": 120.0, "exponent": 6.0, "kinematic": KINEMATIC},
        j2_rates(lambda f, _: (positive(f) / 120.0) ** 6.0, voce, PAIR),
    ),
    "sinh": (
        "j2_sinh",
        {**ELASTIC, **VOCE, "rate": 1e-4, "drag_stress": 15.0, "exponent": 1.7,
         "kinematic": KINEMATIC},
        j2_rates(lambda f, _: 1e-4 * np.sinh(positive(f) / 15.0) ** 1.7, voce, PAIR),
    ),
    "table": (
        "j2_table",
        {**ELASTIC, "hardening": {"p": [0.0, 1.0], "stress": [60.0, 1060.0]}, "viscosity": 120.0,
         "exponent": 6.0, "kinematic": KINEMATIC},
        j2_rates(lambda f, _: (positive(f) / 120.0) ** 6.0, lambda p: 60.0 + 1e3 * p, PAIR),
    ),
    "creep": (
        "norton_creep",
        {**ELASTIC, "coefficient": 1e-13, "exponent": 4.0, "time_exponent": 0.5},
        j2_rates(lambda f, time: 1e-13 * f**4.0 * time**0.5, lambda _: 0.0, ()),
    ),
    "crystal": ("crystal_plasticity", {**CRYSTAL, "axes": AXES}, crystal_rates()),
}  # fmt: skip


def by_steps(law, count):
    """Stress and p at the end, by equal increments."""
    warm, old = np.array([20.0]), np.zeros((1, 6))
    state, answer = law.initial_state(warm), None
    for number in range(count):
        step = TimeStep(END * number / count, END / count)
        new = voigt_strain(strain(END * (number + 1) / count))[None]
        answer = law.integrate(old, new, state, warm, warm, step)
        assert answer.ok
        old, state = new, answer.state
    return answer.stress[0], answer.state[0, law.state_fields["p"]][0]


@pytest.mark.parametrize("name", CASES)
def test_steps_converge_to_the_rate_equations_at_first_order(name):
    model, parameters, (size, stress, rates) = CASES[name]
    law = build_law({"law": model, "parameters": parameters}, n_components=6)
    exact = solve_ivp(
        rates, (0.0, END), np.zeros(size), method="LSODA", rtol=1e-11, atol=1e-14, max_step=0.02
    )
    assert exact.success
    end = exact.y[:, -1]
    target = voigt_stress(stress(END, end))
    cumulated = end[12:24].sum() if name == "crystal" else end[0]
    assert cumulated > 3e-3
    counts = np.array([80, 160, 320, 640])
    found = [by_steps(law, count) for count in counts]
    size_of_stress = np.abs(target).max()
    in_stress = np.array([np.linalg.norm(s - target) / size_of_stress for s, _ in found])
    in_p = np.array([abs(p - cumulated) / cumulated for _, p in found])
    for errors in (in_stress, in_p):
        assert errors[-1] < 1e-2
        slopes = -np.diff(np.log(errors)) / np.diff(np.log(counts))
        assert slopes[-1] == pytest.approx(1.0, abs=0.1)
