"""Files that name other files, or keep their values there, or hold objects instead of numbers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from judging import tried
from outcome import Outcome
from study_bases import bar, write

from romnet.fe.structured import box_mesh
from romnet.store.content_hash import sha256_of
from romnet.store.converters.base import find_converter
from romnet.store.manifest import read_manifest, write_manifest
from romnet.store.mesh_file import load_mesh, save_mesh
from romnet.study import commands
from romnet.study.context import Context
from romnet.study.runner import run as run_stages

_KIND = "security"
_OUTSIDE = "outside"
_FAR = "link|another file|refused"
DECK = "*NODE\n1, 0., 0., 0.\n*INCLUDE, INPUT={}\n"
INDEX = "**meshfile {}\n**node U1 U2 U3\n**integ evrcum\n**element\n1 1 1 1 0.0\n"
XDMF = (
    '<Xdmf Version="3.0"><Domain><Grid Name="a"><Geometry GeometryType="XYZ">'
    '<DataItem DataType="Float" Dimensions="1 3" Format="{1}" Precision="8">{0}</DataItem>'
    "</Geometry></Grid></Domain></Xdmf>"
)
TEXTS = {
    "deck that includes a file outside": ("a.inp", DECK, "../secret", _OUTSIDE),
    "deck that includes an absolute path": ("b.inp", DECK, "/etc/passwd", _OUTSIDE),
    "index that names a mesh outside": ("c.ut", INDEX, "../secret.geof", _OUTSIDE),
    "index that names an absolute mesh": ("d.ut", INDEX, "/secret.geof", _OUTSIDE),
    "decomposition with a mesh outside": (
        "e.cut",
        "***decomposition\n**global_mesh {}\n**domains 1\n",
        "../secret.geof",
        _OUTSIDE,
    ),
    "series that names a file outside": (
        "f.pvd",
        '<VTKFile><Collection><DataSet timestep="0" file="{}"/></Collection></VTKFile>',
        "../../secret.vtu",
        _OUTSIDE,
    ),
    "XDMF with values outside": ("g.xdmf", XDMF, "../secret.h5:/a", _OUTSIDE),
    "XDMF with raw values outside": (
        "h.xdmf",
        XDMF.replace("{1}", "Binary"),
        "../secret",
        _OUTSIDE,
    ),
    "XML entities": ("i.pvd", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;{}</a>', "", "entities"),
}


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what unpickling calls."""
        return Path.touch, (self.proof,)


def run(folder: Path, proof: Path) -> Iterator[Outcome]:
    """Read each file; it must be refused, and nothing run."""
    folder.mkdir(parents=True)
    for name, (file, text, target, words) in TEXTS.items():
        path = folder / file
        path.write_text(text.replace("{0}", target).replace("{1}", "HDF").replace("{}", target))
        yield tried(_KIND, name, partial(_read, path), refusal=words)
    for name, spoil in HDF5.items():
        yield from _spoiled(folder / name, name, spoil)
    yield from _objects(folder / "objects", proof)


def _read(path: Path) -> str:
    """Read all that a converter can read."""
    converter = find_converter(path)
    converter.files(path)
    mesh = converter.read_mesh(path)
    if converter.read_results is not None:
        converter.read_results(path, mesh)
    return ""


def _external(file: h5py.File, place: str) -> None:
    """Put a link to another file."""
    del file[place]
    file[place] = h5py.ExternalLink("../secret.h5", "values")


def _virtual(file: h5py.File, place: str) -> None:
    """Put a dataset whose values are those of another file."""
    old = file[place]
    layout = h5py.VirtualLayout(old.shape, old.dtype)
    layout[...] = h5py.VirtualSource("../secret.h5", "values", old.shape, old.dtype)
    del file[place]
    file.create_virtual_dataset(place, layout)


