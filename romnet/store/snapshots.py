"""The fields of one simulation on disk: one column for each instant, read by parts.

A field at the nodes has one row for each component of each node, ``row = node * n_components +
component``, which for displacements is the number of the degree of freedom. A field at the
integration points is numbered in the same way: ``row = point * n_components + component``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, SerialCommunicator, together
from romnet.core.errors import ConversionError, StoreError
from romnet.core.snapshots import in_sample, place_in_sample
from romnet.store import artefact, codec
from romnet.store.columns import read_rows, slabs
from romnet.store.manifest import Manifest
from romnet.store.new_file import NewFile

KIND = "snapshots"
CHUNK_ROWS = 32768
# From here on the rows of the sample are kept once more, in one place: reading them out of the
# columns would take as many short reads as there are columns times places.
SAMPLED_ROWS = 2**20


@dataclass(frozen=True)
class FieldInfo:
    """What a field is, apart from its values.

    Attributes
    ----------
    location
        ``"node"`` or ``"point"`` (integration points).
    components
        Names of the components, such as ``("1", "2", "3")``; empty for a scalar field.
    quantity
        Physical quantity, such as ``"displacement"``.
    unit
        In the study's own set, such as ``"length"`` or ``"mm"``.

    Examples
    --------
    >>> FieldInfo("node").n_components, FieldInfo("point", ("11", "22", "33", "12")).n_components
    (1, 4)
    """

    location: Literal["node", "point"]
    components: tuple[str, ...] = ()
    quantity: str = ""
    unit: str = ""

    @property
    def n_components(self) -> int:
        """Rows of one node or point."""
        return max(1, len(self.components))

    def where(self, row: int) -> str:
        """Say in words which node or point, and which component, a row is.

        Examples
        --------
        >>> FieldInfo("node", ("1", "2", "3")).where(7)
        'node 2, component 2'
        """
        entity, component = divmod(row, self.n_components)
        named = f", component {self.components[component]}" if self.components else ""
        return f"{self.location} {entity}{named}"


@dataclass(frozen=True)
class StoredField:
    """A field as it is on disk.

    Attributes
    ----------
    info
        What it is.
    n_rows
        Rows of the whole mesh.
    """

    info: FieldInfo
    n_rows: int


@dataclass(frozen=True)
class SnapshotStore:
    """Fields of one simulation; values stay on disk until a source is asked for them.

    Attributes
    ----------
    path
        HDF5 file.
    times
        Instants (n_times,) [time], increasing.
    fields
        Stored fields by name.
    parameters
        Parameters of the simulation by name.

    Examples
    --------
    >>> import tempfile
    >>> info = {"displacement": FieldInfo("node", ("1", "2"), "displacement", "mm")}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cycle1.h5"
    ...     with writing_snapshots(path, info) as writer:
    ...         writer.append(0.0, {"displacement": np.zeros(4)})
    ...         writer.append(1.0, {"displacement": np.arange(4.0)})
    ...     store = SnapshotStore.open(path)
    ...     source = store.source("displacement", np.array([1, 2]))
    ...     store.times.tolist(), source.column(1).tolist()
    ([0.0, 1.0], [1.0, 2.0])
    """

    path: Path
    times: Float[Array, " n_times"]
    fields: Mapping[str, StoredField]
    parameters: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> SnapshotStore:
        """Read what is in a file, not the values.

        Raises
        ------
        StoreError
            If the file is missing, damaged or holds no snapshots.

        Notes
        -----
        Collective: no; any number of ranks may read at the same time.
        """
        with artefact.opened(path, KIND) as file:
            header = codec.read(file, _Header)
            group = codec.group_of(file, "fields")
            stored = {
                name: StoredField(info, _checked_rows(group, name, header.times.size))
                for name, info in header.infos.items()
            }
        return cls(path, header.times, stored, header.parameters)

    @property
    def n_times(self) -> int:
        """Number of instants."""
        return int(self.times.size)

    def source(self, name: str, rows: Int[Array, " n"] | None = None) -> StoredSource:
        """Return the snapshots of one field, restricted to some rows.

        Parameters
        ----------
        name
            Field.
        rows
            Global row numbers of this rank, ascending; all of them when omitted.

        Raises
        ------
        StoreError
            If there is no such field.
        ValueError
            If `rows` are not ascending or do not exist.

        Notes
        -----
        Collective: no. Cost: nothing is read yet.
        """
        if name not in self.fields:
            message = f"{self.path} holds no field {name!r}; it holds {sorted(self.fields)}."
            raise StoreError(message)
        n_rows = self.fields[name].n_rows
        numbers = None if rows is None else rows.astype(np.int64)
        if numbers is not None:
            _check_rows(numbers, n_rows, name)
        return StoredSource(self.path, name, numbers, n_rows, self.n_times)


@dataclass(frozen=True)
class StoredSource:
    """Snapshots of one field, or of one rank's rows of it, read when asked for.

    A `romnet.core.snapshots.SnapshotSource`. Rows that lie close together are read in one slab,
    never the whole field (`romnet.store.columns.read_rows`).

    Attributes
    ----------
    path, field
        Where the values are.
    numbers
        Global row numbers, ascending, or None for all rows of the field.
    n_field_rows
        Rows of the whole mesh.
    n_snapshots
        Instants.
    """

    path: Path
    field: str
    numbers: Int[Array, " n_rows"] | None
    n_field_rows: int
    n_snapshots: int

    @property
    def n_rows(self) -> int:
        """Rows of this source."""
        return self.n_field_rows if self.numbers is None else int(self.numbers.size)

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some rows of all snapshots; `numbers` count within this source, ascending.

        Raises
        ------
        StoreError
            If the file is damaged.
        ValueError
            If `numbers` are not ascending or do not exist.
        """
        _check_rows(numbers, self.n_rows, self.field)
        wanted = numbers if self.numbers is None else self.numbers[numbers]
        link = codec.escape(self.field)
        with artefact.opened(self.path, KIND) as file:
            group = codec.group_of(file, "fields")
            if "samples" in file and in_sample(wanted).all():
                samples = codec.group_of(file, "samples")
                if link in samples:
                    group, wanted = samples, place_in_sample(wanted)
            dataset = codec.dataset_of(group, link)
            with codec.reading(f"{self.path}:{dataset.name}"):
                return read_rows(dataset, wanted)

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one snapshot.

        Raises
        ------
        StoreError
            If the file is damaged.
        IndexError
            If there is no such snapshot.
        """
        if not 0 <= number < self.n_snapshots:
            message = f"there are {self.n_snapshots} snapshots only, asked for number {number}."
            raise IndexError(message)
        with artefact.opened(self.path, KIND) as file:
            dataset = codec.dataset_of(codec.group_of(file, "fields"), codec.escape(self.field))
            with codec.reading(f"{self.path}:{dataset.name}"):
                if self.numbers is None:
                    return np.asarray(dataset[:, number])
                values = np.empty(self.n_rows)
                for part in slabs(self.numbers, row_bytes=8):
                    first, last = int(self.numbers[part.start]), int(self.numbers[part.stop - 1])
                    slab = dataset[first : last + 1, number]
                    values[part] = slab[self.numbers[part] - first]
                return values


@dataclass
class SnapshotWriter:
    """Receives the instants of one simulation, one after the other.

    Made by `writing_snapshots`. Each rank passes its own rows; rank 0 writes.
    """

    path: Path
    infos: Mapping[str, FieldInfo]
    comm: Communicator
    _file: h5py.File | None
    _rows: Mapping[str, _GatheredRows]
    times: list[float]

    def append(self, time: float, values: Mapping[str, Array]) -> None:
        """Write one instant.

        Parameters
        ----------
        time
            Instant, later than the one before [time].
        values
            This rank's rows of every field, flat or shaped (n_entities, n_components).

        Raises
        ------
        ConversionError
            If the time does not increase, a field is missing or has another size, or a value is
            NaN or infinite; the message names the field, the instant and the node or point. On
            all ranks when on one.
        StoreError
            If the disk refuses.

        Notes
        -----
        Collective: yes. Memory: one snapshot of one field on each rank.
        """
        with together(self.comm):
            parts = self._checked(time, values)
        for name in sorted(self.infos):
            whole = self._rows[name].gather(parts[name], self.comm)
            with together(self.comm):
                if self._file is not None:
                    _append_column(self._file, name, whole)
                    _refuse_loss(self.path, self._file)
        self.times.append(time)

    def _checked(
        self, time: float, values: Mapping[str, Array]
    ) -> dict[str, Float[Array, " n_rows"]]:
        """Return this rank's flat rows, once they can be stored."""
        number = len(self.times)
        if not np.isfinite(time) or (self.times and time <= self.times[-1]):
            message = (
                f"{self.path}: instants must increase, got t = {time:g} at time index {number}"
                + (f" after t = {self.times[-1]:g}." if self.times else ".")
            )
            raise ConversionError(message)
        if set(values) != set(self.infos):
            message = (
                f"{self.path}: fields {sorted(self.infos)} were announced, "
                f"got {sorted(values)} at time index {number} (t = {time:g})."
            )
            raise ConversionError(message)
        parts = {name: np.ravel(value) for name, value in values.items()}
        for name, part in parts.items():
            self._rows[name].check(part, self.infos[name], f"time index {number} (t = {time:g})")
        return parts


