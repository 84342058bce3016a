"""A law that answers NaN: the step is cut, the run stops, and the question can be asked again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from judging import tried
from outcome import Outcome
from study_bases import bar, write

_KIND = "numerics: failing law"
# Linear elasticity that fails as it is told: props[1] says how, after the time props[2].
SOURCE = """
#include <math.h>
void umat_(double *stress, double *statev, double *ddsdde, double *sse, double *spd, double *scd,
           double *rpl, double *ddsddt, double *drplde, double *drpldt, double *stran,
           double *dstran, double *time, double *dtime, double *temp, double *dtemp,
           double *predef, double *dpred, char *cmname, int *ndi, int *nshr, int *ntens,
           int *nstatv, double *props, int *nprops, double *coords, double *drot, double *pnewdt)
{
    int how = (int)props[1], n = *ntens;
    double end = time[1] + *dtime;
    for (int i = 0; i < n * n; i++) ddsdde[i] = 0.0;
    for (int i = 0; i < n; i++) {
        ddsdde[(n + 1) * i] = i < *ndi ? 2.0 * props[0] : props[0];
        stress[i] = ddsdde[(n + 1) * i] * (stran[i] + dstran[i]);
    }
    if (end <= props[2] || coords[0] < 1.0) return;
    if (how == 1) stress[0] = NAN;
    if (how == 2) ddsdde[0] = INFINITY;
    if (how == 3) *pnewdt = 0.25;
    if (how == 4 && *dtime > 0.05) stress[0] = NAN;
    if (how == 5) statev[0] = NAN;
}
"""
WAYS = {
    "NaN stress": 1,
    "infinite tangent": 2,
    "asks for smaller steps for ever": 3,
    "NaN in long steps only": 4,
}
HOWS = {"simulation": 0.6, "answer": 1.2}


def run(folder: Path, *, short: bool) -> Iterator[Outcome]:
    """Let a law fail in each way, in a simulation and in an answer of the model."""
    ways = dict(list(WAYS.items())[:1]) if short else WAYS
    folder.mkdir(parents=True, exist_ok=True)
    library = compiled(folder, "fails", SOURCE)
    for what, after in HOWS.items():
        for name, way in ways.items():
            own = folder / f"{what} {way}"
            yield tried(_KIND, f"{name} in a {what}", partial(stopped, own, library, way, after))


def compiled(folder: Path, name: str, source: str) -> Path:
    """Compile a shared library."""
    written, library = folder / f"{name}.c", folder / f"{name}.so"
    written.write_text(source)
    command = ["gcc", "-O1", "-fPIC", "-shared", str(written), "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    return library


def study(library: Path, way: int, after: float) -> dict[str, Any]:
    """Return a study whose law fails after an instant; training ends at t = 1, the answer at 2."""
    umat = {"umat": str(library), "properties": [8.0e4, float(way), after], "n_state": 1}
    return bar(
        materials=[{"law": umat, "density": 8.0e-9}],
        amplitudes__ramp={"times": [0.0, 2.0], "values": [0.0, 1.0]},
        offline__dual=["stress"],
        online=[{"name": "more", "until": 2.0, "increments": 8}],
    )


def stopped(folder: Path, library: Path, way: int, after: float) -> str:  # noqa: PLR0911
    """Run to the failure and ask the increment again that is written then."""
    path = write(folder, study(library, way, after))
    ran = romnet("online", path, "--json")
    told = json.loads(ran.stdout or "{}")
    if "Traceback" in ran.stderr:
        return ran.stderr[-300:]
    if way == WAYS["NaN in long steps only"]:
        # Results saved at long steps cannot be replayed by such a law, which is said.
        helped = ran.returncode == 0 or "may be too far apart for the law" in ran.stderr
        return "" if helped else f"small steps do not help: {ran.stderr[-300:]}"
    if ran.returncode != 3:  # noqa: PLR2004  (not converged)
        return f"exit code {ran.returncode}: {ran.stderr[-200:]}"
    words = json.dumps(told) + ran.stderr
    dumps = list((folder / "results").rglob("*.failed.json"))
    if len(dumps) != 1:
        return f"{len(dumps)} increments are written; {words[-300:]}"
    asked = json.loads(dumps[0].read_text())
    named = [f"point {asked['point']}", f"cell {asked['cell']}", str(dumps[0])]
    missing = [name for name in named if name not in words]
    if missing:
        return f"does not say {missing}: {words[-300:]}"
    if asked["cell"] != 2:  # noqa: PLR2004  (the law fails where x > 1, in the second cell)
        return f"names cell {asked['cell']}"
    again = romnet("laws", "drive", path, "--replay", dumps[0])
    if again.returncode != 3 or "Traceback" in again.stderr:  # noqa: PLR2004
        return f"asked again: exit code {again.returncode}: {again.stderr[-200:]}"
    return ""


def romnet(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "romnet.cli.main", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