def _raw(file: h5py.File, place: str) -> None:
    """Put a dataset whose values are raw bytes of another file."""
    old = file[place]
    shape, dtype = old.shape, old.dtype
    del file[place]
    size = int(np.prod(shape)) * dtype.itemsize
    file.create_dataset(place, shape, dtype, external=[("/etc/hostname", 0, size)])


def _soft(file: h5py.File, place: str) -> None:
    """Put a link to nowhere."""
    del file[place]
    file[place] = h5py.SoftLink("/nowhere")


HDF5: dict[str, Callable[[h5py.File, str], None]] = {
    "external link": _external,
    "virtual dataset": _virtual,
    "external storage": _raw,
    "dangling link": _soft,
}


def _spoiled(folder: Path, name: str, spoil: Callable[[h5py.File, str], None]) -> Iterator[Outcome]:
    """Spoil artefacts and foreign HDF5, with a hash that fits, so that only the layout is wrong."""
    folder.mkdir()
    with h5py.File(folder.parent / "secret.h5", "w") as file:
        file["values"] = np.arange(1000.0)
    mesh = folder / "mesh.h5"
    save_mesh(mesh, box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    with h5py.File(mesh, "r+") as file:
        spoil(file, "nodes")
    rehash(mesh)
    yield tried(_KIND, f"{name} in a mesh", partial(_load, mesh), refusal=_FAR)
    path = write(folder / "study", bar(online=[]))
    context = commands.open_study(path)
    run_stages(context, ["snapshots[one]"])
    stored = context.folder / "snapshots" / "one.h5"
    with h5py.File(stored, "r+") as file:
        place = next(
            place
            for place in ("fields/displacement/values", "fields/displacement")
            if isinstance(file.get(place), h5py.Dataset)
        )
        spoil(file, place)
    rehash(stored)
    yield tried(_KIND, f"{name} in snapshots", partial(_learnt, context), refusal=_FAR)
    for suffix, place in (
        (".med", "ENS_MAA/m/NOE/COO"),
        (".e", "coordx"),
        (".vtkhdf", "VTKHDF/Points"),
    ):
        foreign = folder / f"a{suffix}"
        with h5py.File(foreign, "w") as file:
            file[place] = np.zeros(8)
            file.require_group("VTKHDF").attrs["Type"] = np.bytes_("UnstructuredGrid")
            spoil(file, place)
        if spoil is not _soft:
            yield tried(_KIND, f"{name} in {suffix}", partial(_read, foreign), refusal=_FAR)


def _learnt(context: Context) -> str:
    """Build the model."""
    commands.offline(context)
    return ""


def _load(path: Path) -> str:
    """Load a mesh."""
    load_mesh(path)
    return ""


def rehash(path: Path) -> None:
    """Let the manifest speak of the file as it is now."""
    from dataclasses import replace

    manifest = read_manifest(path)
    write_manifest(path, replace(manifest, sha256=sha256_of(path)))


def _objects(folder: Path, proof: Path) -> Iterator[Outcome]:
    """Put pickled objects where numbers are expected."""
    folder.mkdir()
    payload = pickle.dumps(Payload(proof))
    mesh = folder / "mesh.h5"
    save_mesh(mesh, box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    with h5py.File(mesh, "r+") as file:
        del file["nodes"]
        file["nodes"] = np.void(payload)
    rehash(mesh)
    yield tried(_KIND, "pickle in a mesh", partial(_unmoved, mesh, proof), refusal="nodes")
    objects = np.array([Payload(proof)], dtype=object)
    for suffix in (".npy", ".h5", ".node", ".med", ".frd"):
        path = folder / f"field{suffix}"
        with path.open("wb") as raw:
            np.save(raw, objects, allow_pickle=True)
        yield tried(_KIND, f"pickle as {suffix}", partial(_unmoved, path, proof), refusal=".")


def _unmoved(path: Path, proof: Path) -> str:
    """Read a file; nothing may have run."""
    try:
        return _load(path) if path.name == "mesh.h5" else _read(path)
    finally:
        if proof.exists():
            raise RuntimeError("code of a data file was run")
