"""The timed computation: a notched blade of more than 100 000 degrees of freedom.

usage, with this file's parent folder on PYTHONPATH:

    python -m referee.large deck FOLDER | romnet FOLDER | compare FOLDER

``deck`` writes the input of CalculiX, ``romnet`` computes the same on this rank (start it with
``scripts/mpi 2``) and writes displacement, stress and cumulated plastic strain of all instants,
``compare`` tells how far apart the answers at the last instant are.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from referee import body, deck, solve
from referee.body import Phase, Referee
from referee.compare import Gaps, gaps, printed

from romnet.core.communicator import Communicator
from romnet.core.tensors import VOIGT
from romnet.store.snapshots import FieldInfo, SnapshotStore, writing_snapshots

ELEMENT = "C3D20R"
LENGTHS = (100.0, 6.0, 40.0)
DIVISIONS = (62, 4, 28)
OMEGA, PRESSURE = 1750.0, 0.18
# Start, hold, and a last increment of its own, whose results CalculiX prints.
PHASES = (
    Phase(40.0, 10, 1.0, 1.0, 1.0),
    Phase(76.0, 9, 0.7, 1.0, 0.4),
    Phase(80.0, 1, 0.6, 1, 0.3),
)
TOLERANCE = 1e-6
FIELDS = {
    "displacement": FieldInfo("node", ("1", "2", "3"), "displacement", "mm"),
    "stress": FieldInfo("point", VOIGT, "stress", "MPa"),
    "p": FieldInfo("point", (), "p", "-"),
}


def large(divisions: tuple[int, int, int] = DIVISIONS) -> Referee:
    """Return the computation: plastic with creep, all properties depend on temperature."""
    mesh = body.notched_blade(f"abaqus:{ELEMENT}", divisions, LENGTHS)
    return Referee(mesh, "viscoplastic", PHASES, omega=OMEGA, pressure=PRESSURE)


def write_deck(folder: Path, case: Referee) -> None:
    """Write the input of CalculiX, which iterates as far as its own defaults ask for."""
    folder.mkdir(parents=True, exist_ok=True)
    deck.write(folder / "job.inp", case, tight=False, every=False)


def solve_large(folder: Path, case: Referee, comm: Communicator) -> int:
    """Compute with romnet, write the results, and return the number of Newton iterations."""
    problem = solve.problem_of(case, comm)
    part = problem.subdomain
    rows = {
        name: (part.points[:, None] * info.n_components + np.arange(info.n_components)).ravel()
        for name, info in FIELDS.items()
    }
    rows["displacement"] = part.dofs[part.owned_dofs]
    iterations = 0
    with writing_snapshots(folder / "results.h5", FIELDS, rows=rows, comm=comm) as writer:
        for outcome in solve.solve(problem, tolerance=TOLERANCE):
            iterations += outcome.iterations
            state = outcome.committed.state
            values = {
                name: np.ravel(problem.laws.field(state, name))
                for name in FIELDS
                if name != "displacement"
            }
            values["displacement"] = outcome.committed.unknown[part.owned_dofs]
            writer.append(outcome.committed.time, values)
    return iterations


def compare_last(folder: Path, case: Referee) -> Gaps:
    """Return how far apart the answers are at the last instant."""
    ours = SnapshotStore.open(folder / "results.h5")
    last = {name: ours.source(name).column(ours.n_times - 1) for name in FIELDS}
    return gaps(case, [last], list(printed(folder / "job.dat", case)))


def main() -> None:
    """Do one of the three."""
    what, folder, *numbers = sys.argv[1:]
    case = large(tuple(map(int, numbers)) if numbers else DIVISIONS)  # type: ignore[arg-type]
    path = Path(folder)
    if what == "deck":
        write_deck(path, case)
    elif what == "romnet":
        from romnet.parallel.mpi import world

        comm = world()
        iterations = solve_large(path, case, comm)
        if comm.rank == 0:
            print(json.dumps({"iterations": iterations, "dofs": case.mesh.n_dofs}))
    else:
        print(json.dumps(asdict(compare_last(path, case))))


if __name__ == "__main__":
    main()
