"""Laws by name: discovery of the installed ones, and building from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core.errors import PluginError, StudyError
from romnet.core.plugins import installed
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.model import LawModel, unknown_name
from romnet.laws.points import PredefinedField
from romnet.laws.tables import PropertyTable, Table, ThermalExpansion, is_table
from romnet.laws.umat import UmatLaw

GROUP = "romnet.laws"
_SPEC_KEYS = ["expansion", "law", "parameters"]
LOADERS = "romnet.law_loaders"
_LOADED_KEYS = ["library", "loader", "options"]
_UMAT_KEYS = [
    "fields",
    "function",
    "initial",
    "n_state",
    "name",
    "predefined",
    "properties",
    "strain",
    "symmetric",
    "thread_safe",
    "threads",
    "umat",
]


def law_names() -> tuple[str, ...]:
    """Return the names of the installed laws, romnet's own and those of plug-ins.

    Examples
    --------
    >>> {"elastic", "j2_viscoplastic"} <= set(law_names())
    True
    """
    return tuple(sorted(_entry_points(GROUP)))


def law_model(name: str) -> LawModel:
    """Return an installed law by name.

    Parameters
    ----------
    name
        One of `law_names`.

    Returns
    -------
    LawModel
        Its description, which also builds it.

    Raises
    ------
    StudyError
        If no law has this name.
    PluginError
        If its distribution cannot be imported or offers something else.

    Examples
    --------
    >>> law_model("elastic").summary
    'isotropic linear elasticity'
    """
    model, origin = _load(GROUP, "law", name)
    if not isinstance(model, LawModel):
        message = f"law {name}: {origin} is a {type(model).__name__}, not a LawModel."
        raise PluginError(message)
    return model


def build_law(spec: Mapping[str, Any], *, n_components: int) -> ConstitutiveLaw:
    """Make a law from plain data, as studies and artefacts keep it.

    Parameters
    ----------
    spec
        ``{"law": name, "parameters": {...}, "expansion": {...}}`` for an installed law;
        ``{"law": {"umat": "/path/lib.so", "properties": [...], "n_state": 19},
        "expansion": {...}}`` for a UMAT, with the further keys of `romnet.study.schema.Umat`;
        ``{"law": {"loader": "mgis", "library": "/path/lib.so", "options": {...}},
        "expansion": {...}}`` for a library that an installed plug-in knows how to load. Every
        property is a number or a table ``{"temperature": [...], "value": [...]}``; the expansion
        is ``{"coefficient": ..., "reference": ...}`` and may be left out.
    n_components
        6, or 4 in plane strain.

    Returns
    -------
    ConstitutiveLaw
        The law, ready for batches of any size.

    Raises
    ------
    StudyError
        If a key or a parameter is unknown, missing or of the wrong kind.
    LawError
        If a value lies outside its domain.
    PluginError
        If a library or a distribution cannot be loaded.

    Notes
    -----
    Collective: no. Reads shared libraries, mutates nothing.

    Examples
    --------
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> build_law(spec, n_components=4).n_state
    5
    >>> spec["parameters"]["yung"] = 1.0
    >>> build_law(spec, n_components=4)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.StudyError: ... 'yung' is unknown; did you mean 'young'? There are: ...
    """
    _check_keys(spec, _SPEC_KEYS, "material")
    expansion = ThermalExpansion.read(spec.get("expansion"))
    law, parameters = spec.get("law"), spec.get("parameters") or {}
    if isinstance(law, str):
        return law_model(law).build(parameters, expansion, n_components=n_components)
    if not isinstance(law, Mapping):
        message = f"law: must be a name, {{umat: ...}} or {{loader: ...}}, got {law!r}."
        raise StudyError(message)
    if parameters:
        message = "parameters: a law in a library takes its properties from the keys of law."
        raise StudyError(message)
    if "loader" in law:
        return _loaded_law(law, expansion, n_components)
    return _umat_law(law, expansion, n_components)


def temperature_range(spec: Mapping[str, Any]) -> tuple[float, float]:
    """Return the temperatures at which every table of a material is known.

    Parameters
    ----------
    spec
        As for `build_law`.

    Returns
    -------
    tuple
        Lowest and highest temperature [temperature]; infinite where nothing limits them. The
        first exceeds the second when the tables have no temperature in common.

    Examples
    --------
    >>> young = {"temperature": [20.0, 400.0], "value": [2.0e5, 1.6e5]}
    >>> temperature_range({"law": "elastic", "parameters": {"young": young, "poisson": 0.3}})
    (20.0, 400.0)
    """
    limits = [table.limits for table in _tables(spec, "material")]
    return (
        max((low for low, _ in limits), default=-inf),
        min((high for _, high in limits), default=inf),
    )


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    """Find what is installed; two of one name are a mistake."""
    found: dict[str, EntryPoint] = {}
    for entry in installed(group):
        if entry.name in found and found[entry.name].value != entry.value:
            message = (
                f"{group} {entry.name}: offered by {found[entry.name].value} and {entry.value}."
            )
            raise PluginError(message)
        found[entry.name] = entry
    return found


def _load(group: str, kind: str, name: str) -> tuple[object, str]:
    """Import what an entry point names; say also where it is."""
    known = _entry_points(group)
    if name not in known:
        message = f"{kind}: {unknown_name(name, sorted(known))}"
        raise StudyError(message)
    entry = known[name]
    try:
        return entry.load(), entry.value
    except (ImportError, AttributeError) as problem:
        message = f"{kind} {name}: {entry.value} cannot be loaded ({problem})."
        raise PluginError(message) from problem


def _loaded_law(
    law: Mapping[str, Any], expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law of a library that a plug-in loads."""
    _check_keys(law, _LOADED_KEYS, "law")
    _demand(law, ("loader", "library"), "a law in a foreign library")
    loader, origin = _load(LOADERS, "loader", law["loader"])
    if not callable(loader):
        message = f"loader {law['loader']}: {origin} is a {type(loader).__name__}, no function."
        raise PluginError(message)
    options = law.get("options", {})
    made = loader(Path(law["library"]), options, expansion, n_components=n_components)
    if not isinstance(made, ConstitutiveLaw):
        message = f"loader {law['loader']}: {origin} made a {type(made).__name__}, no law."
        raise PluginError(message)
    return made


