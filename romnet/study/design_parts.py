"""Answers to some draws of a design, kept so that a run that is killed loses little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from types import TracebackType

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import StoreError
from romnet.store import artefact, codec
from romnet.store.manifest import Manifest, read_manifest
from romnet.study.design_answers import DesignAnswers

SAVED_EVERY_S = 2.0  # a part takes some 20 ms to write


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

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, PartsOfRank(Path(folder), "1f0c") as parts:
    ...     found_parts(Path(folder), "1f0c")
    ()
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key
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

    def gathered(self, comm: Communicator) -> tuple[Part, ...]:
        """Return, on rank 0, what no rank has written, and forget it. Collective: yes."""
        mine = (joined(self._unwritten),) if self._unwritten else ()
        self._unwritten = []
        content = codec.packed(mine[0]) if mine and comm.rank > 0 else b""
        sizes = comm.concatenate(np.array([len(content)]))
        every = comm.gather(np.frombuffer(content, dtype=np.uint8))
        if comm.rank > 0:
            return ()
        pieces = np.split(every, np.cumsum(sizes)[:-1])
        return (*mine, *(codec.unpacked(one.tobytes(), Part) for one in pieces if one.size))

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
    """Return parts as one, its draws in order.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not parts:
        message = "there is no part."
        raise ValueError(message)
    numbers = np.concatenate([part.numbers for part in parts])
    order = np.argsort(numbers)
    every = [part.answers for part in parts]
    first = every[0]

    def stacked(arrays: Iterable[Array]) -> Array:
        return np.concatenate(list(arrays))[order]

    def labels(tuples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        in_turn = [label for labels in tuples for label in labels]
        return tuple(in_turn[k] for k in order)

    answers = replace(
        first,
        values=stacked(one.values for one in every),
        coefficients=stacked(one.coefficients for one in every),
        dual={name: stacked(one.dual[name] for one in every) for name in first.dual},
        indicator={name: stacked(one.indicator[name] for one in every) for name in first.indicator},
        status=labels(one.status for one in every),
        reason=labels(one.reason for one in every),
        reached=stacked(one.reached for one in every),
        newton_iterations=stacked(one.newton_iterations for one in every),
        cuts=stacked(one.cuts for one in every),
        seconds=sum(one.seconds for one in every),
    )
    return Part(numbers[order], answers)
