"""The reference of the laws says what the laws say, and its pictures are there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "laws_page.py"


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("laws_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["laws_page"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["laws_page"]


def test_the_page_is_what_the_script_makes(reference):
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), (
        "run scripts/laws_page.py and commit what it writes"
    )


def test_every_law_has_an_example_a_section_and_a_small_picture(reference):
    text = reference.PAGE.read_text(encoding="utf-8")
    for model in reference.models():
        assert model.example
        assert f"\n## {model.name}\n" in text
        assert (reference.PICTURES / f"{model.name}.svg").stat().st_size <= 40_000


def test_pictures_are_drawn_from_the_laws(reference, tmp_path):
    creep = next(model for model in reference.models() if model.name == "norton_creep")
    assert reference.draw(creep, tmp_path).read_text(encoding="utf-8").count("<path") > 3
    for curve, stress in zip(
        reference.pictures()["norton_creep"].curves, (100.0, 125.0, 150.0), strict=True
    ):
        answer = reference.driven(creep, curve)
        given = creep.example
        held = answer.times >= 1.0
        grown = np.diff(answer.strain[held, 0])
        rate = given["coefficient"] * stress ** given["exponent"]
        np.testing.assert_allclose(grown, rate * np.diff(answer.times[held]), rtol=1e-5)
