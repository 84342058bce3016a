"""Unseen temperature maps of the blade, without and with elastic lifting."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from asking import ask
from cube import ROOT

from romnet.study import commands
from romnet.study.lifting import seconds_of

MAPS = ("c", "d", "e")


def measure(_: Path | None) -> dict[str, object]:
    """Return what `scripts/bench online-lifting` prints."""
    return {"lifting": measure_lifting()}


def measure_lifting() -> list[dict[str, object]]:
    """Train on two maps, ask for three others; fields by the laws and, beside them, from modes."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        maker = ROOT / "cases" / "blade" / "make.py"
        subprocess.run([sys.executable, str(maker), "S", name], check=True, capture_output=True)
        without = _answers(folder, "off")
        lifted = _answers(folder, "auto")
        context = commands.open_study(folder / "study.yaml")
        return [
            {
                "map": one,
                **{f"{key}_without": value for key, value in without[one].errors.items()},
                **{f"{key}_with": value for key, value in lifted[one].errors.items()},
                "lifting_s": seconds_of(context, f"map_{one}"),
                "reference_s": lifted[one].reference_s,
                "online_s": lifted[one].wall_s,
            }
            for one in MAPS
        ]


def _answers(folder: Path, lifting: str) -> dict[str, commands.OnlineSummary]:
    """Ask for all maps; what is up to date is kept."""
    path = folder / "study.yaml"
    study = yaml.safe_load(path.read_text(encoding="utf-8"))
    study["online"] = [_case(study["online"][0], one, lifting) for one in MAPS]
    path.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    ask(path, ranks=2)
    answers = commands.online(commands.open_study(path))
    return {answer.case.removeprefix("map_"): answer for answer in answers}


def _case(example: dict[str, object], one: str, lifting: str) -> dict[str, object]:
    """Return the online case of a map."""
    case = copy.deepcopy(example) | {"name": f"map_{one}", "lifting": lifting, "fields": "replay"}
    for frame in case["loads"]["temperature"]["keyframes"][1:3]:  # type: ignore[index]
        frame["field"] = f"map_{one}.vtu"
    return case
