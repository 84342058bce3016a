"""Damaged copies of good files, and what readers make of them."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from romnet.core.errors import ConversionError

_NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eEdD][-+]?\d+)?")
_ODD = (
    *(b"99999999999999999999", b"-1", b"0", b"1e308", b"1e-400", b"nan", b"inf", b"2147483648"),
    *(b"", b"abc", b"1.5", b"*", b",", b"1e9", b"4294967297", b"-0", b"1000000000"),
)
_ODD_WORDS = (-1, 0, 1, 7, 2**16, 10**6, 2**24, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62)
SLOWEST = 10.0


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to three damages."""
    for _ in range(int(rng.integers(1, 4))):
        if not content:
            break
        content = _DAMAGES[int(rng.integers(len(_DAMAGES)))](content, rng)
    return content


def failures(
    files: dict[str, bytes],
    read: Callable[[Path], object],
    folder: Path,
    *,
    main: str,
    cases: int,
    seed: int,
) -> Iterator[str]:
    """Read good files, then damaged ones; yields what is neither success nor ConversionError."""
    rng = np.random.default_rng(seed)
    names = sorted(files)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    read(folder / main)
    for case in range(cases):
        name = names[int(rng.integers(len(names)))]
        path = folder / name
        path.write_bytes(damaged(files[name], rng))
        began = time.perf_counter()
        try:
            read(folder / main)
        except ConversionError:
            pass
        except (Exception, SystemExit) as problem:  # noqa: BLE001
            yield f"seed {seed} case {case} {name}: {type(problem).__name__}: {problem}"
        if time.perf_counter() - began > SLOWEST:
            yield f"seed {seed} case {case} {name}: took more than {SLOWEST:g} s"
        path.write_bytes(files[name])


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes."""
    found = bytearray(content)
    for place in rng.integers(len(found), size=int(rng.integers(1, 9))):
        found[int(place)] = int(rng.integers(256))
    return bytes(found)


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    """Drop the end."""
    return content[: int(rng.integers(len(content)))]


def _hole(content: bytes, rng: np.random.Generator) -> bytes:
    """Drop a part."""
    start, stop = sorted(int(place) for place in rng.integers(len(content), size=2))
    return content[:start] + content[stop:]


def _again(content: bytes, rng: np.random.Generator) -> bytes:
    """Repeat a part."""
    start, stop = sorted(int(place) for place in rng.integers(len(content), size=2))
    return content[:stop] + content[start:]


def _swap(content: bytes, rng: np.random.Generator) -> bytes:
    """Exchange two lines."""
    lines = content.split(b"\n")
    first, second = (int(line) for line in rng.integers(len(lines), size=2))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _drop_line(content: bytes, rng: np.random.Generator) -> bytes:
    """Drop one line."""
    lines = content.split(b"\n")
    del lines[int(rng.integers(len(lines)))]
    return b"\n".join(lines)


def _odd_number(content: bytes, rng: np.random.Generator) -> bytes:
    """Put something odd in place of a number."""
    start = int(rng.integers(len(content)))
    found = _NUMBER.search(content, start)
    if found is None:
        return content
    odd = _ODD[int(rng.integers(len(_ODD)))]
    if rng.integers(2):  # in the same columns
        odd = odd.rjust(found.end() - found.start())[: max(found.end() - found.start(), 1)]
    return content[: found.start()] + odd + content[found.end() :]


def _odd_word(content: bytes, rng: np.random.Generator) -> bytes:
    """Put something odd in place of a binary integer, mostly among the first."""
    word = int(len(content) // 4 * rng.random() ** 4)
    odd = struct.pack("<q", _ODD_WORDS[int(rng.integers(len(_ODD_WORDS)))])
    size = 8 if rng.integers(2) else 4
    return content[: 4 * word] + odd[:size] + content[4 * word + size :]


_DAMAGES = (
    *(_flip, _cut, _hole, _again, _swap, _drop_line, _odd_word),
    *(_odd_number, _odd_number, _odd_number),
)
