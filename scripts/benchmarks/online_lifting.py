"""Unseen temperature maps of the blade, without and with elastic lifting."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from asking import ask
from cube import ROOT

from romnet.study import commands
from romnet.study.lifting import seconds_of

TRAINED, MAPS = ("a", "b"), ("c", "d", "e")


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
    example = study["online"][0]
    asked = {"lifting": lifting, "fields": "replay", "reference": "hf"}
    study["training"] = [_case(example, one) | {"results": "hf"} for one in TRAINED]
    study["online"] = [_case(example, one) | asked for one in MAPS]
    study["offline"]["tolerance"] = 1e-4
    path.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    ask(path, ranks=2)
    answers = commands.online(commands.open_study(path))
    return {answer.case.removeprefix("map_"): answer for answer in answers}


def _case(example: dict[str, Any], one: str) -> dict[str, Any]:
    """Return the flight with one map."""
    case = {"name": f"map_{one}", "times": example["times"], "loads": deepcopy(example["loads"])}
    for frame in case["loads"]["temperature"]["keyframes"][1:3]:
        frame["field"] = f"map_{one}.vtu"
    return case
