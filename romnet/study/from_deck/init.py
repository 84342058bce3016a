"""``romnet init --from DECK``: a complete study from the input of another code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from romnet.core.errors import ConversionError, StudyError
from romnet.study.from_deck.abaqus import draft_from_abaqus
from romnet.study.from_deck.draft import relative, render
from romnet.study.from_deck.zset import draft_from_zset
from romnet.study.read import read_study

# Results that lie beside a deck under its name, by the code that writes them.
_ABAQUS_RESULTS = (".frd",)
_ZSET_RESULTS = (".ut",)
_BEGINNING = 65536


@dataclass(frozen=True)
class StudyFromDeck:
    """A study that was written.

    Attributes
    ----------
    path
        The study.
    results
        Result files it learns from; none if romnet computes them itself.
    notes
        What was not taken over: file and line of the deck, and words.
    """

    path: Path
    results: tuple[Path, ...]
    notes: tuple[tuple[str, str], ...]


def init_from_deck(
    deck: Path,
    folder: Path,
    *,
    results: tuple[Path, ...] = (),
    umat: Path | None = None,
) -> StudyFromDeck:
    """Write the study that an input deck describes.

    Parameters
    ----------
    deck
        ``.inp`` of Abaqus or CalculiX, or of Z-set; its first keyword tells which.
    folder
        Where to write ``study.yaml``; made if absent.
    results
        Result files to learn from, each a training simulation under the load of the deck. If left
        out, the file beside the deck that has its name, where there is one.
    umat
        Shared library of the user materials of the deck.

    Returns
    -------
    StudyFromDeck
        The study, and what it does not contain.

    Raises
    ------
    StudyError
        If the folder holds a study already, or a file does not exist.
    ConversionError
        If the deck is malformed; names the line.

    Notes
    -----
    Collective: no. Writes one file. What could not be taken over stands as comments at the top of
    the study, with the lines of the deck.
    """
    target = folder / "study.yaml"
    if target.exists():
        message = f"{target} exists already; choose another folder."
        raise StudyError(message)
    for path in (deck, *results, *([umat] if umat is not None else [])):
        if not path.is_file():
            message = f"there is no file {path}."
            raise StudyError(message)
    zset = _is_zset(deck)
    library = None if umat is None else relative(umat, folder)
    draft = (draft_from_zset if zset else draft_from_abaqus)(deck, folder, umat=library)
    found = results or _beside(deck, _ZSET_RESULTS if zset else _ABAQUS_RESULTS)
    text = render(draft, folder, found)
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    called = any(isinstance(entry.value["law"], dict) for entry in draft.materials)
    unused = ((deck.name, f"{umat}: there is no user material"),) if umat and not called else ()
    return StudyFromDeck(target, found, (*draft.notes, *unused, *_problems(target)))


def _problems(path: Path) -> tuple[tuple[str, str], ...]:
    """Return what still stands in the way of reading the study."""
    try:
        read_study(path)
    except StudyError as problem:
        return tuple((path.name, line) for line in str(problem).splitlines())
    return ()


def _is_zset(deck: Path) -> bool:
    """Whether the first keyword is one of Z-set, which has four stars."""
    try:
        with deck.open("rb") as file:
            lines = file.read(_BEGINNING).splitlines()
    except OSError as problem:
        message = f"{deck}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem
    words = (line.strip() for line in lines)
    first = next((word for word in words if word.startswith(b"*")), b"")
    return first.startswith(b"****") and first[4:5].isalpha()


def _beside(deck: Path, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the results that lie beside a deck."""
    candidates = (deck.with_suffix(suffix) for suffix in suffixes)
    return tuple(path for path in candidates if path.is_file())[:1]
