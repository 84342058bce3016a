"""The host passes to a UMAT what Abaqus would, and survives what a UMAT may do."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from romnet.core.errors import PluginError
from romnet.laws.contract import TimeStep
from romnet.laws.native.loading import load_function
from romnet.laws.registry import build_law

HEAD = """
#include <math.h>
#include <stddef.h>
#include <string.h>
void umat_(double *stress, double *statev, double *ddsdde, double *sse, double *spd, double *scd,
  double *rpl, double *ddsddt, double *drplde, double *drpldt, double *stran, double *dstran,
  double *time, double *dtime, double *temp, double *dtemp, double *predef, double *dpred,
  char *cmname, int *ndi, int *nshr, int *ntens, int *nstatv, double *props, int *nprops,
  double *coords, double *drot, double *pnewdt, double *celent, double *dfgrd0, double *dfgrd1,
  int *noel, int *npt, int *layer, int *kspt, int *kstep, int *kinc, size_t cmname_length)
"""


@pytest.fixture
def umat(compile_library):
    """Make a law from the body of a UMAT."""

    def make(body, *, n_state=0, properties=(), n_components=6, expansion=None, flags=()):
        library = compile_library(f"{HEAD}{{ {body} }}", *flags)
        law = {"umat": str(library), "properties": list(properties), "n_state": n_state}
        law["name"] = "STEEL"
        return build_law({"law": law, "expansion": expansion}, n_components=n_components)

    return make


def once(law, strain_old, strain_new, temperatures=(20.0, 20.0)):
    """Take one increment from the virgin state at the first temperature."""
    before, after = (np.full(len(strain_old), t) for t in temperatures)
    state = law.initial_state(before)
    return law.integrate(strain_old, strain_new, state, before, after, TimeStep(3.0, 0.5))


def test_a_umat_sees_the_arguments_of_abaqus(umat):
    law = umat(
        """
        statev[0] = time[0]; statev[1] = time[1]; statev[2] = *dtime; statev[3] = *temp;
        statev[4] = *dtemp; statev[5] = *ndi; statev[6] = *nshr; statev[7] = *ntens;
        statev[8] = *nstatv; statev[9] = *nprops; statev[10] = props[0]; statev[11] = *noel;
        statev[12] = *npt; statev[13] = *kstep; statev[14] = *kinc; statev[15] = coords[2];
        statev[16] = drot[0] + drot[4] + drot[8]; statev[17] = *pnewdt;
        statev[18] = memcmp(cmname, "STEEL   ", 8) == 0 && cmname[79] == ' ';
        statev[19] = (double)cmname_length;
        """,
        n_state=20,
        properties=[{"temperature": [0.0, 100.0], "value": [1.0, 3.0]}],
        n_components=4,
    )
    still = np.zeros((2, 4))
    answer = once(law, still, still, temperatures=(20.0, 50.0))
    seen = answer.state[1, 5:].tolist()
    assert seen == [3, 3, 0.5, 20, 30, 3, 1, 4, 20, 1, 2, 2, 1, 1, 1, 0, 3, 1, 1, 80]


def test_a_umat_sees_the_mechanical_strain(umat):
    law = umat(
        "for (int i = 0; i < 6; i++) { statev[i] = stran[i]; statev[6 + i] = dstran[i]; }",
        n_state=12,
        expansion={
            "coefficient": {"temperature": [0.0, 100.0], "value": [1e-5, 2e-5]},
            "reference": 10.0,
        },
    )
    old, new = np.full((1, 6), 1e-3), np.full((1, 6), 3e-3)
    warm, hot, initial = np.array([50.0]), np.array([150.0]), np.array([30.0])
    answer = law.integrate(old, new, law.initial_state(initial), warm, hot, TimeStep(0.0, 1.0))
    thermal_old = 1.5e-5 * 40.0 - 1.3e-5 * 20.0
    thermal_new = 2e-5 * 140.0 - 1.3e-5 * 20.0
    normal = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(answer.state[0, 7:13], 1e-3 - thermal_old * normal, atol=1e-18)
    np.testing.assert_allclose(
        answer.state[0, 13:19], 2e-3 - (thermal_new - thermal_old) * normal, atol=1e-18
    )


@pytest.mark.parametrize("temperature", [-10.0, 0.0, 15.0, 40.0, 99.0, 100.0, 250.0])
def test_properties_are_interpolated_and_constant_outside_the_table(umat, temperature):
    grid, values = [0.0, 20.0, 40.0, 100.0], [5.0, 1.0, 2.0, -4.0]
    law = umat(
        "statev[0] = props[0]; statev[1] = props[1];",
        n_state=2,
        properties=[7.0, {"temperature": grid, "value": values}],
    )
    still = np.zeros((1, 6))
    state = once(law, still, still, temperatures=(20.0, temperature)).state
    assert state[0, 7] == 7.0
    assert state[0, 8] == pytest.approx(np.interp(temperature, grid, values), rel=1e-14)


def test_the_tangent_is_transposed_from_columns_to_rows(umat):
    law = umat("for (int k = 0; k < 36; k++) ddsdde[k] = k;")
    still = np.zeros((2, 6))
    tangent = once(law, still, still).tangent
    np.testing.assert_array_equal(tangent[1], np.arange(36.0).reshape(6, 6).T)


def test_failing_points_are_named_and_the_smallest_factor_returned(umat):
    law = umat(
        "if (*noel == 2) *pnewdt = 0.25; if (*noel == 3) stress[5] = NAN;"
        "if (*noel == 5) ddsdde[35] = INFINITY; if (*noel == 6) *pnewdt = 1.5;"
    )
    still = np.zeros((6, 6))
    answer = once(law, still, still)
    assert answer.failed.tolist() == [1, 2, 4]
    assert answer.step_factor == 0.25
    assert not answer.ok


def test_a_factor_that_is_no_factor_becomes_one_half(umat):
    law = umat("*pnewdt = *noel == 1 ? NAN : -1.0;")
    still = np.zeros((2, 6))
    answer = once(law, still, still)
    assert answer.failed.tolist() == [0, 1]
    assert answer.step_factor == 0.5


def test_a_umat_that_writes_everywhere_harms_neither_arguments_nor_other_points(umat):
    law = umat(
        "statev[0] = props[0] + stran[0] + *temp + coords[0] + drot[0] + time[0];"
        "props[0] = 9; stran[0] = 9; dstran[0] = 9; *temp = 9; *dtemp = 9; time[0] = 9; *dtime = 9;"
        "coords[0] = 9; drot[0] = 9; dfgrd0[0] = dfgrd1[0] = 9; predef[0] = 9; *ntens = 9;"
        "*noel = 9;",
        n_state=1,
        properties=[1.0],
    )
    old = np.full((3, 6), 0.5)
    arrays = [old, old + 1.0, law.initial_state(np.zeros(3)), np.full(3, 20.0), np.full(3, 20.0)]
    before = [array.copy() for array in arrays]
    answer = law.integrate(*arrays, TimeStep(3.0, 1.0))
    assert answer.state[:, 7].tolist() == [25.5, 25.5, 25.5]
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_any_memory_layout_gives_the_same_answer(j2):
    law = j2(viscosity=300.0, exponent=30.0)
    rng = np.random.default_rng(0)
    strain, warm = 2e-3 * rng.normal(size=(5, 6)), np.full(5, 20.0)
    still, state, step = np.zeros((5, 6)), law.initial_state(warm), TimeStep(0.0, 1.0)
    plain = law.integrate(still, strain, state, warm, warm, step)
    frozen = strain.copy()
    frozen.flags.writeable = False
    for other in (np.asfortranarray(strain), np.repeat(strain, 2, axis=0)[::2], frozen):
        answer = law.integrate(still, other, np.asfortranarray(state), warm, warm, step)
        np.testing.assert_array_equal(answer.state, plain.state)
        np.testing.assert_array_equal(answer.tangent, plain.tangent)


def test_no_points_are_no_problem(j2):
    law = j2()
    none = np.zeros((0, 6))
    answer = once(law, none, none)
    assert answer.ok
    assert answer.tangent.shape == (0, 6, 6)


@pytest.mark.parametrize("wrong", range(5))
def test_arrays_of_another_shape_are_refused(j2, wrong):
    law = j2()
    warm = np.full(3, 20.0)
    arrays = [np.zeros((3, 6)), np.zeros((3, 6)), law.initial_state(warm), warm, warm]
    arrays[wrong] = arrays[wrong][:2]
    # The shape checker of the test run would speak first.
    integrate = getattr(type(law).integrate, "__wrapped__", type(law).integrate)
    with pytest.raises(ValueError, match="points need strains"):
        integrate(law, *arrays, TimeStep(0.0, 1.0))


def test_a_file_that_is_no_library_is_refused(tmp_path):
    text = tmp_path / "lib.so"
    text.write_text("not a library")
    with pytest.raises(PluginError, match="cannot be loaded as a shared library"):
        load_function(text, "umat_")


def test_a_library_that_needs_a_missing_routine_is_refused_by_its_name(umat):
    with pytest.raises(PluginError, match="sinv_"):
        umat("extern void sinv_(double *); sinv_(stress);")


def test_flush_to_zero_is_undone_with_a_warning(umat, caplog):
    def load() -> None:
        # In a thread: the arithmetic of the test process is not at stake.
        umat("stress[0] = 1.0;", flags=("-ffast-math",))
        survived.append(sys.float_info.min / 2.0 > 0.0)

    survived: list[bool] = []
    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert survived == [True]
    if "flush-to-zero" not in caplog.text:
        pytest.skip("this compiler's -ffast-math leaves the arithmetic of a shared library alone")


def test_equal_temperatures_leave_no_thermal_residue(j2):
    law = j2(
        expansion={
            "coefficient": {"temperature": [0, 900], "value": [1.1e-5, 1.7e-5]},
            "reference": 20.0,
        }
    )
    warm = np.linspace(-100.0, 1000.0, 57)
    still = np.zeros((57, 6))
    answer = law.integrate(still, still, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0))
    assert np.abs(answer.stress).max() == 0.0
