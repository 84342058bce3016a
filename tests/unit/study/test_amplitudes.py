"""A quadrature whose modes count as far as they move needs fewer points for the same forces."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.fe.strains import strains_at
from romnet.reduction.cubature_problem import ReducedQuadrature
from romnet.store import artefact
from romnet.study import commands
from romnet.study.training import displacement_basis, training_field
from tests.unit.study.small_study import STUDY, changed, write_study

TOLERANCE = 1e-4


def quadrature(folder, *, by_amplitude):
    """Select points of the small study, its training included."""
    offline = {"tolerance": 1e-6, "dual": ["p"]}
    keys = {"tolerance": TOLERANCE, "by_amplitude": by_amplitude}
    study = changed(STUDY, offline=offline | {"cubature": keys})
    context = commands.open_study(write_study(folder, study), comm=SerialCommunicator())
    commands.offline(context, until="cubature")
    return context, artefact.load(context.folder / "cubature.h5", ReducedQuadrature)


@pytest.mark.timeout(120)
def test_generalised_forces_are_integrated_as_far_as_their_modes_move(tmp_path):
    context, rule = quadrature(tmp_path / "scaled", by_amplitude=True)
    _, plain = quadrature(tmp_path / "plain", by_amplitude=False)
    discretization, basis = context.workspace.discretization, displacement_basis(context)
    points = np.arange(discretization.n_points)
    stress = training_field(context, "stress").rows(np.arange(6 * points.size))
    strain = strains_at(discretization, points, basis.modes)
    virtual = np.einsum("pcs,pci->sip", stress.reshape(points.size, 6, -1), strain)
    moved = basis.singular_values[: basis.n_modes] / basis.singular_values[0]

    def error(found, scale):
        weights = -discretization.weights
        weights[found.points] += found.weights
        integrals = scale[:, None] * virtual
        return np.linalg.norm(integrals @ weights) / np.linalg.norm(
            integrals @ discretization.weights
        )

    # The volume weighs as much as all integrals together.
    assert error(rule, moved) <= np.sqrt(2.0) * TOLERANCE
    assert error(rule, np.ones_like(moved)) > np.sqrt(2.0) * TOLERANCE
    assert rule.points.size < plain.points.size
