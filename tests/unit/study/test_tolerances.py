"""One tolerance of the user decides how accurate every stage is."""

from __future__ import annotations

import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.study.context import Context
from romnet.study.read import read_study
from romnet.study.stages import stages_of
from tests.unit.study.small_study import STUDY, changed, write_study


def context_of(folder, **changes):
    path = write_study(folder, changed(STUDY, **changes))
    return Context(read_study(path), folder / "results", SerialCommunicator())


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_the_tolerance_of_the_modes_decides_those_of_points_and_iterations(tmp_path, tolerance):
    context = context_of(tmp_path, offline={"tolerance": tolerance}, newton={})
    stages = stages_of(context.located)
    found = stages["cubature"].parameters["offline.cubature.tolerance"]
    assert found == pytest.approx(10.0 * tolerance)
    assert stages["dual_pod"].parameters["offline.tolerance"] == tolerance
    # What iterations leave must not show beside what the modes leave out.
    assert context.newton_options.tolerance == pytest.approx(1e-3 * tolerance)


def test_simulations_do_not_depend_on_the_model_that_is_made_of_them(tmp_path):
    coarse, fine = (
        context_of(tmp_path / name, offline={"tolerance": value}, newton={})
        for name, value in (("coarse", 1e-2), ("fine", 1e-8))
    )
    assert coarse.simulation_options == fine.simulation_options
    assert coarse.newton_options.tolerance > fine.newton_options.tolerance


def test_a_tolerance_that_is_given_holds_for_models_and_simulations(tmp_path):
    context = context_of(tmp_path, newton={"tolerance": 1e-7})
    assert context.newton_options.tolerance == context.simulation_options.tolerance == 1e-7
