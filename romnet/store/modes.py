"""Reduced bases on disk: modes in the global numbering, whatever ranks wrote or read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.reduction.basis import ReducedBasis
from romnet.store import artefact, codec
from romnet.store.columns import read_rows
from romnet.store.manifest import Manifest

KIND = "bases"
_CHUNK_ROWS = 32_768


def save_bases(
    path: Path,
    bases: Mapping[str, ReducedBasis],
    rows: Int[Array, " n_rows"],
    *,
    kept: Int[Array, " n_rows"],
    manifest: Manifest,
    comm: Communicator,
) -> None:
    """Write bases whose rows are shared among the ranks.

    Parameters
    ----------
    path
        Where the HDF5 file will appear.
    bases
        Bases by the name of their field, all on the same rows of this rank.
    rows
        Global numbers of the rows that this rank owns.
    kept
        Their positions among the rows of the modes of this rank, which also hold ghosts.
    manifest
        Provenance.
    comm
        The ranks.

    Raises
    ------
    StoreError
        If the disk refuses, on all ranks.

    Notes
    -----
    Collective: yes. Memory: one mode of the whole mesh at a time.
    """
    order = np.argsort(comm.concatenate(rows), kind="stable")
    with artefact.writing_together(path, KIND, manifest, comm) as file:
        if file is not None:
            file.attrs["length"] = len(bases)
        for name, basis in bases.items():
            group = None if file is None else file.create_group(codec.escape(name))
            dataset = None
            with together(comm):
                if group is not None:
                    group["singular_values"] = basis.singular_values
                    group["inner_product"] = basis.inner_product
                    shape = (order.size, basis.n_modes)
                    chunks = (min(order.size, _CHUNK_ROWS), 1) if all(shape) else None
                    dataset = group.create_dataset("modes", shape, "f8", chunks=chunks)
            for number in range(basis.n_modes):
                whole = comm.concatenate(basis.modes[kept, number])[order]
                with together(comm):
                    if dataset is not None:
                        dataset[:, number] = whole


def load_bases(path: Path, rows: Int[Array, " n_rows"] | None = None) -> dict[str, ReducedBasis]:
    """Read bases, or the rows of them that a rank needs.

    Parameters
    ----------
    path
        HDF5 file.
    rows
        Global row numbers, ascending; all of them if left out.

    Raises
    ------
    StoreError
        If the file is missing, damaged or of another kind; names the file and the dataset.

    Notes
    -----
    Collective: no; any number of ranks may read at the same time.
    """
    with artefact.opened(path, KIND) as file:
        codec.check_length(file)
        return {
            codec.unescape(link): _read_basis(codec.group_of(file, link), rows) for link in file
        }


def _read_basis(group: h5py.Group, rows: Int[Array, " n_rows"] | None) -> ReducedBasis:
    """Read one basis."""
    dataset = codec.dataset_of(group, "modes")
    with codec.reading(f"{group.file.filename}:{group.name}"):
        return ReducedBasis(
            modes=np.asarray(dataset[:]) if rows is None else _rows_of(dataset, rows),
            singular_values=np.asarray(codec.dataset_of(group, "singular_values")[:]),
            inner_product=codec.dataset_of(group, "inner_product").asstr()[()],
        )


def _rows_of(dataset: h5py.Dataset, rows: Int[Array, " n_rows"]) -> Float[Array, "n_rows n_modes"]:
    """Read some rows by slabs."""
    if rows.size and not (rows[0] >= 0 and rows[-1] < dataset.shape[0]):
        message = f"it has {dataset.shape[0]} rows, asked for {rows[0]} ... {rows[-1]}"
        raise ValueError(message)
    return np.ascontiguousarray(read_rows(dataset, rows))
