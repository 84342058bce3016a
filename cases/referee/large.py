"""The timed computation: a notched blade of more than 100 000 degrees of freedom.

usage: large.py deck FOLDER | romnet FOLDER | compare FOLDER

``deck`` writes the input of CalculiX, ``romnet`` computes the same on this rank (start it with
``scripts/mpi 2``) and writes displacement, stress and cumulated plastic strain of all instants,
``compare`` tells how far apart the answers at the last instant are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import body
import deck
import numpy as np
import readers
import solve
from body import Phase, Referee

from romnet.core.communicator import Communicator
from romnet.core.tensors import VOIGT
from romnet.fe.discretization import discretize
from romnet.store.snapshots import FieldInfo, SnapshotStore, writing_snapshots

ELEMENT = "C3D20R"
DIVISIONS = (42, 11, 17)
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
    mesh = body.notched_blade(f"abaqus:{ELEMENT}", divisions)
    return Referee(mesh, "viscoplastic", PHASES)


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


def compare(folder: Path, case: Referee) -> dict[str, float]:
    """Return the relative L2 gaps of displacement, stress and p at the last instant."""
    theirs = readers.read_dat(folder / "job.dat").fields
    ours = SnapshotStore.open(folder / "results.h5")
    weights = {"displacement": np.ones(case.mesh.n_nodes)}
    gaps = {}
    for name in FIELDS:
        last = theirs[name][-1]
        mine = ours.source(name).column(ours.n_times - 1).reshape(last.shape)
        weight = weights.get(name)
        weight = discretize(case.mesh).weights if weight is None else weight
        top, bottom = (np.sqrt(weight @ (v**2).sum(axis=1)) for v in (mine - last, last))
        gaps[name] = float(top / bottom)
    return gaps | {"largest_p": float(theirs["p"][-1].max())}


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
        print(json.dumps(compare(path, case)))


if __name__ == "__main__":
    main()
