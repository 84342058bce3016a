"""Printed tables: their places, and the order of the points in results of CalculiX."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.discretization import discretize
from romnet.store.converters.calculix import CONVERTER
from romnet.store.converters.calculix_dat import read_dat
from romnet.testing.converters import check_converter


@pytest.fixture
def file(seeds, tmp_path: Path) -> Path:
    path = tmp_path / "job.dat"
    path.write_bytes(seeds.dat_text())
    return path


def test_values_go_to_the_points_of_their_elements(file: Path, seeds) -> None:
    results = read_dat(file, seeds.frd_mesh())
    assert set(results.fields) == {"stress", "p", "displacement"}
    cells, points = np.repeat([10, 11], 8), np.tile(np.arange(1, 9), 2)
    for time, found in results.instants():
        np.testing.assert_allclose(found["p"], time * (cells + points), rtol=1e-6)
        stress = time * (cells + points)[:, None] + time * 0.125 * np.arange(6)
        np.testing.assert_allclose(found["stress"], stress, rtol=1e-6)


def test_elements_that_are_not_printed_are_missed(file: Path, seeds) -> None:
    mesh = seeds.frd_mesh()
    block = replace(mesh.blocks[0], ids=np.array([10, 99]))
    with pytest.raises(ConversionError, match=r"p at t = 0\.5 is not printed at 8 of 16 points"):
        read_dat(file, replace(mesh, blocks=(block,))).instant(0, ("p",))


@pytest.mark.parametrize(
    ("cut", "words"),
    [(-5, "not whole rows"), (700, "not whole rows"), (100, "blank line|truncated|printed")],
)
def test_tables_that_end_early_are_refused(cut: int, words: str, file: Path, seeds) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ConversionError, match=words):
        for _ in read_dat(file, seeds.frd_mesh()).instants():
            pass


@pytest.mark.parametrize("element", ["C3D8", "C3D10", "C3D20R", "C3D4"])
def test_strains_of_the_displacements_are_the_printed_ones(element, bars, tmp_path: Path) -> None:
    """In the order of the points; displacements are printed with seven digits."""
    deck = bars.write_bar(tmp_path, (2, 1, 1), element=element, increments=2)
    deck.write_text(deck.read_text().replace("*EL PRINT", "*NODE PRINT, NSET=NALL\nU\n*EL PRINT"))
    bars.run_ccx(deck)
    mesh = CONVERTER.read_mesh(deck)
    operator = discretize(mesh).strain_operator
    results = read_dat(deck.with_suffix(".dat"), mesh)
    for _, found in results.instants():
        strain = (operator @ found["displacement"]).reshape(-1, 6)
        scale = np.abs(found["strain"]).max()
        np.testing.assert_allclose(strain, found["strain"], rtol=0.0, atol=1e-5 * scale)


def test_printed_tables_join_the_nodal_results(bars, tmp_path: Path) -> None:
    deck = bars.write_bar(tmp_path, (2, 1, 1), increments=2)
    bars.run_ccx(deck)
    frd, dat = deck.with_suffix(".frd"), deck.with_suffix(".dat")
    mesh = CONVERTER.read_mesh(deck)
    results = CONVERTER.read_results(frd, mesh)
    assert {"displacement", "stress", "strain", "p"} <= set(results.fields)
    printed = read_dat(dat, mesh)
    np.testing.assert_array_equal(results.instant(3)["p"], printed.instant(3)["p"])
    check_converter(CONVERTER, deck, frd)
    # Tables of another run are not taken.
    text = dat.read_text().replace("0.2000000E+01", "0.3000000E+01")
    dat.write_text(text)
    assert "p" not in CONVERTER.read_results(frd, mesh).fields
    shutil.copy(frd, tmp_path / "alone.frd")
    assert "p" not in CONVERTER.read_results(tmp_path / "alone.frd", mesh).fields
