"""Whether a study that makes no sense is refused in words that name the key, and in time."""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import signal
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import study_bases
from failing_laws import romnet
from outcome import End, Outcome
from study_mutations import Mutant, mutants

MEMORY = 6 * 2**30
SECONDS = 20.0
CHUNK = 250
_KIND = "input: study"


class _SlowError(BaseException):
    """Not an Exception, so that nothing takes it for a failure of its own."""


def run(folder: Path, *, count: int, seed: int) -> Iterator[Outcome]:
    """Look at `count` changed studies as `romnet check` does, in two processes."""
    texts = study_bases.texts()
    made = list(mutants(texts, count, seed))
    parts = [made[start : start + CHUNK] for start in range(0, len(made), CHUNK)]
    with ProcessPoolExecutor(max_workers=2, initializer=_limited) as pool:
        answers = [pool.submit(_looked_at, folder, part) for part in parts]
        for part, answer in zip(parts, answers, strict=True):
            try:
                yield from answer.result(timeout=SECONDS * CHUNK)
            except (BrokenProcessPool, TimeoutError) as problem:
                yield Outcome(_KIND, part[0].what, End.WRONG, f"a process ended: {problem!r}")


def run_commands(folder: Path, *, count: int, seed: int) -> Iterator[Outcome]:
    """Look at some changed studies by the command itself."""
    folder.mkdir()
    for number, mutant in enumerate(mutants(study_bases.texts(), count, seed)):
        path = folder / str(number) / "study.yaml"
        path.parent.mkdir()
        path.write_bytes(_bytes(mutant))
        ran = romnet("check", path)
        said = ran.stdout + ran.stderr
        clear = ran.returncode in (0, 2) and said.strip() and "Traceback" not in said
        end = End.REFUSED if ran.returncode else End.SURVIVED
        detail = "" if clear else f"exit code {ran.returncode}: {said[-300:]}"
        fault = f"{mutant.what} {'.'.join(map(str, mutant.place))}".strip()
        yield Outcome("input: romnet check", fault, end if clear else End.WRONG, detail)


def _bytes(mutant: Mutant) -> bytes:
    """Return the file of a changed study, which may be no text."""
    return mutant.text.encode("utf-8", errors="surrogatepass")


def _limited() -> None:
    """Bound the memory of a process, so that a study cannot ask for all there is."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_slow)
    warnings.simplefilter("ignore")  # of mutants, not of the study
    import romnet.study.checks.checking  # noqa: F401  (before the clock runs)


def _too_slow(*_: object) -> None:
    """End a look that takes too long."""
    raise _SlowError


def _looked_at(folder: Path, part: list[Mutant]) -> list[Outcome]:
    """Look at some studies in a folder of their own."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return [judged(mutant, Path(own)) for mutant in part]


def judged(mutant: Mutant, folder: Path) -> Outcome:
    """Look at one study and judge what is said about it."""
    from romnet.study.checks.checking import check

    path = folder / "study.yaml"
    path.write_bytes(_bytes(mutant))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            found = check(path)
        detail = _fault(mutant, found.errors, said.getvalue())
    except _SlowError:
        found, detail = None, f"takes more than {SECONDS:g} s"
    except Exception as problem:  # noqa: BLE001  (that is what is looked for)
        found, detail = None, f"{type(problem).__name__}: {problem}"[:300]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    end = End.WRONG if found is None or detail else End.SURVIVED if found.ok else End.REFUSED
    place = ".".join(map(str, mutant.place))
    if end is End.WRONG:
        _keep(mutant)
    return Outcome(_KIND, f"{mutant.what} {place}".strip(), end, detail)


def _fault(mutant: Mutant, errors: tuple[str, ...], printed: str) -> str:
    """Say what is wrong with a refusal: it must name the file, the line and the key."""
    if printed:
        return f"prints {printed[:100]!r}"
    if not errors:
        return ""
    unlocated = [
        text for text in errors if not re.search(r"study\.yaml(:\d+|: cannot be read)", text)
    ]
    if unlocated:
        return f"names no line: ...{unlocated[0][-200:]}"
    told = "\n".join(errors)
    absent = "msh: does not exist" in told  # two of the studies lack their mesh anyway
    if mutant.names and not absent and not any(name in told for name in mutant.names):
        return f"does not name the key: {told[-200:]} {sorted(mutant.names)}"
    return ""


def _keep(mutant: Mutant) -> None:
    """Keep a study that went wrong, where the environment says so."""
    kept = os.environ.get("TRUST_KEEP")
    if kept:
        name = f"{abs(hash((mutant.what, mutant.place, mutant.text))):x}.yaml"
        Path(kept).mkdir(parents=True, exist_ok=True)
        (Path(kept) / name).write_bytes(_bytes(mutant))
