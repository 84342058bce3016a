"""Meshes as artefacts."""

from __future__ import annotations

from pathlib import Path

from romnet.fe.mesh import Mesh
from romnet.store import artefact
from romnet.store.manifest import Manifest


def save_mesh(path: Path, mesh: Mesh, manifest: Manifest | None = None) -> Manifest:
    """Write a mesh with its sets, formulations and foreign numbers.

    Parameters
    ----------
    path
        Where the HDF5 file will appear.
    mesh
        The mesh.
    manifest
        Provenance.

    Raises
    ------
    StoreError
        If the disk refuses.

    Notes
    -----
    Collective: no; one rank calls it. Deterministic: yes.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from romnet.fe.mesh import CellBlock
    >>> block = CellBlock("tri3", np.array([[0, 1, 2]]), "romnet:tri3", np.array([10]))
    >>> triangle = Mesh(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), (block,), np.arange(3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_mesh(Path(folder) / "mesh.h5", triangle)
    ...     load_mesh(Path(folder) / "mesh.h5").blocks[0].formulation
    'romnet:tri3'
    """
    return artefact.save(path, mesh, manifest)


def load_mesh(path: Path) -> Mesh:
    """Read a mesh that `save_mesh` wrote.

    Raises
    ------
    StoreError
        If the file is missing, damaged or holds no mesh.

    Notes
    -----
    Collective: no; any number of ranks may read. Memory: the whole mesh.

    Examples
    --------
    >>> load_mesh(Path("absent.h5"))
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5 does not exist.
    """
    return artefact.load(path, Mesh)