def _umat_law(
    law: Mapping[str, Any], expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law of a library."""
    _check_keys(law, _UMAT_KEYS, "law")
    _demand(law, ("umat", "properties", "n_state"), "a UMAT")
    _check_strain(law.get("strain", "mechanical"), expansion)
    tables = [
        Table.read(given, f"law.properties[{number}]")
        for number, given in enumerate(law["properties"])
    ]
    initial = law.get("initial")
    return UmatLaw(
        Path(law["umat"]),
        law.get("function") or "",
        PropertyTable.merge(tables),
        expansion,
        n_components=n_components,
        n_statev=law["n_state"],
        statev_fields={name: slice(*ends) for name, ends in law.get("fields", {}).items()},
        name=law.get("name", "MATERIAL"),
        symmetric_tangent=law.get("symmetric", False),
        initial=None if initial is None else np.array(initial, dtype=float),
        predefined=tuple(
            _predefined(name, given) for name, given in law.get("predefined", {}).items()
        ),
        threads=_threads(law),
    )


def _check_strain(convention: object, expansion: ThermalExpansion) -> None:
    """Refuse a convention that does not exist, or two expansions of one material."""
    if convention not in {"mechanical", "total"}:
        message = f"law.strain: must be mechanical or total, got {convention!r}."
        raise StudyError(message)
    if convention == "total" and expansion.coefficient.values.any():
        message = (
            "expansion: a UMAT with strain: total expands by itself; leave the expansion out, or "
            "write strain: mechanical."
        )
        raise StudyError(message)


def _predefined(name: str, given: object) -> PredefinedField:
    """Read a number, or a table of time."""
    where = f"law.predefined.{name}"
    if not isinstance(given, Mapping):
        return PredefinedField.constant(name, Table.read(given, where).at(0.0))
    if set(given) != {"time", "value"}:
        message = f"{where}: must be a number or a table {{time: [...], value: [...]}}."
        raise StudyError(message)
    table = Table.read({"temperature": given["time"], "value": given["value"]}, where)
    return PredefinedField(name, table.temperatures, table.values[:, None])


def _threads(law: Mapping[str, Any]) -> int:
    """Read how many threads share a batch."""
    threads = int(law.get("threads", 1))
    if threads < 1:
        message = f"law.threads: must be at least 1, got {threads}."
        raise StudyError(message)
    if threads > 1 and not law.get("thread_safe", False):
        message = (
            "law.threads: only a UMAT that remembers nothing outside STATEV (no SAVE, COMMON or "
            "static variables) may run in threads; say thread_safe: true if this one does not."
        )
        raise StudyError(message)
    return threads


def _demand(law: Mapping[str, Any], keys: tuple[str, ...], what: str) -> None:
    """Refuse missing keys."""
    for key in keys:
        if key not in law:
            message = f"law: {what} needs {key}."
            raise StudyError(message)


def _check_keys(given: Mapping[str, Any], known: list[str], where: str) -> None:
    """Refuse keys that do not exist."""
    for key in given:
        if key not in known:
            message = f"{where}: {unknown_name(str(key), known)}"
            raise StudyError(message)


def _tables(given: object, where: str) -> list[Table]:
    """Collect the temperature tables anywhere in plain data."""
    if is_table(given):
        return [Table.read(given, where)]
    if isinstance(given, Mapping) and isinstance(given.get("temperature"), list | tuple):
        return [
            Table.read({"temperature": given["temperature"], "value": given["temperature"]}, where)
        ]
    if isinstance(given, Mapping):
        return [table for key, value in given.items() for table in _tables(value, f"{where}.{key}")]
    if isinstance(given, list | tuple):
        return [table for n, value in enumerate(given) for table in _tables(value, f"{where}[{n}]")]
    return []