@contextmanager
def writing_snapshots(
    path: Path,
    infos: Mapping[str, FieldInfo],
    *,
    rows: Mapping[str, Int[Array, " n"]] | None = None,
    parameters: Mapping[str, float] | None = None,
    manifest: Manifest | None = None,
    comm: Communicator | None = None,
) -> Iterator[SnapshotWriter]:
    """Open a new file of snapshots; it appears when the block ends well.

    Parameters
    ----------
    path
        Where the HDF5 file will appear.
    infos
        What the fields are, by name.
    rows
        For each field the global row numbers that this rank will pass, ascending. Over all ranks
        every row must occur once. Omitted on one rank: the first instant decides the size.
    parameters
        Parameters of the simulation.
    manifest
        Provenance.
    comm
        The ranks that write together.

    Raises
    ------
    ValueError
        If `rows` are not ascending, or are omitted on several ranks.
    StoreError
        If the rows of all ranks do not make a whole field, or the disk refuses.

    Notes
    -----
    Collective: yes. An error in the block must be raised on all ranks, as those of
    `SnapshotWriter.append` are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing_snapshots(Path(folder) / "a.h5", {"p": FieldInfo("point")}) as writer:
    ...         writer.append(0.0, {"p": np.array([0.0, np.nan])})
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: field p is nan at time index 0 (t = 0), point 1.
    """
    ranks = SerialCommunicator() if comm is None else comm
    gathered = {name: _gathered_rows(name, rows, ranks) for name in sorted(infos)}
    with artefact.writing_together(path, KIND, manifest, ranks) as file:
        with together(ranks):
            if file is not None:
                file.create_group("fields", track_order=True)
        writer = SnapshotWriter(path, infos, ranks, file, gathered, [])
        yield writer
        with together(ranks):
            if file is not None:
                times = np.array(writer.times, dtype=float)
                codec.write(file, _Header(times, dict(infos), dict(parameters or {})))


