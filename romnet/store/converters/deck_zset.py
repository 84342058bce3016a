"""Z-set input decks and material files cut into blocks: stars, a keyword, the lines below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from romnet.core.errors import ConversionError
from romnet.store.converters.deck_cards import Place

_END = "return"
_MOST_STARS = 4


@dataclass(frozen=True)
class Block:
    """One keyword with its data lines and the blocks of fewer stars below it.

    Attributes
    ----------
    stars
        How many the keyword has.
    keyword, words
        Keyword and the words behind it.
    place
        Where it stands.
    rows
        Data lines as words, with their places, up to the next keyword.
    children
        Blocks of fewer stars.
    """

    stars: int
    keyword: str
    words: tuple[str, ...]
    place: Place
    rows: tuple[tuple[Place, tuple[str, ...]], ...]
    children: tuple[Block, ...]

    def all(self, keyword: str) -> list[Block]:
        """Return the children with a keyword."""
        return [child for child in self.children if child.keyword == keyword]

    def first(self, keyword: str) -> Block | None:
        """Return the first child with a keyword."""
        return next(iter(self.all(keyword)), None)

    def numbers(self) -> list[float]:
        """Return the numbers behind the keyword and in the lines below.

        Raises
        ------
        ConversionError
            If a word is no finite number.
        """
        words = [(self.place, word) for word in self.words]
        words += [(place, word) for place, row in self.rows for word in row]
        return [zset_number(place, word) for place, word in words]


def read_blocks(path: Path) -> tuple[Block, ...]:
    """Cut a file into blocks.

    Parameters
    ----------
    path
        Input deck or material file.

    Returns
    -------
    tuple
        The blocks of most stars; the others are their children.

    Raises
    ------
    ConversionError
        If it cannot be read, holds no keyword, or ends without ``return``.

    Notes
    -----
    Collective: no. Deterministic: yes. ``%`` and ``#`` begin comments.

    Examples
    --------
    >>> read_blocks(Path("absent.inp"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.inp: cannot be read (No such file or directory).
    """
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem
    if "\0" in text:
        message = f"{path}: is no text."
        raise ConversionError(message)
    lines = [
        (Place(path, number), line.split("%")[0].strip())
        for number, line in enumerate(text.split("\n"), start=1)
    ]
    lines = [(place, line) for place, line in lines if line and not line.startswith("#")]
    if not lines or not lines[0][1].startswith("*"):
        message = f"{path}: is no Z-set file, its first line is no keyword."
        raise ConversionError(message)
    if not any(line.lstrip("*") == _END and line.startswith("***") for _, line in lines):
        message = f"{path}: ends without return: truncated."
        raise ConversionError(message)
    flat = list(_flat(lines))
    return _nested(flat)


def zset_number(place: Place, word: str) -> float:
    """Read one number.

    Raises
    ------
    ConversionError
        If it is no finite number.
    """
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        problem = f"{word!r} is no number."
        raise place.error(problem)
    return value


def _flat(lines: list[tuple[Place, str]]) -> Iterator[Block]:
    """Yield the blocks without their children."""
    starts = [n for n, (_, line) in enumerate(lines) if line.startswith("*")]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        place, line = lines[start]
        stars = len(line) - len(line.lstrip("*"))
        words = line.lstrip("*").replace("(", " ( ").replace(")", " ) ").split()
        if stars > _MOST_STARS:
            problem = f"a keyword has {_MOST_STARS} stars at most."
            raise place.error(problem)
        if not words or words[0] == _END:
            continue
        rows = tuple(
            (where, tuple(text.replace("(", " ( ").replace(")", " ) ").split()))
            for where, text in lines[start + 1 : stop]
        )
        yield Block(stars, words[0], tuple(words[1:]), place, rows, ())


def _nested(flat: list[Block]) -> tuple[Block, ...]:
    """Put blocks under those of more stars before them."""
    roots: list[Block] = []
    start = 0
    while start < len(flat):
        head = flat[start]
        stop = start + 1
        while stop < len(flat) and flat[stop].stars < head.stars:
            stop += 1
        children = _nested(flat[start + 1 : stop])
        roots.append(Block(head.stars, head.keyword, head.words, head.place, head.rows, children))
        start = stop
    return tuple(roots)
