"""Functions of time and separated fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from romnet.core.errors import StudyError
from romnet.fe.history import Amplitude, SeparatedField


def table(times, values, **options):
    return Amplitude(np.array(times, dtype=float), np.array(values, dtype=float), **options)


def test_values_are_linear_between_instants_and_the_first_before_them():
    ramp = table([1, 2, 4], [10, 20, 0])
    assert [ramp.at(t) for t in (-5.0, 1.0, 1.5, 3.0, 4.0)] == [10, 10, 15, 10, 0]


def test_the_last_value_is_held():
    assert table([0, 1], [0, 7], after="hold").at(100.0) == 7


def test_beyond_the_table_is_an_error_but_rounding_is_not():
    ramp = table([0, 0.3], [0, 1])
    assert ramp.at(0.1 + 0.1 + 0.1) == 1.0  # 0.30000000000000004
    with pytest.raises(StudyError, match=r"time 0.4 lies beyond the table, which ends at 0.3"):
        ramp.at(0.4)


def test_the_end_of_each_period_belongs_to_it():
    saw = table([0, 1], [0, 5], after="repeat")
    assert [saw.at(float(n)) for n in range(4)] == [0, 5, 5, 5]
    assert saw.at(1.25) == pytest.approx(1.25)


@given(st.integers(1, 40), st.sampled_from([0.1, 0.2, 0.3, 0.7, 1 / 3]), st.integers(3, 12))
def test_the_end_of_a_period_is_met_when_time_is_summed_step_by_step(periods, length, steps):
    saw = table([0.0, length], [0, 5], after="repeat")
    time = 0.0
    for _ in range(periods * steps):
        time += length / steps
    assert saw.at(time) == pytest.approx(5.0, abs=1e-6)


@given(st.floats(0.0, 2.0), st.integers(1, 5))
def test_repetition_has_the_period_of_the_table(phase, periods):
    wave = table([1, 1.5, 3], [0, 4, 0], after="repeat")
    assert wave.at(1.0 + phase + 2.0 * periods) == pytest.approx(wave.at(1.0 + phase), abs=1e-7)


def test_the_power_is_taken_of_the_interpolated_value():
    assert table([0, 1], [0, 4], power=2).at(0.5) == 4.0


@pytest.mark.parametrize(
    ("times", "values", "options", "message"),
    [
        ([], [], {}, "at least one"),
        ([0, 0], [1, 2], {}, "ascending"),
        ([0], [1], {"after": "repeat"}, "no period"),
    ],
)
def test_tables_that_are_no_function_are_refused(times, values, options, message):
    with pytest.raises(ValueError, match=message):
        table(times, values, **options)


def test_a_table_with_fewer_values_than_instants_is_refused():
    with pytest.raises((ValueError, TypeError)):
        table([0, 1], [0])


def test_a_field_is_the_sum_of_its_terms():
    field = SeparatedField((table([0, 1], [0, 1]), table([0, 1], [1, 1])), np.array([[2.0], [5.0]]))
    assert field.at(0.5).tolist() == [6.0]


def test_keyframes_are_met_and_linear_in_between():
    times = np.array([0.0, 1.0, 3.0])
    frames = np.random.default_rng(0).normal(size=(3, 4))
    field = SeparatedField.from_keyframes(times, frames, after="hold")
    for time, frame in zip(times, frames, strict=True):
        np.testing.assert_array_equal(field.at(time), frame)
    np.testing.assert_allclose(field.at(2.5), 0.25 * frames[1] + 0.75 * frames[2])
    np.testing.assert_array_equal(field.at(50.0), frames[2])
    np.testing.assert_array_equal(field.at(-1.0), frames[0])


def test_repeated_keyframes_are_periodic():
    field = SeparatedField.from_keyframes(
        np.array([0.0, 1.0, 2.0]), np.array([[0.0], [8.0], [4.0]]), after="repeat"
    )
    assert [field.at(t)[0] for t in (2.0, 2.5, 4.0)] == pytest.approx([4.0, 4.0, 4.0])


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_mapping_commutes_with_time(kind):
    rng = np.random.default_rng(1)
    field = SeparatedField.from_keyframes(np.array([0.0, 1.0]), rng.normal(size=(2, 5)))
    matrix = rng.normal(size=(3, 5))
    np.testing.assert_allclose(field.mapped(kind(matrix)).at(0.3), matrix @ field.at(0.3))
    assert SeparatedField.zero(5).mapped(kind(matrix)).at(1.0).tolist() == [0.0] * 3


def test_fields_of_other_lengths_cannot_be_joined():
    with pytest.raises(ValueError, match=r"one length, got \[2, 3\]"):
        SeparatedField.zero(2).joined(SeparatedField.zero(3))


def test_a_term_needs_an_amplitude():
    with pytest.raises(ValueError, match="0 amplitudes for 1 vectors"):
        SeparatedField((), np.ones((1, 2)))