@dataclass(frozen=True)
class _Header:
    """What is stored beside the values."""

    times: Float[Array, " n_times"]
    infos: Mapping[str, FieldInfo]
    parameters: Mapping[str, float]


@dataclass(frozen=True)
class _GatheredRows:
    """Which rows this rank passes, and where rank 0 puts those of all ranks."""

    name: str
    mine: Int[Array, " n"] | None
    order: Int[Array, " n_rows"] | None

    def check(self, part: Array, info: FieldInfo, instant: str) -> None:
        """Refuse a part of another size, or that is not finite."""
        if self.mine is not None and part.size != self.mine.size:
            message = (
                f"field {self.name}: expected {self.mine.size} rows, got {part.size} at {instant}."
            )
            raise ConversionError(message)
        bad = np.flatnonzero(~np.isfinite(part))
        if bad.size:
            row = int(bad[0]) if self.mine is None else int(self.mine[bad[0]])
            more = f"; so are {bad.size - 1} more values" if bad.size > 1 else ""
            message = f"field {self.name} is {part[bad[0]]} at {instant}, {info.where(row)}{more}."
            raise ConversionError(message)

    def gather(self, part: Array, comm: Communicator) -> Array:
        """Return the whole snapshot in global order. Collective: yes."""
        if self.order is None:
            return part
        return comm.concatenate(part)[self.order]


