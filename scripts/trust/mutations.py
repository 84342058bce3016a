"""Four safeguards taken out of a copy of the package, one at a time: a test must fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 300.0


@dataclass(frozen=True)
class Mutation:
    """What is replaced in which file, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


_STORE = "tests/unit/store/test_artefact.py"
_CUBATURE = "tests/unit/reduction/test_cubature.py"
_RANKS = "tests/unit/core/test_communicator.py"
MUTATIONS = (
    Mutation(
        "checksums are not compared on reading",
        "romnet/store/artefact.py",
        "    if not _is_verified(path):\n        verify(path)\n",
        "",
        (
            f"{_STORE}::test_another_file_than_that_of_the_manifest_is_noticed",
            f"{_STORE}::test_a_file_without_manifest_is_refused",
        ),
    ),
    Mutation(
        "a file is not renamed when it is whole",
        "romnet/store/replacing.py",
        "        temporary.replace(path)\n",
        "",
        (f"{_STORE}::test_artefact_and_manifest_come_back",),
    ),
    Mutation(
        "ties of the cubature are decided by rounding",
        "romnet/reduction/selection.py",
        "tied = numbers[scores[:, column] >= top * (1.0 - tie_tolerance)]",
        "tied = numbers[scores[:, column] >= top]",
        (f"{_CUBATURE}::test_symmetric_integrands_give_one_set_under_rounding",),
    ),
    Mutation(
        "the error of another rank is not raised",
        "romnet/core/communicator.py",
        "    raise shared from error\n",
        "",
        (f"{_RANKS}::test_the_error_of_another_rank_is_raised_here_with_its_class_and_number",),
    ),
)


def main() -> int:
    """Say of every mutation whether its tests notice; the exit code is 1 if one does not."""
    with tempfile.TemporaryDirectory(prefix="romnet-mutations-") as folder:
        copy = Path(folder)
        skip = shutil.ignore_patterns("__pycache__", "_build")
        for name in ("romnet", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=skip)
        shutil.copy(ROOT / "pyproject.toml", copy)
        every = tuple(test for mutation in MUTATIONS for test in mutation.tests)
        left = failing(copy, every)
        print(f"{'nothing is taken out':<48} {len(every) - len(left)} of {len(every)} tests pass")
        noticed = not left
        for mutation in MUTATIONS:
            with_mutation(copy, mutation)
            found = failing(copy, mutation.tests)
            shutil.copy(ROOT / mutation.file, copy / mutation.file)
            print(f"{mutation.name:<48} {len(found)} of {len(mutation.tests)} tests fail")
            noticed = noticed and len(found) == len(mutation.tests)
    return 0 if noticed else 1


def with_mutation(copy: Path, mutation: Mutation) -> None:
    """Take one safeguard out."""
    path = copy / mutation.file
    text = path.read_text()
    if text.count(mutation.old) != 1:
        message = f"{mutation.file} holds {text.count(mutation.old)} times:\n{mutation.old}"
        raise ValueError(message)
    path.write_text(text.replace(mutation.old, mutation.new))


def failing(copy: Path, tests: tuple[str, ...]) -> list[str]:
    """Run tests on the copy and return those that fail."""
    words = [sys.executable, "-B", "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        words,
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    told = done.stdout.splitlines()
    passed = {line.removeprefix("PASSED ") for line in told if line.startswith("PASSED ")}
    failed = [test for test in tests if any(line.startswith(f"FAILED {test}") for line in told)]
    parametrised = {name.partition("[")[0] for name in passed} | set(failed)
    if done.returncode not in (0, 1) or not set(tests) <= parametrised:
        message = f"the tests did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise RuntimeError(message)
    return failed
