"""Frozen dataclasses to HDF5 groups and back, driven by their annotations alone.

Each field becomes one dataset or one group of the same name. Reading builds the types that the
annotations name and no other: nothing in a file decides what is constructed.

==================================  ===========================================================
annotation                          in the file
==================================  ===========================================================
``Float[Array, "n 6"]``, ``Array``  dataset
``str``, ``Literal``, ``Enum``      scalar text dataset (an enumeration by its member's name)
``int``, ``float``, ``bool``        scalar dataset
``None`` (in ``T | None``)          empty dataset
``tuple[str, ...]``                 text dataset
``tuple[T, ...]``, ``tuple[A, B]``  group with members ``0``, ``1``, ...
``Mapping[str, T]``                 group, members in the order of the mapping
``Mapping[str, Any]``               canonical JSON text
``csr_matrix``, ``csr_array``       group with ``data``, ``indices``, ``indptr``, ``shape``
dataclass                           group
==================================  ===========================================================
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from urllib.parse import unquote

import h5py
import jaxtyping
import numpy as np
from scipy import sparse

from romnet.core.errors import RomnetError, StoreError

T = TypeVar("T")
SPARSE = (sparse.csr_matrix, sparse.csr_array)
EMPTY_NAME = "%"


def write(group: h5py.Group, value: object) -> None:
    """Write the fields of a dataclass into an open group.

    Parameters
    ----------
    group
        Open for writing, and holding none of the fields yet.
    value
        Instance of a dataclass whose annotations are in the table of this module.

    Raises
    ------
    TypeError
        If a field is not what its annotation says, or the annotation cannot be stored.
    ValueError
        If a text holds a NUL character, which HDF5 text cannot.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates the group.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Rule:
    ...     name: str
    ...     weights: tuple[float, ...]
    >>> with h5py.File("rule.h5", "w", driver="core", backing_store=False) as file:
    ...     write(file, Rule("midpoint", (2.0,)))
    ...     read(file, Rule)
    Rule(name='midpoint', weights=(2.0,))
    """
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        message = f"only dataclass instances can be stored, got {type(value).__name__}."
        raise TypeError(message)
    for name, kind in _stored_fields(type(value)):
        _write(group, name, getattr(value, name), kind)


def read(
    group: h5py.Group, cls: type[T], *, only: Mapping[str, Collection[str]] | None = None
) -> T:
    """Build a dataclass from the group that `write` filled.

    Parameters
    ----------
    group
        Open for reading.
    cls
        The dataclass to build.
    only
        Members to read of fields that are mappings; all of the others.

    Raises
    ------
    StoreError
        If a field is missing, damaged or not of the annotated type, or refers to another file;
        the message names the file and the dataset.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Unknown extra datasets are ignored.

    Examples
    --------
    >>> from romnet.fe.mesh import FaceSet
    >>> with h5py.File("empty.h5", "w", driver="core", backing_store=False) as file:
    ...     read(file, FaceSet)
    Traceback (most recent call last):
    romnet.core.errors.StoreError: empty.h5:/cells is missing.
    """
    wanted = only or {}
    values = {
        name: _read(group, name, kind, wanted.get(name))
        for name, kind in _stored_fields(cast("Hashable", cls))
    }
    try:
        return cls(**values)
    except (TypeError, ValueError) as problem:
        message = f"{_Place(group)} is no valid {cls.__name__}: {problem}"
        raise StoreError(message) from problem


def read_scalar(group: h5py.Group, name: str) -> Any:  # noqa: ANN401  (what the file holds)
    """Read a scalar or array dataset, text decoded; refuse references to other files.

    Raises
    ------
    StoreError
        If it is missing, damaged, or kept in another file.

    Examples
    --------
    >>> with h5py.File("one.h5", "w", driver="core", backing_store=False) as file:
    ...     file["gain"] = 2.5
    ...     float(read_scalar(file, "gain"))
    2.5
    """
    dataset = dataset_of(group, name)
    with reading(_Place(group, name)):
        if h5py.check_string_dtype(dataset.dtype) is not None:
            return dataset.asstr()[()]
        return dataset[()]


def dataset_of(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset whose values are in this file and nowhere else.

    Raises
    ------
    StoreError
        If it is missing, no dataset, virtual, external or behind a link.

    Examples
    --------
    >>> with h5py.File("one.h5", "w", driver="core", backing_store=False) as file:
    ...     file["gain"] = h5py.ExternalLink("other.h5", "gain")
    ...     dataset_of(file, "gain")
    Traceback (most recent call last):
    romnet.core.errors.StoreError: one.h5:/gain is a link, and links are not followed.
    """
    found = _member(group, name)
    if not isinstance(found, h5py.Dataset):
        message = f"{_Place(group, name)} must be a dataset, found a group."
        raise StoreError(message)
    if found.is_virtual or found.external:
        message = f"{_Place(group, name)} keeps its values in another file, which is refused."
        raise StoreError(message)
    return found