def _gathered_rows(
    name: str, rows: Mapping[str, Int[Array, " n"]] | None, comm: Communicator
) -> _GatheredRows:
    """Check that the rows of all ranks make a whole field. Collective: yes."""
    with together(comm):
        if rows is None and comm.size > 1:
            message = "several ranks must say which rows they pass."
            raise ValueError(message)
        mine = None if rows is None else np.asarray(rows[name], dtype=np.int64)
        if mine is not None and np.any(np.diff(mine) <= 0):
            message = f"field {name}: row numbers must be ascending."
            raise ValueError(message)
    if mine is None:
        return _GatheredRows(name, None, None)
    everyone = comm.concatenate(mine)
    order = np.argsort(everyone, kind="stable")
    if not np.array_equal(everyone[order], np.arange(everyone.size)):
        message = (
            f"field {name}: the {everyone.size} rows of {comm.size} ranks do not number a whole "
            f"field from 0 once each."
        )
        raise StoreError(message)
    return _GatheredRows(name, mine, order)


def _append_column(file: h5py.File, name: str, values: Array) -> None:
    """Write one snapshot after those that are there, and its sample beside it."""
    _append_to(file["fields"], name, values)
    if values.size >= SAMPLED_ROWS:
        numbers = np.arange(values.size)
        _append_to(file.require_group("samples"), name, values[in_sample(numbers)])


def _append_to(group: h5py.Group, name: str, values: Array) -> None:
    """Write one column after those that are there."""
    link = codec.escape(name)
    if link not in group:
        rows = max(1, values.size)
        group.create_dataset(
            link,
            shape=(values.size, 0),
            maxshape=(values.size, None),
            # One column a chunk: written at once, and read in long runs of rows.
            chunks=(min(rows, CHUNK_ROWS), 1),
            dtype="f8",
        )
    dataset = group[link]
    if dataset.shape[0] != values.size:
        message = f"field {name}: expected {dataset.shape[0]} rows, got {values.size}."
        raise ConversionError(message)
    dataset.resize(dataset.shape[1] + 1, axis=1)
    dataset[:, -1] = values


def _refuse_loss(path: Path, file: h5py.File) -> None:
    """Stop at once where the disk takes no more."""
    try:
        if isinstance(file, NewFile):
            file.refuse_loss()
    except OSError as problem:
        message = f"{path} was not written ({problem})."
        raise StoreError(message) from problem


def _checked_rows(group: h5py.Group, name: str, n_times: int) -> int:
    """Return the number of rows of a field whose columns are the instants."""
    dataset = codec.dataset_of(group, codec.escape(name))
    if len(dataset.shape) != 2 or dataset.shape[1] != n_times:  # noqa: PLR2004
        message = (
            f"{group.file.filename}:{dataset.name} has shape {dataset.shape}, "
            f"expected one column for each of {n_times} instants."
        )
        raise StoreError(message)
    return int(dataset.shape[0])


def _check_rows(numbers: Int[Array, " n"], n_rows: int, name: str) -> None:
    """Refuse row numbers that do not ascend or do not exist."""
    if numbers.size == 0:
        return
    if np.any(np.diff(numbers) <= 0) or numbers[0] < 0 or numbers[-1] >= n_rows:
        message = (
            f"field {name}: row numbers must ascend within 0 ... {n_rows - 1}, "
            f"got {numbers[0]} ... {numbers[-1]}."
        )
        raise ValueError(message)
