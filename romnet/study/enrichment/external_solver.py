"""Steps on the whole mesh by another code, which computes a load case from its beginning."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import ConversionError
from romnet.store.converters.base import find_converter
from romnet.study.foreign import finite_instant

if TYPE_CHECKING:
    from romnet.store.converters.base import Results
    from romnet.study.context import Context
    from romnet.study.schema import ExternalSolver

_CLOSE = 1e-9  # of instants, relative to the one wanted
_SAID = 2000  # characters of what a program said that an error repeats


class Elsewhere:
    """Displacements of a load case from another code.

    Another code cannot go on from romnet's state of every integration point. It computes the load
    case up to the instant wanted instead; only the displacement is taken over, and romnet's laws
    tell the state that belongs to it. What was computed once is not computed again.

    Parameters
    ----------
    context
        Study and ranks.
    solver
        The program and the file it writes.
    case
        Name of the load case.
    """

    def __init__(self, context: Context, solver: ExternalSolver, case: str) -> None:
        self.context, self.solver, self.case = context, solver, case
        self._path = context.located.resolve(solver.results)
        self._results: Results | None = None

    def displacement(self, time: float) -> Float[Array, " n_dofs"]:
        """Return the displacement of this rank's dofs at an instant [length].

        Raises
        ------
        ConversionError
            If the program fails, or what it writes lacks the instant; on all ranks.

        Notes
        -----
        Collective: yes; the program runs once, for rank 0.
        """
        workspace, comm = self.context.workspace, self.context.comm
        with together(comm):
            missing = self._results is None or self._place(self._results, time) is None
            if missing and comm.rank == 0:
                self._compute(time)
        with together(comm):
            if missing:
                converter = find_converter(self._path)
                self._results = converter.read_results(self._path, workspace.mesh)
            results = self._results
            place = None if results is None else self._place(results, time)
            if results is None or place is None:
                message = f"{self._path} has no displacement at t = {time:g}, which was asked for."
                raise ConversionError(message)
            fields = finite_instant(self._path, results, place, ("displacement",))
        return np.ravel(fields["displacement"])[workspace.part.dofs]

    def _compute(self, time: float) -> None:
        """Run the program, in the folder of the study."""
        words = [word.format(time=repr(time), case=self.case) for word in self.solver.command]
        folder: Path = self.context.located.yaml.path.parent
        before = self._written()
        try:
            ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        except OSError as problem:
            message = f"indicator.solver: {words[0]} cannot be started: {problem}."
            raise ConversionError(message) from problem
        # A file of an earlier run may belong to another load.
        fresh = self._written() not in {None, before}
        if ran.returncode or not fresh:
            said = (ran.stderr or ran.stdout)[-_SAID:].strip()
            message = (
                f"indicator.solver: {' '.join(words)} ended with exit code {ran.returncode} and "
                f"{'wrote' if fresh else 'did not write'} {self._path}. {said}"
            )
            raise ConversionError(message)

    def _written(self) -> int | None:
        """Return when the results were written [ns], None if they are not there."""
        return self._path.stat().st_mtime_ns if self._path.is_file() else None

    @staticmethod
    def _place(results: Results, time: float) -> int | None:
        """Return the number of an instant, None if it is not there."""
        if "displacement" not in results.fields or not len(results.times):
            return None
        number = int(np.abs(np.asarray(results.times) - time).argmin())
        return number if abs(results.times[number] - time) <= _CLOSE * abs(time) else None