def group_of(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group of this file.

    Raises
    ------
    StoreError
        If it is missing, no group, or behind a link.

    Examples
    --------
    >>> with h5py.File("one.h5", "w", driver="core", backing_store=False) as file:
    ...     made = file.create_group("fields")
    ...     group_of(file, "fields") == made
    True
    """
    found = _member(group, name)
    if not isinstance(found, h5py.Group):
        message = f"{_Place(group, name)} must be a group, found a dataset."
        raise StoreError(message)
    return found


def check_length(group: h5py.Group) -> None:
    """Refuse a group that lost members, or got some, since it was written with their number.

    Raises
    ------
    StoreError
        If the attribute ``length`` is there and says another number.

    Examples
    --------
    >>> with h5py.File("two.h5", "w", driver="core", backing_store=False) as file:
    ...     file["gain"] = 2.5
    ...     file.attrs["length"] = 2
    ...     check_length(file)
    Traceback (most recent call last):
    romnet.core.errors.StoreError: two.h5:/ has 1 members, expected 2.
    """
    with reading(_Place(group)):
        expected = int(group.attrs.get("length", len(group)))
    if expected != len(group):
        message = f"{_Place(group)} has {len(group)} members, expected {expected}."
        raise StoreError(message)


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Turn what h5py raises on damaged files into a `StoreError` naming the place.

    Parameters
    ----------
    place
        What is written in the message; asked for its text after an error only.

    Examples
    --------
    >>> with reading("model.h5:/modes"):
    ...     raise OSError("addr overflow")
    Traceback (most recent call last):
    romnet.core.errors.StoreError: model.h5:/modes cannot be read (addr overflow).
    """
    try:
        yield
    except RomnetError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        message = f"{place} cannot be read ({problem})."
        raise StoreError(message) from problem


def escape(name: str) -> str:
    """Return a legal HDF5 link name for any mapping key.

    Examples
    --------
    >>> escape("x0"), escape("a/b"), unescape(escape("100 %/."))
    ('x0', 'a%2Fb', '100 %/.')
    """
    if not name:
        return EMPTY_NAME
    legal = name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return "%2E" if legal == "." else legal


def unescape(link: str) -> str:
    """Return the mapping key of a link name.

    Examples
    --------
    >>> unescape("a%2Fb")
    'a/b'
    """
    return "" if link == EMPTY_NAME else unquote(link)


def canonical_json(value: object) -> str:
    """Write sorted, compact JSON, equal for equal values.

    Raises
    ------
    TypeError
        If something in it has no JSON form.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@cache
def _stored_fields(cls: type) -> tuple[tuple[str, Any], ...]:
    """Return name and annotation of the fields that the constructor takes."""
    if not dataclasses.is_dataclass(cls):
        message = f"{cls.__name__} is not a dataclass."
        raise TypeError(message)
    hints = typing.get_type_hints(cls)
    return tuple((item.name, hints[item.name]) for item in dataclasses.fields(cls) if item.init)


@dataclasses.dataclass(frozen=True)
class _Place:
    """A place in a file; its text costs more than reading a number, and few ask for it."""

    group: h5py.Group
    name: str = ""

    def __str__(self) -> str:
        """Return ``file:/path`` for messages."""
        path = f"{self.group.name.rstrip('/')}/{self.name}".rstrip("/") or "/"
        return f"{Path(self.group.file.filename)}:{path}"


def _member(group: h5py.Group, name: str) -> h5py.Dataset | h5py.Group:
    """Return what a hard link of this file leads to."""
    with reading(_Place(group, name)):
        link = group.get(name, getlink=True)
        if link is None:
            message = f"{_Place(group, name)} is missing."
            raise StoreError(message)
        if not isinstance(link, h5py.HardLink):
            message = f"{_Place(group, name)} is a link, and links are not followed."
            raise StoreError(message)
        return group[name]


# One writer and one reader for each kind of annotation ------------------------------------------


def _write(group: h5py.Group, name: str, value: Any, kind: Any) -> None:  # noqa: ANN401
    """Write one value under one name."""
    form = _form(kind)
    if form == "optional":
        if value is None:
            group[name] = h5py.Empty("f8")
        else:
            _write(group, name, value, _without_none(kind))
        return
    problem = _unlike(value, kind, form)
    if problem:
        message = f"{_Place(group, name)}: {problem}."
        raise TypeError(message)
    if form == "text":
        group.create_dataset(name, data=_text(value, _Place(group, name)))
    elif form == "json":
        _write(group, name, canonical_json(value), str)
    elif form == "enum":
        _write(group, name, value.name, str)
    elif form == "texts":
        text = [_text(item, _Place(group, name)) for item in value]
        group.create_dataset(name, data=text, shape=(len(text),), dtype=h5py.string_dtype())
    elif form == "number":
        group.create_dataset(name, data=kind(value))
    elif form == "array":
        group.create_dataset(name, data=value)
    else:
        _write_group(group.create_group(name, track_order=True), value, kind, form)


def _write_group(group: h5py.Group, value: Any, kind: Any, form: str) -> None:  # noqa: ANN401
    """Write a value that has members."""
    if form == "dataclass":
        write(group, value)
    elif form == "sparse":
        for part in ("data", "indices", "indptr"):
            group.create_dataset(part, data=getattr(value, part))
        group.create_dataset("shape", data=np.array(value.shape, dtype=np.int64))
    elif form == "mapping":
        group.attrs["length"] = len(value)
        for key, item in value.items():
            _write(group, escape(key), item, typing.get_args(kind)[1])
    else:
        group.attrs["length"] = len(value)
        for number, (item, item_kind) in enumerate(
            zip(value, _item_kinds(kind, len(value)), strict=True)
        ):
            _write(group, str(number), item, item_kind)


def _read(
    group: h5py.Group,
    name: str,
    kind: Any,  # noqa: ANN401
    only: Collection[str] | None = None,
) -> Any:  # noqa: ANN401
    """Read one value of the annotated type, or some members of a mapping."""
    form = _form(kind)
    if form == "optional":
        found = _member(group, name)
        if isinstance(found, h5py.Dataset) and found.shape is None:
            return None
        return _read(group, name, _without_none(kind))
    if form in ("dataclass", "sparse", "mapping", "tuple"):
        return _read_group(group_of(group, name), kind, form, only)
    with reading(_Place(group, name)):
        value = _of_kind(read_scalar(group, name), kind, form)
    problem = _unlike(value, kind, form)
    if problem:
        message = f"{_Place(group, name)}: {problem}."
        raise StoreError(message)
    return value


def _read_group(
    group: h5py.Group,
    kind: Any,  # noqa: ANN401
    form: str,
    only: Collection[str] | None,
) -> Any:  # noqa: ANN401
    """Read a value that has members."""
    if form == "dataclass":
        return read(group, kind)
    if form == "mapping":
        item_kind = typing.get_args(kind)[1]
        check_length(group)
        links = {unescape(link): link for link in group}
        wanted = links if only is None else [key for key in links if key in only]
        return {key: _read(group, links[key], item_kind) for key in wanted}
    if form == "sparse":
        parts = [read_scalar(group, part) for part in ("data", "indices", "indptr", "shape")]
        with reading(_Place(group)):
            matrix = kind(tuple(parts[:3]), shape=tuple(int(size) for size in parts[3]))
            matrix.check_format()
            return matrix
    with reading(_Place(group)):
        kinds = _item_kinds(kind, int(group.attrs["length"]))
    return tuple(_read(group, str(number), item) for number, item in enumerate(kinds))


def _of_kind(raw: Any, kind: Any, form: str) -> Any:  # noqa: ANN401
    """Turn what h5py returns into the plain Python or numpy value of the annotation."""
    if form == "json":
        return json.loads(raw)
    if form == "enum":
        return kind[raw]
    if form == "texts":
        return tuple(str(item) for item in raw)
    if form == "array":
        return np.asarray(raw)
    return raw.item() if isinstance(raw, np.generic) else raw


@cache
def _form(kind: Any) -> str:  # noqa: ANN401
    """Return which row of the table an annotation belongs to."""
    plain = {str: "text", int: "number", float: "number", bool: "number", np.ndarray: "array"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in plain:
        return plain[kind]
    if origin in (typing.Union, types.UnionType):
        if type(None) in arguments and len(arguments) == 2:  # noqa: PLR2004
            return "optional"
    elif origin is Literal:
        return "text"
    elif origin is tuple:
        return "texts" if arguments == (str, ...) else "tuple"
    elif origin is not None and issubclass(origin, Mapping) and arguments[0] is str:
        return "json" if arguments[1] is Any else "mapping"
    elif isinstance(kind, type):
        return _form_of_class(kind)
    message = f"values annotated {kind!r} cannot be stored."
    raise TypeError(message)


def _form_of_class(cls: type) -> str:
    """Return the row of the table for a class."""
    if issubclass(cls, jaxtyping.AbstractArray):
        return "array"
    if issubclass(cls, Enum):
        return "enum"
    if cls in SPARSE:
        return "sparse"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    message = f"values of class {cls.__name__} cannot be stored."
    raise TypeError(message)


def _unlike(value: Any, kind: Any, form: str) -> str:  # noqa: ANN401
    """Say how a value differs from its annotation, or nothing."""
    if form == "array":
        return _unlike_array(value, kind)
    if typing.get_origin(kind) is Literal:
        allowed = typing.get_args(kind)
        return "" if value in allowed else f"expected one of {allowed}, found {value!r}"
    accepted = _ACCEPTED.get(form) or _ACCEPTED.get(kind, kind)
    # A subclass would come back as its base; True is no number of things.
    fits = isinstance(value, accepted) if accepted is not kind else type(value) is kind
    if fits and not (isinstance(value, bool) and kind in (int, float)):
        return ""
    return f"expected {getattr(kind, '__name__', kind)}, found {type(value).__name__} {value!r:.40}"


_ACCEPTED: dict[Any, Any] = {
    "text": str,
    "texts": tuple,
    "tuple": tuple,
    "json": Mapping,
    "mapping": Mapping,
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (float, int, np.floating, np.integer),
}


def _unlike_array(value: Any, kind: Any) -> str:  # noqa: ANN401
    """Say how an array differs from a shape annotation, or nothing."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc":
        return f"expected an array of numbers, found {type(value).__name__}"
    if kind is np.ndarray:
        return ""
    try:
        fits = isinstance(value, kind)
    except jaxtyping.AnnotationError:  # an axis such as "n*6" has no meaning by itself
        fits = True
    return "" if fits else f"expected {kind.__name__}, found {value.dtype}{list(value.shape)}"


def _without_none(kind: Any) -> Any:  # noqa: ANN401
    """Return the annotation of a value that is not None."""
    return next(item for item in typing.get_args(kind) if item is not type(None))


def _item_kinds(kind: Any, count: int) -> tuple[Any, ...]:  # noqa: ANN401
    """Return the annotation of each item of a tuple."""
    arguments = typing.get_args(kind)
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004
        return (arguments[0],) * count
    if len(arguments) != count:
        message = f"expected a tuple of {len(arguments)}, found {count}"
        raise ValueError(message)
    return arguments


def _text(value: str, place: _Place) -> str:
    """Return a text that HDF5 can hold."""
    if "\0" in value:
        message = f"{place}: text must not hold a NUL character, got {value!r:.40}."
        raise ValueError(message)
    value.encode()
    return value
