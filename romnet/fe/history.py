"""Functions of time, and fields that are sums of (function of time) x (field in space)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array
from romnet.core.errors import StudyError

# Instants this close, relative to the length of the table, are the same instant.
_SAME_INSTANT = 1e-9


@dataclass(frozen=True, eq=False)
class Amplitude:
    """Piecewise linear function of time, given by a table.

    Attributes
    ----------
    times
        Ascending instants [time].
    values
        Values at these instants [-].
    after
        What comes after the last instant: ``"error"``, ``"hold"`` the last value, or ``"repeat"``
        the table (continuous from the left: at the end of each period the last value). Before the
        first instant, the first value.
    power
        Power of the interpolated value, such as 2 for the angular velocity of a centrifugal load.

    Raises
    ------
    ValueError
        When built from an empty or unsorted table, or from values that do not fit the instants.

    Examples
    --------
    >>> cycle = Amplitude(np.array([0.0, 1.0, 2.0]), np.array([0.0, 4.0, 2.0]), after="repeat")
    >>> [cycle.at(time) for time in (0.5, 2.0, 2.25, 4.0)]
    [2.0, 2.0, 1.0, 2.0]
    """

    times: Float[Array, " n"]
    values: Float[Array, " n"]
    after: Literal["hold", "repeat", "error"] = "error"
    power: int = 1

    def __post_init__(self) -> None:
        """Refuse tables that are no function of time."""
        if self.times.size == 0 or self.times.shape != self.values.shape:
            message = (
                f"a table needs as many values as instants, at least one; "
                f"got {self.values.size} and {self.times.size}."
            )
            raise ValueError(message)
        if not (np.diff(self.times) > 0.0).all():
            message = f"instants must be ascending, got {self.times.tolist()}."
            raise ValueError(message)
        if self.after not in ("hold", "repeat", "error"):
            message = f"after must be 'hold', 'repeat' or 'error', got {self.after!r}."
            raise ValueError(message)
        if self.after == "repeat" and self.times.size == 1:
            message = "a table of one instant has no period to repeat; use after='hold'."
            raise ValueError(message)

    def at(self, time: float) -> float:
        """Return the value at an instant.

        Raises
        ------
        StudyError
            If `time` lies beyond the table and `after` is ``"error"``.
        """
        return float(np.interp(self._in_table(time), self.times, self.values)) ** self.power

    def values_at(self, times: Float[Array, " n_times"]) -> Float[Array, " n_times"]:
        """Return the values at several instants.

        Raises
        ------
        StudyError
            If one lies beyond the table and `after` is ``"error"``.

        Examples
        --------
        >>> square = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 3.0]), power=2)
        >>> square.values_at(np.array([0.0, 1.0])).tolist()
        [0.0, 9.0]
        """
        inside = times
        if times.size and times.max() > self.times[-1]:
            inside = np.array([self._in_table(float(time)) for time in times])
        values = np.asarray(np.interp(inside, self.times, self.values))
        return values if self.power == 1 else values**self.power

    def _in_table(self, time: float) -> float:
        """Return the instant of the table that stands for `time`."""
        first, last = float(self.times[0]), float(self.times[-1])
        period = last - first
        slack = _SAME_INSTANT * (period or max(abs(last), 1.0))
        if time <= last + slack or self.after == "hold":
            return time
        if self.after == "error":
            message = (
                f"time {time:g} lies beyond the table, which ends at {last:g}; "
                f"lengthen it, or say 'hold' or 'repeat'."
            )
            raise StudyError(message)
        phase = (time - first) % period
        # The end of one period, not the beginning of the next.
        return last if phase <= slack else first + phase


class AmplitudeTable:
    """Values of amplitudes at some instants, computed once for each, however many fields ask.

    Parameters
    ----------
    times
        The instants [time].

    Examples
    --------
    >>> table = AmplitudeTable(np.array([0.0, 0.5]))
    >>> ramp = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 4.0]))
    >>> table.of(ramp).tolist(), table.of(ramp) is table.of(ramp)
    ([0.0, 2.0], True)
    """

    def __init__(self, times: Float[Array, " n_times"]) -> None:
        self.times = times
        self._known: dict[int, tuple[Amplitude, Array]] = {}

    def of(self, amplitude: Amplitude) -> Float[Array, " n_times"]:
        """Return the values of an amplitude.

        Raises
        ------
        StudyError
            If an instant lies beyond its table and it says so.
        """
        if id(amplitude) not in self._known:
            # Kept with its values, so that no other amplitude can get its identity.
            self._known[id(amplitude)] = amplitude, amplitude.values_at(self.times)
        return self._known[id(amplitude)][1]


@dataclass(frozen=True, eq=False)
class SeparatedField:
    """Field that changes in time: the sum of amplitudes times vectors.

    Attributes
    ----------
    amplitudes
        Functions of time, one for each term.
    vectors
        Field of each term (n_terms, n).

    Raises
    ------
    ValueError
        When built with more or fewer amplitudes than vectors.

    Examples
    --------
    >>> ramp = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    >>> field = SeparatedField((ramp,), np.array([[2.0, 4.0]]))
    >>> field.at(0.25).tolist(), field.joined(field).at(0.25).tolist()
    ([0.5, 1.0], [1.0, 2.0])
    """

    amplitudes: tuple[Amplitude, ...]
    vectors: Float[Array, "n_terms n"]

    def __post_init__(self) -> None:
        """Refuse a term without amplitude or without vector."""
        if len(self.amplitudes) != len(self.vectors):
            message = f"{len(self.amplitudes)} amplitudes for {len(self.vectors)} vectors."
            raise ValueError(message)

    @classmethod
    def zero(cls, n: int) -> SeparatedField:
        """Return the field that is always zero.

        Examples
        --------
        >>> SeparatedField.zero(2).at(7.0).tolist()
        [0.0, 0.0]
        """
        return cls((), np.zeros((0, n)))

    @classmethod
    def from_keyframes(
        cls,
        times: Float[Array, " n_times"],
        fields: Float[Array, "n_times n"],
        *,
        after: Literal["hold", "repeat", "error"] = "error",
    ) -> SeparatedField:
        """Return the field that is given at some instants and linear in between.

        Parameters
        ----------
        times
            Ascending instants [time].
        fields
            Field at each of them.
        after
            What comes after the last instant, as in `Amplitude`.

        Examples
        --------
        >>> frames = np.array([[0.0, 0.0], [10.0, 20.0]])
        >>> SeparatedField.from_keyframes(np.array([0.0, 2.0]), frames).at(1.0).tolist()
        [5.0, 10.0]
        """
        hats = tuple(Amplitude(times, hat, after) for hat in np.eye(times.size))
        return cls(hats, fields)

    @property
    def n_terms(self) -> int:
        """Number of terms."""
        return len(self.amplitudes)

    def at(self, time: float) -> Float[Array, " n"]:
        """Return the field at an instant.

        Raises
        ------
        StudyError
            If `time` lies beyond the table of an amplitude that says so.

        Notes
        -----
        Cost: one pass over the vectors whose amplitude is not zero at this instant.
        """
        factors = [amplitude.at(time) for amplitude in self.amplitudes]
        value = np.zeros(self.vectors.shape[1])
        for factor, vector in zip(factors, self.vectors, strict=True):
            if factor != 0.0:
                value += factor * vector
        return value

    def table(self, times: Float[Array, " n_times"]) -> Float[Array, "n_times n"]:
        """Return the field at several instants, a row for each.

        Raises
        ------
        StudyError
            If an instant lies beyond the table of an amplitude that says so.

        Examples
        --------
        >>> hold = Amplitude(np.array([0.0]), np.array([3.0]), after="hold")
        >>> SeparatedField((hold,), np.array([[1.0, 2.0]])).table(np.array([0.0, 9.0])).tolist()
        [[3.0, 6.0], [3.0, 6.0]]
        """
        return self.tabulated(AmplitudeTable(times))

    def tabulated(self, table: AmplitudeTable) -> Float[Array, "n_times n"]:
        """Return the field at the instants of a table of amplitudes, a row for each.

        Raises
        ------
        StudyError
            If an instant lies beyond the table of an amplitude that says so.

        Examples
        --------
        >>> hold = Amplitude(np.array([0.0]), np.array([3.0]), after="hold")
        >>> table = AmplitudeTable(np.array([0.0, 9.0]))
        >>> [SeparatedField((hold,), np.array([[x]])).tabulated(table)[1, 0] for x in (1.0, 2.0)]
        [3.0, 6.0]
        """
        factors = np.array([table.of(amplitude) for amplitude in self.amplitudes])
        return np.asarray(factors.reshape(self.n_terms, len(table.times)).T @ self.vectors)

    def mapped(self, operator: csr_matrix | Float[Array, "n_new n"]) -> SeparatedField:
        """Return the image of the field by a linear operator, sparse or dense.

        Examples
        --------
        >>> hold = Amplitude(np.array([0.0]), np.array([1.0]), after="hold")
        >>> field = SeparatedField((hold,), np.array([[1.0, 2.0]]))
        >>> field.mapped(np.array([[1.0, 1.0]])).at(3.0).tolist()
        [3.0]
        """
        images = np.ascontiguousarray(np.asarray(operator @ self.vectors.T).T)
        return SeparatedField(self.amplitudes, images)

    def joined(self, *others: SeparatedField) -> SeparatedField:
        """Return the sum with other fields of the same length.

        Raises
        ------
        ValueError
            If the lengths differ.
        """
        fields = (self, *others)
        lengths = [field.vectors.shape[1] for field in fields]
        if len(set(lengths)) != 1:
            message = f"fields to join must have one length, got {lengths}."
            raise ValueError(message)
        amplitudes = tuple(amplitude for field in fields for amplitude in field.amplitudes)
        return SeparatedField(amplitudes, np.vstack([field.vectors for field in fields]))
