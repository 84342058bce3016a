"""The container files: two stages, no privileges, and the packages that the set-up names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
DEFINITION = (ROOT / "docker" / "romnet.def").read_text()


def stages_of(definition: str) -> list[dict[str, str]]:
    """Sections of each stage of an Apptainer definition; its header under ``""``."""
    stages = re.split(r"(?m)^(?=Bootstrap:)", definition)[1:]
    found = []
    for stage in stages:
        header, *sections = re.split(r"(?m)^%", stage)
        found.append({"": header} | {one.split("\n")[0]: one.split("\n", 1)[1] for one in sections})
    return found


def words_after(text: str, start: str) -> set[str]:
    """Plain words of the continued lines after a command."""
    (line,) = re.findall(start + r"((?:.*\\\n)*.*)", text)
    return {word for word in line.split("&&")[0].replace("\\", " ").split() if word[0] != "-"}


def test_what_runs_is_a_stage_of_its_own_without_privileges() -> None:
    instructions = re.findall(r"(?m)^([A-Z]+) (.*)", DOCKERFILE)
    froms = [words for name, words in instructions if name == "FROM"]
    assert len(froms) == 2
    assert froms[0].endswith(" AS build")
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "COPY --from=build /opt/romnet /opt/romnet" in last
    assert [words for name, words in instructions if name == "USER"] == ["1000"]
    assert last.index("USER 1000") > last.rindex("RUN ")
    assert not re.search(r":latest|sudo|chmod 777|ADD ", DOCKERFILE)


def test_both_files_install_the_same() -> None:
    build, run = stages_of(DEFINITION)
    assert [name for name in run if name] == [
        "files from build", "post", "environment", "runscript", "test", "labels", "arguments",
        "help",
    ]  # fmt: skip
    docker = words_after(DOCKERFILE, "apt-get install")
    assert docker == words_after(run["post"], "apt-get install")
    setup = (ROOT / "scripts" / "setup").read_text()
    (known,) = re.findall(r"(?s)debian_packages=\((.*?)\)", setup)
    assert docker <= set(known.split())
    removed = words_after(DOCKERFILE, "pip uninstall")
    assert removed == words_after(build["post"], "pip uninstall")
    assert "petsc4py" not in removed


@pytest.mark.parametrize("stage", [0, 1])
def test_the_definition_is_what_a_shell_can_run(stage: int) -> None:
    sections = stages_of(DEFINITION)[stage]
    for name in {"post", "environment", "runscript", "test"} & set(sections):
        ran = subprocess.run(
            ["sh", "-n"], input=sections[name], text=True, capture_output=True, check=False
        )
        assert ran.stderr == "", name
