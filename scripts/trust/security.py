"""Data files and plug-ins that reach for more than they may."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import far_files
from failing_laws import SOURCE, compiled, romnet
from judging import tried
from outcome import Outcome
from study_bases import bar, write

from romnet.core.errors import PluginError
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import read_manifest
from romnet.store.mesh_file import load_mesh, save_mesh
from romnet.study import commands
from romnet.study.read import read_study
from romnet.study.runner import run as run_stages

_KIND = "security"
YAML = {
    "YAML tag that calls": ("name: !!python/object/apply:os.system ['touch {}']\n", "constructor"),
    "YAML tag that imports": ("name: !!python/module:this\n", "constructor"),
    "YAML tag that builds": ("name: !!python/object/new:set [[1]]\n", "constructor"),
    "billion laughs": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "aliases multiply",
    ),
    "list within itself": ("name: &a [*a]\n", "nested deeper"),
    "a hundred thousand brackets": ("name: " + "[" * 100_000, "nested deeper"),
    "merge of itself": ("name: &a {b: 1, <<: *a}\n", "nested deeper|no valid|unknown|must"),
    "name that is a path": ("name: ../../x\n", "match pattern"),
}


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Try each way out of a data file."""
    del short, seed
    proof = folder / "proof"
    for name, (text, words) in YAML.items():
        path = write(folder / name, text.replace("{}", str(proof)))
        yield tried(_KIND, name, partial(read, path, proof), refusal=words)
    yield from far_files.run(folder / "far", proof)
    yield from _plugins(folder / "plugins", proof)
    yield tried(_KIND, "names in the report", partial(_report, folder / "report"))


def read(path: Path, proof: Path) -> str:
    """Read a study; nothing may have run."""
    try:
        read_study(path)
    finally:
        if proof.exists():
            raise RuntimeError("code of a data file was run")
    return ""


PROVES = (
    SOURCE
    + """
#include <stdio.h>
__attribute__((constructor)) static void loaded(void)
{
    FILE *file = fopen("PROOF", "w");
    if (file) fclose(file);
}
"""
)


def _plugins(folder: Path, proof: Path) -> Iterator[Outcome]:
    """Change a library after the model was made, and name one in a model file only."""
    folder.mkdir(parents=True)
    library = compiled(folder, "law", SOURCE)
    umat = {"umat": str(library), "properties": [8.0e4, 0.0, 9.0], "n_state": 1}
    study = bar(materials=[{"law": umat, "density": 8.0e-9}], offline__dual=["stress"])
    path = write(folder / "study", study)
    context = commands.open_study(path)
    commands.offline(context)
    recorded = json.loads((context.folder / "model.h5.json").read_text())["inputs"]
    digest = sha256_of(library)
    yield tried(
        _KIND,
        "hash of a library in the manifest",
        lambda: "" if digest in recorded.values() else "absent",
    )
    library.unlink()
    compiled(folder, "law", PROVES.replace("PROOF", str(proof)))
    yield tried(
        _KIND, "library changed", partial(_asked, path, proof), refusal="is not the library that"
    )
    evil = folder / "evil.so"
    library.rename(evil)
    compiled(folder, "law", SOURCE)
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    spec = {"law": {**umat, "umat": str(evil)}}
    artefact.save(
        context.folder / "model.h5",
        type(model)(**{**vars(model), "law_specs": (spec,)}),
        read_manifest(context.folder / "model.h5"),
    )
    yield tried(_KIND, "library named in a model file", partial(_asked, path, proof))
    study["materials"][0]["law"]["changed"] = "rebuild"
    compiled(folder, "law", SOURCE.replace("2.0 * props[0]", "2.5 * props[0]"))
    write(folder / "study", study)
    yield tried(_KIND, "library changed, which is allowed", partial(_asked, path, proof))


def _asked(path: Path, proof: Path) -> str:
    """Ask the model in a process of its own; the other library must not be loaded."""
    ran = romnet("online", path)
    told = romnet("report", path) if ran.returncode == 0 else ran
    if proof.exists():
        proof.unlink()
        return "a library was loaded that is not that of the model"
    if "Traceback" in ran.stderr + told.stderr:
        return (ran.stderr + told.stderr)[-300:]
    if ran.returncode == 2:  # noqa: PLR2004  (refused)
        raise PluginError(ran.stderr)
    return "" if ran.returncode == told.returncode == 0 else told.stderr[-300:]


def _report(folder: Path) -> str:
    """Put markup where names may stand, and look for it in the page."""
    mark = "<script>alert(1)</script>"
    made = folder / "made"
    run_stages(commands.open_study(write(made, bar())), ["mesh"])
    mesh = load_mesh(made / "results" / "mesh.h5")
    sets = {**mesh.face_sets, mark: mesh.face_sets["x1"]}
    save_mesh(folder / "mesh.h5", type(mesh)(**{**vars(mesh), "face_sets": sets}))
    study = bar(
        mesh="mesh.h5",
        units__length=mark,
        loads__0__faces=mark,
        amplitudes={mark: bar()["amplitudes"]["ramp"]},
        loads__0__amplitude=mark,
        loads__1__amplitude=mark,
    )
    path = write(folder, study)
    commands.online(commands.open_study(path))
    ran = romnet("report", path)
    if ran.returncode:
        return ran.stderr[-300:]
    (page,) = (folder / "results").rglob("*.html")
    text = page.read_text(encoding="utf-8")
    if mark in text:
        return "markup gets into the page"
    return "" if html.escape(mark) in text else "the name is not in the page"
