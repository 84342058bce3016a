"""From a call to an outcome: right, refused in clear words, or wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

from outcome import End, Outcome

from romnet.core.errors import RomnetError

# What a refusal must not look like: words of a library that nobody can act on.
_UNCLEAR = re.compile(r"Traceback|object at 0x|NoneType|index \d+ is out of bounds")


def tried(kind: str, fault: str, look: Callable[[], str], *, refusal: str = "") -> Outcome:
    """Call `look`, which returns what is wrong with its answer; it may refuse in clear words.

    With `refusal`, a pattern that the words must match, it must refuse.
    """
    try:
        detail = look()
    except RomnetError as problem:
        text = str(problem)
        if _UNCLEAR.search(text) or (refusal and not re.search(refusal, text)):
            return Outcome(kind, fault, End.WRONG, f"refused in other words: {text[:300]}")
        return Outcome(kind, fault, End.REFUSED)
    except Exception as problem:  # noqa: BLE001  (that is what is looked for)
        return Outcome(kind, fault, End.WRONG, f"{type(problem).__name__}: {problem}"[:300])
    if not detail and refusal:
        detail = "was not refused"
    return Outcome(kind, fault, End.WRONG if detail else End.SURVIVED, detail)
