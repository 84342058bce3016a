"""Conformity of the example plug-in, and that broken copies of it are caught."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from romnet.core import tensors
from romnet.core.errors import PluginError
from romnet.store.converters import base
from romnet.store.converters.base import Results, find_converter, registered_converters
from romnet.testing.converters import check_converter

PLUGIN = Path(__file__).parents[3] / "plugins" / "converter_example"


@pytest.fixture(scope="module")
def example():
    """Load the test of the plug-in beside the plug-in itself."""
    sys.path.insert(0, str(PLUGIN))
    try:
        spec = importlib.util.spec_from_file_location(
            "jsonl_conformity", PLUGIN / "tests" / "test_conformity.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(PLUGIN))


def test_the_test_of_the_plugin_passes(example, tmp_path: Path) -> None:
    example.test_the_converter_conforms(tmp_path)


def test_its_entry_point_makes_romnet_find_it(example, tmp_path: Path, monkeypatch) -> None:
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    (name, value), *_ = project["entry-points"][base.GROUP].items()
    point = EntryPoint(name, value, base.GROUP)
    monkeypatch.setattr(base, "installed", lambda _: (point,))
    mesh, _ = example.write(tmp_path)
    assert find_converter(mesh) is example.CONVERTER


def broken(example, *, mesh=lambda mesh: mesh, values=lambda values: values):
    """Return the converter with a fault."""

    def read_results(path: Path, body) -> Results:
        results = example.CONVERTER.read_results(path, body)
        return replace(results, read=lambda n, names: values(results.read(n, names)))

    return replace(
        example.CONVERTER,
        read_mesh=lambda path: mesh(example.CONVERTER.read_mesh(path)),
        read_results=read_results,
    )


def permuted(fields):
    """Keep the foreign order of components."""
    if "stress" not in fields:
        return fields
    return fields | {"stress": fields["stress"][:, [0, 1, 2, 3, 5, 4]]}


def test_components_in_another_order_fail(example, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="field stress differs at point 0, component 13: 23, "):
        check_converter(
            broken(example, values=permuted), *example.write(tmp_path), expected=example.EXPECTED
        )


def test_a_lost_set_fails(example, tmp_path: Path) -> None:
    def forget(mesh):
        return replace(mesh, node_sets={})

    with pytest.raises(PluginError, match="set left is lost"):
        check_converter(
            broken(example, mesh=forget), *example.write(tmp_path), expected=example.EXPECTED
        )


def test_a_set_that_lost_a_member_fails(example, tmp_path: Path) -> None:
    def shorten(mesh):
        return replace(mesh, node_sets={"left": mesh.node_sets["left"][1:]})

    with pytest.raises(PluginError, match=r"set left has \[3\] members, expected 4"):
        check_converter(
            broken(example, mesh=shorten), *example.write(tmp_path), expected=example.EXPECTED
        )


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 5, 4], [1, 0, 2, 3, 4, 5]])
def test_permuted_strains_fail_without_being_told_what_is_there(
    order: list[int], tmp_path: Path
) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
    from zset_files import write_geof, write_results

    from romnet.store.converters.zset import CONVERTER

    mesh, index = write_geof(tmp_path / "cubes.geof"), write_results(tmp_path)

    def read_results(path: Path, body) -> Results:
        results = CONVERTER.read_results(path, body)

        def read(number, names):
            fields = results.read(number, names)
            if "strain" in fields:
                fields["strain"] = np.ascontiguousarray(fields["strain"][:, order])
            return fields

        return replace(results, read=read)

    check_converter(CONVERTER, mesh, index)
    with pytest.raises(PluginError, match=r"strains are .* away from those of the displacements"):
        check_converter(replace(CONVERTER, read_results=read_results), mesh, index)
    assert tensors.VOIGT[4] == "13"


def test_every_registered_converter_is_checked_somewhere() -> None:
    """Say where: a new converter needs a line here and a test that calls `check_converter`."""
    tests = Path(__file__).parents[1]
    places = {
        "zset": "store/test_zset.py",
        "meshio": "store/test_meshio_bridge.py",
        "calculix": "store/converters/test_frd.py",
        "ansys": "store/converters/test_ansys.py",
        "romnet": "study/test_converting.py",
        "med": "store/test_med.py",
        "exodus": "store/test_exodus.py",
    }
    for name in registered_converters():
        assert "check_converter(" in (tests / places[name]).read_text(), name
