"""Dataclasses come back as they went, and nothing else comes back."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jaxtyping import Bool, Float, Int
from scipy import sparse

from romnet.core.arrays import Array
from romnet.core.errors import StoreError
from romnet.store import codec


class Colour(Enum):
    RED = "warm"
    BLUE = "cold"


@dataclass(frozen=True)
class Inner:
    label: str
    weights: Float[Array, " n"]


@dataclass(frozen=True)
class Everything:
    values: Float[Array, "n_rows n_columns"]
    numbers: Int[Array, " n"]
    mask: Bool[Array, " n"]
    text: str
    count: int
    ratio: float
    flag: bool
    colour: Colour
    location: Literal["node", "point"]
    maybe: float | None
    inner: Inner
    optional_inner: Inner | None
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    names: tuple[str, ...]
    by_name: Mapping[str, Inner]
    factors: Mapping[str, float]
    free: Mapping[str, Any]
    matrix: sparse.csr_matrix
    derived: int = field(init=False, default=3)


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
FLOATS = st.floats(allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS.filter(np.isfinite) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def float_arrays(n_dim: int) -> st.SearchStrategy[np.ndarray]:
    shape = hnp.array_shapes(min_dims=n_dim, max_dims=n_dim, min_side=0, max_side=4)
    return hnp.arrays(st.sampled_from([np.float64, np.float32]), shape)


@st.composite
def matrices(draw: st.DrawFn) -> sparse.csr_matrix:
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dense = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.5, -2.0])))
    return sparse.csr_matrix(dense)


INNER = st.builds(Inner, TEXT, float_arrays(1))
EVERYTHING = st.builds(
    Everything,
    values=float_arrays(2),
    numbers=hnp.arrays(st.sampled_from([np.int64, np.int32]), st.integers(0, 4)),
    mask=hnp.arrays(np.bool_, st.integers(0, 4)),
    text=TEXT,
    count=st.integers(-(2**63), 2**63 - 1),
    ratio=st.floats(),
    flag=st.booleans(),
    colour=st.sampled_from(Colour),
    location=st.sampled_from(["node", "point"]),
    maybe=st.none() | FLOATS,
    inner=INNER,
    optional_inner=st.none() | INNER,
    many=st.lists(INNER, max_size=12).map(tuple),
    pair=st.tuples(st.integers(-5, 5), TEXT),
    names=st.lists(TEXT, max_size=4).map(tuple),
    by_name=st.dictionaries(TEXT | st.sampled_from(["", ".", "a/b", "%2F"]), INNER, max_size=3),
    factors=st.dictionaries(TEXT, FLOATS, max_size=12),
    free=st.dictionaries(TEXT, JSON, max_size=3),
    matrix=matrices(),
)


def in_memory() -> h5py.File:
    return h5py.File("memory.h5", "w", driver="core", backing_store=False)


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if is_dataclass(expected):
        for item in fields(expected):
            assert_same(getattr(found, item.name), getattr(expected, item.name))
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif sparse.issparse(expected):
        assert found.shape == expected.shape
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    elif isinstance(expected, dict):
        assert list(found) == list(expected) or set(found) == set(expected)
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected or (np.isnan(found) and np.isnan(expected))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVERYTHING)
def test_write_then_read_is_the_identity(value: Everything) -> None:
    with in_memory() as file:
        codec.write(file, value)
        assert_same(codec.read(file, Everything), value)


@given(st.text(st.characters(codec="utf-8")))
def test_any_key_has_a_legal_link_name_and_comes_back(key: str) -> None:
    link = codec.escape(key)
    assert codec.unescape(link) == key
    assert link not in ("", ".")
    assert "/" not in link
    assert "\0" not in link


def test_mapping_keeps_its_order() -> None:
    @dataclass(frozen=True)
    class Ordered:
        columns: Mapping[str, int]

    hints = {"columns": Mapping[str, int]}
    Ordered.__annotations__ = hints
    names = [f"field {number}" for number in range(20, 0, -1)]
    with in_memory() as file:
        codec.write(file, Ordered(dict.fromkeys(names, 1)))
        assert list(codec.read(file, Ordered).columns) == names


def one(value: Any, kind: Any) -> type:
    """Return a dataclass with one field of this annotation, holding this value by default."""
    cls = type("One", (), {"__annotations__": {"item": kind}})
    made = dataclass(frozen=True)(cls)
    return made(value)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("3", int, "expected int, found str"),
        (True, float, "expected float, found bool"),
        (1.5, int, "expected int, found float"),
        (np.zeros(3), Float[Array, "a b"], r"float64\[3\]"),
        (np.zeros(3), Int[Array, " a"], r"float64\[3\]"),
        (np.array(["a"]), np.ndarray, "array of numbers"),
        ("edge", Literal["node", "point"], "expected one of"),
        (object(), object, "class object cannot be stored"),
        ({1: 2.0}, dict[int, float], "cannot be stored"),
        (1, int | str, "cannot be stored"),
    ],
)
def test_a_value_unlike_its_annotation_is_refused(value: Any, kind: Any, words: str) -> None:
    with in_memory() as file, pytest.raises(TypeError, match=words):
        codec.write(file, one(value, kind))


def test_text_with_nul_is_refused() -> None:
    with in_memory() as file, pytest.raises(ValueError, match="NUL"):
        codec.write(file, one("a\0b", str))


def damaged(value: Everything, change: typing.Callable[[h5py.File], None], path: Path) -> None:
    with h5py.File(path, "w") as file:
        codec.write(file, value)
        change(file)
    with h5py.File(path) as file:
        codec.read(file, Everything)


def replace_with(name: str, value: Any) -> typing.Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def external_storage(file: h5py.File) -> None:
    del file["ratio"]
    file.create_dataset("ratio", (1,), "f8", external=[("/etc/passwd", 0, 8)])


def virtual(file: h5py.File) -> None:
    del file["ratio"]
    layout = h5py.VirtualLayout(shape=(1,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "ratio", shape=(1,))
    file.create_virtual_dataset("ratio", layout)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.pop("inner/weights"), r"bad\.h5:/inner/weights is missing"),
        (lambda file: file.pop("many/1"), r"bad\.h5:/many/1 is missing"),
        (lambda file: file["many"].attrs.pop("length"), r"/many cannot be read"),
        (replace_with("count", 1.5), "/count: expected int, found float"),
        (replace_with("count", "three"), "/count: expected int, found str"),
        (replace_with("values", np.zeros(3)), r"/values: expected .*float64\[3\]"),
        (replace_with("colour", "GREEN"), "/colour cannot be read"),
        (replace_with("free", "{not json"), "/free cannot be read"),
        (replace_with("inner", 3.0), "/inner must be a group"),
        (replace_with("matrix/indices", np.array([9, 9])), "/matrix cannot be read"),
        (replace_with("ratio", h5py.ExternalLink("/etc/passwd", "/x")), "ratio is a link"),
        (replace_with("ratio", h5py.SoftLink("/count")), "ratio is a link"),
        (external_storage, "another file"),
        (virtual, "another file"),
    ],
)
def test_damage_is_named_by_file_and_dataset(
    change: typing.Callable[[h5py.File], None], words: str, tmp_path: Path
) -> None:
    inner = Inner("a", np.ones(2))
    value = Everything(
        values=np.ones((2, 3)),
        numbers=np.arange(3),
        mask=np.array([True]),
        text="t",
        count=1,
        ratio=0.5,
        flag=True,
        colour=Colour.RED,
        location="node",
        maybe=None,
        inner=inner,
        optional_inner=None,
        many=(inner, inner),
        pair=(1, "one"),
        names=("x",),
        by_name={"a": inner},
        factors={"a": 1.0},
        free={"law": {"E": 2e5}},
        matrix=sparse.csr_matrix(np.eye(2)),
    )
    with pytest.raises(StoreError, match=words):
        damaged(replace(value), change, tmp_path / "bad.h5")


def test_values_that_the_class_refuses_are_a_store_error() -> None:
    @dataclass(frozen=True)
    class Positive:
        value: float

        def __post_init__(self) -> None:
            if self.value <= 0.0:
                message = f"must be positive, got {self.value}"
                raise ValueError(message)

    with in_memory() as file:
        file["value"] = -1.0
        with pytest.raises(
            StoreError, match=r"memory\.h5:/ is no valid Positive: must be positive"
        ):
            codec.read(file, Positive)
