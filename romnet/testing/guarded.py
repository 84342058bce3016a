"""A UMAT called with every argument in memory of its own, between red zones that betray strays."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.tensors import N_NORMAL
from romnet.laws.native.loading import load_function
from romnet.laws.umat import UmatLaw
from romnet.testing.subject import Question, Subject

_RED_ZONE = 64  # entries before and after each argument
_NAME_LENGTH, _LEAST_FIELDS = 80, 8
# In the order of the interface.
_INPUTS_AND_OUTPUTS = """
    STRESS STATEV DDSDDE SSE SPD SCD RPL DDSDDT DRPLDE DRPLDT
    STRAN DSTRAN TIME DTIME TEMP DTEMP PREDEF DPRED CMNAME NDI NSHR NTENS NSTATV PROPS NPROPS
    COORDS DROT PNEWDT CELENT DFGRD0 DFGRD1 NOEL NPT LAYER KSPT KSTEP KINC
"""
_ORDER = tuple(_INPUTS_AND_OUTPUTS.split())
_OUTPUTS = (*_ORDER[: _ORDER.index("STRAN")], "PNEWDT")
# What lies around the arguments: two choices, so that an answer that depends on it shows.
FILLINGS = (-7.25, 113.0)


@dataclass(frozen=True)
class GuardedAnswer:
    """What a UMAT did with its arguments.

    Attributes
    ----------
    spoiled
        Arguments that are only input and were changed.
    strayed
        Places outside the arguments that were written to, such as ``"after STATEV"``.
    outputs
        Outputs by name.
    """

    spoiled: tuple[str, ...]
    strayed: tuple[str, ...]
    outputs: Mapping[str, Float[Array, " n"]]


def guarded_answers(subject: Subject, *, filling: float = FILLINGS[0]) -> Iterator[GuardedAnswer]:
    """Call the UMAT of a law at every point of the probe, over a first and a further increment.

    Parameters
    ----------
    subject
        A `UmatLaw` and its probe.
    filling
        Number that fills the memory around the arguments.

    Yields
    ------
    GuardedAnswer
        One for each call; the further increment is left out where the first has no finite answer.

    Raises
    ------
    TypeError
        If the law is not a UMAT.

    Notes
    -----
    The arguments are those of the batch driver, in other places. A UMAT that crashes the process
    crashes this one.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> from romnet.testing.subject import Probe
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> subject = Subject(build_law(spec, n_components=6), Probe(n_points=1))
    >>> [(answer.spoiled, answer.strayed) for answer in guarded_answers(subject)]
    [((), ()), ((), ())]
    """
    law = subject.law
    if not isinstance(law, UmatLaw):
        message = f"only a UMAT can be called this way, got a {type(law).__name__}."
        raise TypeError(message)
    address = load_function(law.library, law.function)
    virgin = subject.virgin
    questions = (virgin, subject.further("strained", virgin.state, sign=1.0))
    for point in range(subject.probe.n_points):
        row = virgin.state[point]
        stress, statev = row[: law.n_components], row[law.n_components + 1 :]
        for question in questions:
            arguments = {
                "STRESS": stress,
                "STATEV": statev,
                "DDSDDE": np.zeros(law.n_components**2),
                **_energies(law.n_components),
                **_increment(law, question, point, virgin.temperatures[0]),
                **_sizes(law),
                **_place(point, question.step.number),
            }
            answer = _call(address, arguments, filling)
            yield answer
            stress, statev = answer.outputs["STRESS"], answer.outputs["STATEV"]
            if not (np.isfinite(stress).all() and np.isfinite(statev).all()):
                break


def _energies(n_components: int) -> dict[str, Array]:
    """Return the outputs that a mechanical law leaves alone."""
    scalars = {name: np.zeros(1) for name in ("SSE", "SPD", "SCD", "RPL", "DRPLDT")}
    return {**scalars, "DDSDDT": np.zeros(n_components), "DRPLDE": np.zeros(n_components)}


def _increment(law: UmatLaw, question: Question, point: int, initial: float) -> dict[str, Array]:
    """Return strains without thermal expansion, temperatures, times and properties."""
    normal = np.arange(law.n_components) < N_NORMAL
    strain_of = law.expansion.strain
    before, after = question.temperatures
    free = strain_of(initial)
    old = question.old[point] - normal * (strain_of(before) - free)
    new = question.new[point] - normal * (strain_of(after) - free)
    return {
        "STRAN": old,
        "DSTRAN": new - old,
        "TIME": np.full(2, question.step.start),
        "DTIME": np.array([question.step.length]),
        "TEMP": np.array([before]),
        "DTEMP": np.array([after - before]),
        **_fields(law, question),
        "PROPS": np.asarray(law.properties.at(after), dtype=float),
        "PNEWDT": np.ones(1),
    }


def _fields(law: UmatLaw, question: Question) -> dict[str, Array]:
    """Return the predefined fields at the start, and their change."""
    room = np.zeros(max(len(law.predefined), _LEAST_FIELDS))
    old, new = room.copy(), room.copy()
    for number, given in enumerate(law.predefined):
        old[number], new[number] = given.at(question.step.start)[0], given.at(question.step.end)[0]
    return {"PREDEF": old, "DPRED": new - old}


def _sizes(law: UmatLaw) -> dict[str, Array]:
    """Return the name of the material and the lengths of the arrays."""
    name = law.name.encode("ascii", "replace").ljust(_NAME_LENGTH)[:_NAME_LENGTH]
    n = law.n_components
    counts = {"NDI": N_NORMAL, "NSHR": n - N_NORMAL, "NTENS": n, "NSTATV": law.n_statev}
    counts["NPROPS"] = law.properties.values.shape[1]
    return {
        "CMNAME": np.frombuffer(name, dtype=np.int8),
        **{key: np.array([count], dtype=np.int32) for key, count in counts.items()},
    }


def _place(point: int, number: int) -> dict[str, Array]:
    """Return where the point is, and the number of the increment."""
    identity = np.eye(3).ravel()
    one = np.ones(1, dtype=np.int32)
    return {
        "COORDS": np.zeros(3),
        "DROT": identity,
        "CELENT": np.ones(1),
        "DFGRD0": identity,
        "DFGRD1": identity,
        "NOEL": np.array([point + 1], dtype=np.int32),
        **dict.fromkeys(("NPT", "LAYER", "KSPT"), one),
        "KINC": np.array([number], dtype=np.int32),
        "KSTEP": np.array([1, 1, 0, 0], dtype=np.int32),
    }


def _call(address: int, arguments: Mapping[str, Array], filling: float) -> GuardedAnswer:
    """Call the UMAT once and look at what it wrote where."""
    rooms = {name: _room(arguments[name], filling) for name in _ORDER}
    umat = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(_ORDER), ctypes.c_size_t)(address)
    inside = slice(_RED_ZONE, -_RED_ZONE)
    umat(*(_address(room) for room in rooms.values()), _NAME_LENGTH)
    spoiled, strayed = [], []
    for name, room in rooms.items():
        fresh = _room(arguments[name], filling)
        if name not in _OUTPUTS and not _same(room[inside], fresh[inside]):
            spoiled.append(name)
        if not _same(room[:_RED_ZONE], fresh[:_RED_ZONE]):
            strayed.append(f"before {name}")
        if not _same(room[-_RED_ZONE:], fresh[-_RED_ZONE:]):
            strayed.append(f"after {name}")
    outputs = {name: rooms[name][inside].copy() for name in _ORDER if name in _OUTPUTS}
    return GuardedAnswer(tuple(spoiled), tuple(strayed), outputs)


def _room(content: Array, filling: float) -> Array:
    """Return a copy of an argument between two red zones."""
    zone = np.full(_RED_ZONE, filling).astype(content.dtype)
    return np.concatenate([zone, content, zone])


def _address(room: Array) -> int:
    """Return where the argument begins, even one of no length."""
    return int(room.ctypes.data) + _RED_ZONE * room.itemsize


def _same(one: Array, other: Array) -> bool:
    """Whether two arrays have the same bits."""
    return one.tobytes() == other.tobytes()
