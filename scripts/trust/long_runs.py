"""Memory of runs of thousands of steps, beyond what their answer takes."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from judging import tried
from outcome import Outcome
from study_bases import bar, write

_KIND = "numerics: long run"
ALLOWED = 0.01
PERIODS = {
    "in walks": {},
    "in automatic increments": {"increments": {"largest": 0.25}},
    "high-fidelity": None,
}


def run(folder: Path, *, steps: int) -> Iterator[Outcome]:
    """March a reduced model, by both of its loops, and the whole mesh; each in a process."""
    for name, keys in PERIODS.items():
        path = write(folder / name, {**bar(online=[]), **(keys or {})})
        few = steps if keys is not None else steps // 5
        yield tried(_KIND, f"{few} steps {name}", partial(grown, path, few, whole=keys is None))


def grown(path: Path, steps: int, *, whole: bool) -> str:
    """Compare the memory after a tenth of the steps with that at the end."""
    command = [sys.executable, __file__, str(path), str(steps), str(int(whole))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if ran.returncode:
        return ran.stderr[-300:]
    early, late, answer = map(float, ran.stdout.split()[-3:])
    growth = (late - early - 0.9 * answer) / early
    print(
        f"  {steps} steps: {early / 2**20:.1f} -> {late / 2**20:.1f} MiB, answer "
        f"{answer / 2**20:.2f} MiB, growth {growth:+.2%}",
        file=sys.stderr,
    )
    return "" if growth <= ALLOWED else f"memory grows by {growth:.1%} beyond the answer"


def resident() -> float:
    """Return the resident memory of this process [B]."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return float(pages) * resource.getpagesize()


def march_model(path: Path, times: list[float], at: Callable[[float], None]) -> float:
    """Answer one long load by the reduced model; return the size of the answer [B]."""
    from dataclasses import replace

    import numpy as np

    from romnet.online.solve import solve
    from romnet.reduction.model import ReducedModel
    from romnet.store import artefact
    from romnet.study import commands

    context = commands.open_study(path)
    commands.offline(context)
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    loading = replace(model.loadings["one"], times=np.array([0.0, *times]))
    answer = solve(model, loading, options=context.newton_options, on_step=at)
    if not answer.status.ok or len(answer.times) != len(times) + 1:
        raise SystemExit(f"stopped after {len(answer.times)} instants: {answer.reason}")
    arrays = [answer.coefficients, *answer.dual.values(), answer.newton_iterations, answer.cuts]
    # Fields are kept as they come, and then by scalar; coefficients one by one, and then stacked.
    return 2.0 * sum(array.nbytes for array in arrays) + 120.0 * len(times)


def march_mesh(path: Path, times: list[float], at: Callable[[float], None]) -> float:
    """Compute one long load on the whole mesh, keeping nothing."""
    import numpy as np

    from romnet.core.communicator import SerialCommunicator
    from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
    from romnet.study import commands
    from romnet.study.loadcases import loading_of
    from romnet.study.workspace import build_workspace, read_mesh

    context = commands.open_study(path)
    located, comm = context.located, SerialCommunicator()
    space = build_workspace(located, read_mesh(located), comm)
    loading = loading_of(space, located.cases["one"], np.array([0.0, *times]))
    problem = HighFidelityProblem(space.part, space.discretization, space.laws, loading, comm)
    for outcome in solve_high_fidelity(problem, options=context.simulation_options):
        if not outcome.status.ok:
            raise SystemExit(f"stopped after {outcome.committed.time}: {outcome.reason}")
        at(outcome.committed.time)
    return 0.0


def main(path: Path, steps: int, *, whole: bool) -> None:
    """Print the memory after a tenth of the steps, at the end, and that of the answer [B]."""
    times = [0.25 * number for number in range(1, steps + 1)]
    seen: dict[float, float] = {}
    watched = {times[steps // 10], times[-1]}

    def at(time: float) -> None:
        if time in watched:
            seen[time] = resident()

    answer = (march_mesh if whole else march_model)(path, times, at)
    print(seen[times[steps // 10]], seen[times[-1]], answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), whole=bool(int(sys.argv[3])))
