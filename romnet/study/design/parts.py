"""Answers to some draws of a design, kept so that a run that is killed loses little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from types import TracebackType

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import StoreError
from romnet.core.status import Status
from romnet.store import artefact
from romnet.store.manifest import Manifest, read_manifest
from romnet.study.design.answers import DesignAnswers

SAVED_EVERY_S = 2.0  # a part takes some 20 ms to write
_LABEL = f"S{max(len(status.label) for status in Status)}"


@dataclass(frozen=True)
class Part:
    """Answers to some draws.

    Attributes
    ----------
    numbers
        Which draws of the design.
    answers
        To these, in this order.
    """

    numbers: Int[Array, " n_draws"]
    answers: DesignAnswers


class PartsOfRank:
    """Parts that one rank answers; written every now and then, and when a run is broken off.

    Parameters
    ----------
    folder
        Where the parts of all ranks are.
    key
        Of the question: parts of another one are of no use.
    nothing
        The part without any draw.
    """

    def __init__(self, folder: Path, key: str, nothing: Part) -> None:
        self._folder, self._key, self._nothing = folder, key, nothing
        self._unwritten: list[Part] = []
        self._written_at = perf_counter()

    def __enter__(self) -> PartsOfRank:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left."""
        self._write()

    def add(self, part: Part) -> None:
        """Keep a part."""
        self._unwritten.append(part)
        if perf_counter() - self._written_at >= SAVED_EVERY_S:
            self._write()

    def gathered(self, comm: Communicator) -> Part:
        """Return, on rank 0, what no rank has written; forget it. Collective: yes."""
        mine = joined([self._nothing, *self._unwritten])
        self._unwritten = []
        every = _combined([mine], lambda arrays: comm.gather(arrays[0]))
        seconds = float(comm.sum(np.array([mine.answers.seconds]))[0])
        return Part(every.numbers, replace(every.answers, seconds=seconds))

    def _write(self) -> None:
        """Write what has been kept since the last time into one file."""
        if self._unwritten:
            part = joined(self._unwritten)
            path = self._folder / f"{part.numbers.min():08d}.h5"
            artefact.save(path, part, Manifest(key=self._key))
        self._unwritten, self._written_at = [], perf_counter()


def found_parts(folder: Path, key: str) -> tuple[Part, ...]:
    """Read the parts of a question that are there; damaged ones, and those of others, are not."""
    found = []
    for path in sorted(folder.glob("*.h5")):
        try:
            if read_manifest(path).key == key:
                found.append(artefact.load(path, Part))
        except StoreError:
            continue
    return tuple(found)


def joined(parts: Sequence[Part]) -> Part:
    """Return one part or more as one, its draws in order."""
    order = np.argsort(np.concatenate([part.numbers for part in parts]))
    return _combined(parts, lambda arrays: np.concatenate(arrays)[order])


def _combined(parts: Sequence[Part], combine: Callable[[Sequence[Array]], Array]) -> Part:
    """Return the part whose arrays are combined from those of several, a row for each draw."""
    every = [part.answers for part in parts]

    def array(name: str) -> Array:
        return combine([getattr(one, name) for one in every])

    def members(name: str) -> dict[str, Array]:
        return {key: combine([getattr(one, name)[key] for one in every]) for key in every[0].dual}

    def labels(name: str) -> tuple[str, ...]:
        letters = [np.array(getattr(one, name), dtype=_LABEL).view(np.uint8) for one in every]
        width = np.dtype(_LABEL).itemsize
        found = combine([one.reshape(-1, width) for one in letters])
        return tuple(label.decode() for label in found.view(_LABEL)[:, 0].tolist())

    answers = replace(
        every[0],
        values=array("values"),
        coefficients=array("coefficients"),
        dual=members("dual"),
        indicator=members("indicator"),
        status=labels("status"),
        reason=labels("reason"),
        reached=array("reached"),
        newton_iterations=array("newton_iterations"),
        cuts=array("cuts"),
        seconds=sum(one.seconds for one in every),
    )
    return Part(combine([part.numbers for part in parts]), answers)
