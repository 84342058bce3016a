"""A load that the structure cannot bear: told, kept as far as it went, exit code 3."""

from __future__ import annotations

import json

import numpy as np
from typer.testing import CliRunner

from romnet.cli.main import app
from romnet.core.status import Status
from romnet.online.solve import ReducedSolution
from romnet.store import artefact
from tests.unit.study.small_study import STUDY, write_study

SOFT = {"young": 2.0e5, "poisson": 0.3, "yield_stress": 100.0, "viscosity": 50.0, "exponent": 8.0}


def test_three_times_the_load_ends_early_with_what_was_reached(tmp_path):
    # Tension of 80 in training; above 100 it flows, at a rate that one correction cannot find.
    study = STUDY | {
        "materials": [{"law": "j2_viscoplastic", "parameters": SOFT}],
        "amplitudes": {"ramp": {"times": [0.0, 1.0], "values": [0.0, 1.0], "after": "hold"}},
        "loads": [
            {
                "type": "traction",
                "faces": "x1",
                "vector": [80.0, 0.0, 0.0],
                "amplitude": "ramp",
            }
        ],
        "newton": {"max_iterations": 1, "smallest_step": 0.01},
        "offline": {"tolerance": 1.0e-6, "dual": ["stress"]},
        "online": [{"name": "triple", "loads": {"traction": {"vector": [240.0, 0.0, 0.0]}}}],
    }
    path = write_study(tmp_path, study)
    result = CliRunner().invoke(app, ["online", str(path), "--json"])
    assert result.exit_code == 3
    (told,) = json.loads(result.stdout)["cases"]
    assert told["status"] == "step_too_small"
    assert told["steps"] == 1
    assert told["advice"]
    assert told["until"] == 0.25
    assert told["reason"] == "max_iterations"
    answer = artefact.load(tmp_path / "results" / "online" / "triple.h5", ReducedSolution)
    assert answer.status is Status.STEP_TOO_SMALL
    assert not answer.reason.ok
    assert answer.times.tolist() == [0.0, 0.25]
    assert answer.cuts.tolist()[0] == 0
    assert answer.cuts.tolist()[1] > 3
    assert told["cuts"] == answer.cuts.sum()
    said = CliRunner().invoke(app, ["online", str(path)])
    assert said.exit_code == 3
    assert f"{told['cuts']} increments cut; stopped after t = 0.25 (max_iter" in said.stdout
    # The part that was reached is the elastic answer: 60 of tension.
    stress = answer.dual["stress_11"][:, -1]
    np.testing.assert_allclose(stress, 60.0, rtol=1e-6)
