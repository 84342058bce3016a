"""Every key of a study is described, and what is written is what is meant."""

from __future__ import annotations

import typing
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from romnet.study.schema import AmplitudeTable, Axis, Box, Newton, Offline, Study, TimeGrid


def models(kind: object = Study) -> Iterator[type[BaseModel]]:
    """Find every model that a study is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    else:
        for inner in typing.get_args(kind):
            yield from models(inner)


MODELS = sorted(set(models()), key=lambda model: model.__name__)


def test_the_walk_finds_the_models() -> None:
    assert {"Study", "Pressure", "Keyframe", "Umat", "Cubature"} <= {m.__name__ for m in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_described(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name}"
        assert len(field.description) < 90
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]


@pytest.mark.parametrize("model", [Offline, Newton, TimeGrid])
def test_defaults_are_valid(model: type[BaseModel]) -> None:
    default = model()
    assert model.model_validate(default.model_dump()) == default
    assert model.model_validate_json(default.model_dump_json()) == default


def test_a_study_is_read_as_it_was_written(small) -> None:
    for given in (small.STUDY, small.foreign_study()):
        study = Study.model_validate(given)
        assert Study.model_validate(study.model_dump()) == study
        assert Study.model_validate_json(study.model_dump_json()) == study


def test_the_cubature_takes_ten_times_the_tolerance() -> None:
    assert Offline(tolerance=1e-4).cubature_tolerance == pytest.approx(1e-3)
    assert Offline(tolerance=1e-4, cubature={"tolerance": 1e-6}).cubature_tolerance == 1e-6
    assert Offline(tolerance=0.9).cubature_tolerance < 1.0


@pytest.mark.parametrize(
    ("model", "given", "fragment"),
    [
        (Box, {"lengths": [1, 1, 0], "divisions": [1, 1, 1]}, "greater than 0"),
        (Box, {"lengths": [1, 1, 1], "divisions": [1, 1, 0]}, "greater than or equal to 1"),
        (Box, {"lengths": [1, 1, 1], "divisions": [1, 1, 1], "cell": "quad4"}, "must be one of"),
        (Axis, {"point": [0, 0, 0], "direction": [0, 0, 0]}, "must not be zero"),
        (Axis, {"point": [0, 0, float("nan")], "direction": [0, 0, 1]}, "finite"),
        (AmplitudeTable, {"times": [0, 1], "values": [1]}, "2 times but 1 values"),
        (AmplitudeTable, {"times": [1, 1], "values": [1, 1]}, "times must increase"),
        (AmplitudeTable, {"times": [1], "values": [1], "after": "repeat"}, "no period"),
        (TimeGrid, {"until": 0.0}, "greater than 0"),
        (TimeGrid, {"until": "soon"}, "valid number"),
        (TimeGrid, {"times": [0.0, 2.0, 1.0]}, "times must increase"),
        (TimeGrid, {"times": [0.0]}, "at least 2"),
        (Newton, {"tolerance": float("inf")}, "finite"),
        (Offline, {"tolerance": 1.5}, "less than 1"),
    ],
)
def test_values_that_cannot_be(
    model: type[BaseModel], given: dict[str, object], fragment: str
) -> None:
    with pytest.raises(ValidationError, match=fragment):
        model.model_validate(given)


def test_cells_of_a_box_ten_thousand_times_as_long_as_wide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cells are 2e\+04 times as long as wide"):
        Box(lengths=(1.0, 2e4, 1.0), divisions=(1, 1, 1))
    assert Box(lengths=(1.0, 2e4, 1.0), divisions=(1, 4, 1)).divisions == (1, 4, 1)
