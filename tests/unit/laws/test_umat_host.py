"""What the host passes beyond strain and temperature, and how it runs UMATs in threads."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import LawError, PluginError, StudyError
from romnet.core.memory import Recycler
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import TimeStep
from romnet.laws.native import driver
from romnet.laws.points import PointLocations, PredefinedField
from romnet.laws.registry import build_law, law_model

ARGUMENTS = """(double *stress, double *statev, double *ddsdde, double *sse, double *spd,
  double *scd, double *rpl, double *ddsddt, double *drplde, double *drpldt, double *stran,
  double *dstran, double *time, double *dtime, double *temp, double *dtemp, double *predef,
  double *dpred, char *cmname, int *ndi, int *nshr, int *ntens, int *nstatv, double *props,
  int *nprops, double *coords, double *drot, double *pnewdt, double *celent, double *dfgrd0,
  double *dfgrd1, int *noel, int *npt, int *layer, int *kspt, int *kstep, int *kinc,
  size_t cmname_length)"""
SDVINI = """
void sdvini_(double *statev, double *coords, int *nstatv, int *ncrds, int *noel, int *npt,
  int *layer, int *kspt)
{ statev[0] = 100.0 * *noel + *npt; statev[1] = coords[1]; statev[2] = 10 * *nstatv + *ncrds; }
"""
WARM = np.full(3, 20.0)
STILL = np.zeros((3, 6))
STEP = TimeStep(0.0, 1.0)
PLACES = PointLocations(
    np.arange(9.0).reshape(3, 3), np.array([7, 7, 9]), np.array([1, 2, 1], dtype=np.int64)
)


@pytest.fixture
def umat(compile_library):
    """Make a law from the body of a UMAT and further keys."""

    def make(body, *, symbol="umat_", also="", **keys):
        source = f"#include <stddef.h>\nvoid {symbol}{ARGUMENTS} {{ {body} }}\n{also}"
        law = {"umat": str(compile_library(source)), "properties": [], "n_state": 3, **keys}
        expansion = law.pop("expansion", None)
        return build_law({"law": law, "expansion": expansion}, n_components=6)

    return make


def answer(law, step=STEP):
    """Hold three virgin points still for a while; return their STATEV."""
    return law.integrate(STILL, STILL, law.initial_state(WARM), WARM, WARM, step).state[:, 7:]


@pytest.mark.parametrize("symbol", ["umat_", "umat", "UMAT"])
def test_the_symbol_is_found_without_being_named(umat, symbol):
    assert umat("", symbol=symbol).function == symbol


def test_a_library_without_a_umat_says_which_names_were_tried(umat):
    with pytest.raises(PluginError, match="'umat_' or 'umat' or 'UMAT'"):
        umat("", symbol="material")


def test_statev_starts_as_the_study_says(umat):
    law = umat("", initial=[1.0, 2.0, 3.0], also=SDVINI)
    assert law.initial_state(WARM)[:, 7:].tolist() == [[1.0, 2.0, 3.0]] * 3
    with pytest.raises(LawError, match="2 initial values for the 3 entries"):
        umat("", initial=[1.0, 2.0])


def test_statev_starts_as_sdvini_says(umat):
    law = umat("", also=SDVINI)
    assert law.initial_state(WARM)[:, 7:].tolist() == [[101, 0, 33], [201, 0, 33], [301, 0, 33]]
    bound = law.bound(PLACES).initial_state(WARM)
    assert bound[:, 7:].tolist() == [[701, 1, 33], [702, 4, 33], [901, 7, 33]]


def test_bound_points_know_their_place_and_numbers(umat):
    law = umat("statev[0] = coords[2]; statev[1] = *noel; statev[2] = *npt;").bound(PLACES)
    assert answer(law).tolist() == [[2, 7, 1], [5, 7, 2], [8, 9, 1]]
    with pytest.raises(ValueError, match="bound to 3 points, got 2"):
        law.initial_state(WARM[:2])


def test_a_body_passes_places_on_to_the_laws_of_its_points(umat):
    law = umat("statev[0] = coords[2]; statev[1] = *noel; statev[2] = *npt;")
    other = umat("statev[0] = -coords[0];")
    body = Heterogeneous((law, other), np.array([0, 1, 0]), PLACES)
    assert answer(body).tolist() == [[2, 7, 1], [-3, 0, 0], [8, 9, 1]]
    kept = body.restricted_to(np.array([2]))
    state = kept.integrate(
        STILL[:1], STILL[:1], kept.initial_state(WARM[:1]), WARM[:1], WARM[:1], TimeStep(0.0, 1.0)
    ).state
    assert state[0, 7:].tolist() == [8, 9, 1]


def test_predefined_fields_follow_their_tables(umat):
    law = umat(
        "statev[0] = predef[0]; statev[1] = predef[1]; statev[2] = dpred[1];",
        predefined={"humidity": 0.4, "dose": {"time": [0.0, 2.0, 4.0], "value": [0.0, 1.0, 5.0]}},
    )
    assert answer(law, TimeStep(1.0, 2.0)).tolist() == [[0.4, 0.5, 2.5]] * 3
    with pytest.raises(LawError, match="field 'dose': is known from t = 0 to 4, not at 5"):
        answer(law, TimeStep(3.0, 2.0))


def test_a_predefined_field_may_differ_from_point_to_point(umat):
    dose = PredefinedField("dose", np.array([0.0, 1.0]), np.array([[0.0, 1.0, 2.0], [3.0] * 3]))
    law = umat("statev[0] = predef[0]; statev[1] = dpred[0];").bound(PLACES, (dose,))
    assert answer(law)[:, :2].tolist() == [[0, 3], [1, 2], [2, 1]]
    few = replace(dose, values=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="has 2 values for 3 points"):
        answer(law.bound(PLACES, (few,)))


def test_increments_are_numbered(umat):
    law = umat("statev[0] = *kinc; statev[1] = *kstep;")
    assert answer(law, TimeStep(0.0, 1.0, 4))[0, :2].tolist() == [4, 1]


def test_each_point_gets_a_clean_tangent(umat):
    law = umat("if (*noel == 1) for (int k = 0; k < 36; k++) ddsdde[k] = 7; else ddsdde[1] = 1;")
    tangent = law.integrate(
        STILL, STILL, law.initial_state(WARM), WARM, WARM, TimeStep(0.0, 1.0)
    ).tangent
    only = np.zeros((6, 6))
    only[1, 0] = 1.0  # the second entry of the first column
    assert (tangent[0] == 7.0).all()
    np.testing.assert_array_equal(tangent[2], only)


def test_a_umat_that_expands_by_itself_gets_total_strains(umat):
    law = umat("statev[0] = stran[0]; statev[1] = dstran[0]; statev[2] = *dtemp;", strain="total")
    old, new, hot = STILL + 1e-3, STILL + 3e-3, WARM + 100.0
    state = law.integrate(old, new, law.initial_state(WARM), WARM, hot, STEP).state
    np.testing.assert_allclose(state[0, 7:], [1e-3, 2e-3, 100.0], rtol=1e-14)
    with pytest.raises(StudyError, match="expands by itself"):
        umat("", strain="total", expansion={"coefficient": 1e-5, "reference": 20.0})


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"threads": 2}, "thread_safe"),
        ({"threads": 0}, "at least 1"),
        ({"strain": "log"}, "mechanical or total"),
        ({"predefined": {"dose": {"times": [0, 1]}}}, "number or a table"),
        ({"loader": "mgys"}, "unknown"),
    ],
)
def test_wrong_keys_are_refused_with_advice(umat, keys, words):
    with pytest.raises(StudyError, match=words):
        umat("", **keys)


def test_threads_change_no_bit():
    law = build_law(
        {"law": "j2_viscoplastic", "parameters": law_model("j2_viscoplastic").example},
        n_components=6,
    )
    n = 3 * driver.FEWEST_POINTS_PER_THREAD + 17
    rng = np.random.default_rng(0)
    strain, warm = 2e-3 * rng.standard_normal((n, 6)), rng.uniform(0.0, 400.0, n)
    strain[[0, n // 2, n - 1]] = np.nan
    still, virgin, step = np.zeros((n, 6)), law.initial_state(warm), TimeStep(0.0, 0.2)
    alone, *others = (
        replace(law, threads=threads).integrate(still, strain, virgin, warm, warm, step)
        for threads in (1, 2, 3, 50)
    )
    assert alone.failed.tolist() == [0, n // 2, n - 1]
    for other in others:
        np.testing.assert_array_equal(other.failed, alone.failed)
        assert other.step_factor == alone.step_factor
        for name in ("stress", "state", "tangent"):
            np.testing.assert_array_equal(getattr(other, name), getattr(alone, name))


def test_each_thread_names_the_points_of_the_whole_batch(umat):
    law = umat("statev[0] = *noel;", thread_safe=True, threads=3)
    n = 5 * driver.FEWEST_POINTS_PER_THREAD
    still, warm = np.zeros((n, 6)), np.zeros(n)
    state = law.integrate(
        still, still, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0)
    ).state
    np.testing.assert_array_equal(state[:, 7], np.arange(1, n + 1))


def test_the_fingerprint_of_a_library_is_its_sha256(umat):
    law = umat("")
    assert law.digest == hashlib.sha256(Path(law.library).read_bytes()).hexdigest()


def test_an_answer_that_is_kept_never_changes(j2):
    law = j2(hardening=100.0)
    n = 5000
    still, warm = np.zeros((n, 6)), np.full(n, 20.0)
    strain = 1e-3 * np.random.default_rng(0).standard_normal((n, 6))
    virgin, step = law.initial_state(warm), TimeStep(0.0, 1.0)
    first = law.integrate(still, strain, virgin, warm, warm, step)
    column, copies = first.tangent[:, 0, 0], (first.stress.copy(), first.tangent.copy())
    stress = first.stress
    del first
    for factor in (2.0, 3.0, 4.0):
        law.integrate(still, factor * strain, virgin, warm, warm, step)
    np.testing.assert_array_equal(stress, copies[0])
    np.testing.assert_array_equal(column, copies[1][:, 0, 0])


def test_memory_is_used_again_once_nobody_holds_it():
    recycler = Recycler()
    first = recycler.empty((400, 400))
    place, part = first.ctypes.data, first[3:4]
    del first
    assert recycler.empty((400, 400)).ctypes.data != place
    del part
    assert place in {recycler.empty((400, 400)).ctypes.data for _ in range(3)}


def test_threads_survive_a_fork(umat):
    law = umat("statev[0] = *noel;", thread_safe=True, threads=2)
    n = 2 * driver.FEWEST_POINTS_PER_THREAD
    still, warm = np.zeros((n, 6)), np.zeros(n)
    law.integrate(still, still, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            answer = law.integrate(
                still, still, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0)
            )
            code = int(answer.state[-1, 7] != n)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
