"""The same model and answer on 1, 2 and 3 ranks, and a model of 3 ranks asked on 1 and 2."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from cube import ROOT, study_in

from romnet.fe.inner_products import l2_mass
from romnet.online.solve import ReducedSolution
from romnet.reduction.cubature import ReducedQuadrature
from romnet.store import artefact
from romnet.store.mesh_file import load_mesh
from romnet.store.modes import load_bases

_RANKS = (1, 2, 3)
_QUESTION = {"name": "cycle2", "until": 4.0, "increments": 20}


def measure(_: Path | None) -> dict[str, object]:
    """Return differences between ranks; relative, in the norm of the displacement modes."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        study = study_in(folder, {"online": [_QUESTION]})
        for ranks in _RANKS:
            _romnet(ranks, "online", study, folder / f"r{ranks}")
        for ranks in (1, 2):
            shutil.copytree(folder / "r3", folder / f"r3on{ranks}")
            shutil.rmtree(folder / f"r3on{ranks}" / "online")
            _romnet(ranks, "online", study, folder / f"r3on{ranks}")
        one = folder / "r1"
        others = [folder / f"r{ranks}" for ranks in _RANKS[1:]]
        moved = [folder / "r3on1", folder / "r3on2"]
        return {
            "same_points": all(np.array_equal(_points(one), _points(other)) for other in others),
            "subspace": max(_subspace(one, other) for other in others),
            "online_u": max(_displacement(one, other) for other in others),
            "online_p": max(_dual(one, other) for other in others),
            "moved_u": max(_displacement(folder / "r3", other) for other in moved),
            "moved_p": max(_dual(folder / "r3", other) for other in moved),
        }


def _romnet(ranks: int, command: str, study: Path, results: Path) -> None:
    """Run a command of romnet on some ranks."""
    program = Path(sys.executable).with_name("romnet")
    subprocess.run(
        [ROOT / "scripts" / "mpi", str(ranks), program, command, study, "--results", results],
        check=True,
        capture_output=True,
        timeout=300,
    )


def _points(results: Path) -> np.ndarray:
    """Return the selected points."""
    return artefact.load(results / "cubature.h5", ReducedQuadrature).points


def _subspace(one: Path, other: Path) -> float:
    """Return the sine of the largest angle between two displacement bases."""
    factor = l2_mass(load_mesh(one / "mesh.h5")).factor
    first, second = (
        factor @ load_bases(path / "pod.h5")["displacement"].modes for path in (one, other)
    )
    return float(np.linalg.norm(second - first @ (first.T @ second), 2))


def _displacement(one: Path, other: Path) -> float:
    """Return the relative difference of two answers in displacement."""
    first, second = (
        load_bases(path / "pod.h5")["displacement"].modes @ _solution(path).coefficients
        for path in (one, other)
    )
    return float(np.linalg.norm(first - second) / np.linalg.norm(first))


def _dual(one: Path, other: Path) -> float:
    """Return the relative difference of two answers in cumulated strain at the mask points."""
    first, second = (_solution(path).dual["p"] for path in (one, other))
    return float(np.linalg.norm(first - second) / np.linalg.norm(first))


def _solution(results: Path) -> ReducedSolution:
    """Return the answer to the question."""
    return artefact.load(results / "online" / "cycle2.h5", ReducedSolution)
