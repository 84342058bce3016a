"""YAML with lines: what is read, and what is said about text that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.errors import StudyError
from romnet.study.yaml_lines import read_yaml


def read(folder: Path, text: str):
    path = folder / "study.yaml"
    path.write_text(text)
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("-1e+2", -100.0),
        ("1.5e3", 1500.0),
        ("5", 5),
        ("'1e5'", "1e5"),
        ("e5", "e5"),
        ("1e5x", "1e5x"),
    ],
)
def test_numbers(tmp_path: Path, text: str, value: object) -> None:
    found = read(tmp_path, f"a: {text}").content["a"]
    assert found == value
    assert type(found) is type(value)


def test_every_value_has_its_line(tmp_path: Path) -> None:
    located = read(tmp_path, "a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n")
    assert located.lines[("b", 0)] == 3
    assert located.lines[("b", 1, "d")] == 5
    assert located.line_of(("b", 1, "absent", "below")) == 4
    assert located.where(("b", 1, "d")) == f"{tmp_path / 'study.yaml'}:5 b.1.d"


@pytest.mark.parametrize(
    ("text", "line", "fragment"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, r"a is given twice \(first on line 1\)"),
        ("a:\n  b: 1\n  b: 2\n", 3, "b is given twice"),
        ("a: [1, 2\nb: 3\n", 2, "expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", 2, "cannot start any token"),
        ("a: 1\nb: \x01\n", 2, "special characters are not allowed"),
        ("a: 1\nb: 2001-99-99\n", 1, "month must be in 1..12"),
        ("a: 1\nb: !!python/object:os.system {}\n", 2, "could not determine a constructor"),
        ("a: !!timestamp x\n", 1, "no valid YAML"),
        ("a: &x [*x]\n", 1, "nested deeper"),
        ("- a\n", 1, "must be a mapping"),
        ("a:\n  1: 2\n", 2, "1: a key must be text"),
        ('a: 1\nb: "\\0"\n', 2, "is no text"),
        ('a: "\\ud800"\n', 1, "is no text"),
    ],
)
def test_bad_text_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, fragment: str
) -> None:
    with pytest.raises(StudyError, match=fragment) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'study.yaml'}:{line}")
    assert "\n" not in str(caught.value)


def test_merged_keys_may_be_overridden(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nnew:\n  <<: *base\n  b: 3\n"
    assert read(tmp_path, text).content["new"] == {"a": 1, "b": 3}


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_bytes(b"a: \xff")
    with pytest.raises(StudyError, match=r"study\.yaml: cannot be read"):
        read_yaml(tmp_path / "study.yaml")
    with pytest.raises(StudyError, match=r"absent\.yaml: cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


@given(text=st.text(alphabet="ab:-{}[]&*!?|>'\"#%@,. \n\t01e", max_size=40))
def test_any_text_is_read_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    try:
        lines = read_yaml(path).lines
    except StudyError as problem:
        lines = {(): int(str(problem).removeprefix(f"{path}:").replace(":", " ").split()[0])}
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


def test_values_multiplied_by_aliases_are_counted_before_they_are_built(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{letter}: &{letter} [{', '.join([f'*{before}'] * 10)}]\n"
    with pytest.raises(StudyError, match=r"study\.yaml:1 \w.* more than 200000 values"):
        read(tmp_path, bomb)


@pytest.mark.parametrize("brackets", ["[" * 20_000, "{a: " * 20_000])
def test_what_is_nested_too_deeply_is_told_with_its_key(tmp_path: Path, brackets: str) -> None:
    with pytest.raises(StudyError, match=r"study\.yaml:2 key\.\S+: is nested deeper than 50"):
        read(tmp_path, f"name: x\nkey: {brackets}")
