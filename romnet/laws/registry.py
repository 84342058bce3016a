"""Laws by name: discovery of the installed ones, and building from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from math import inf
from pathlib import Path
from typing import Any

from romnet.core.errors import PluginError, StudyError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.model import LawModel, unknown_name
from romnet.laws.tables import PropertyTable, Table, ThermalExpansion, is_table
from romnet.laws.umat import UmatLaw

GROUP = "romnet.laws"
_SPEC_KEYS = ["expansion", "law", "parameters"]
_UMAT_KEYS = ["fields", "function", "n_state", "name", "properties", "symmetric", "umat"]


def law_names() -> tuple[str, ...]:
    """Return the names of the installed laws, romnet's own and those of plug-ins.

    Examples
    --------
    >>> {"elastic", "j2_viscoplastic"} <= set(law_names())
    True
    """
    return tuple(sorted(_entry_points()))


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
    known = _entry_points()
    if name not in known:
        message = f"law: {unknown_name(name, sorted(known))}"
        raise StudyError(message)
    entry = known[name]
    try:
        model = entry.load()
    except (ImportError, AttributeError) as problem:
        message = f"law {name}: {entry.value} cannot be loaded ({problem})."
        raise PluginError(message) from problem
    if not isinstance(model, LawModel):
        message = f"law {name}: {entry.value} is a {type(model).__name__}, not a LawModel."
        raise PluginError(message)
    return model


def build_law(spec: Mapping[str, Any], *, n_components: int) -> ConstitutiveLaw:
    """Make a law from plain data, as studies and artefacts keep it.

    Parameters
    ----------
    spec
        ``{"law": name, "parameters": {...}, "expansion": {...}}`` for an installed law;
        ``{"law": {"umat": "/path/lib.so", "function": "umat_", "properties": [...],
        "n_state": 19, "fields": {"p": [0, 1]}, "name": "MAT1", "symmetric": false},
        "expansion": {...}}`` for a library. Every property is a number or a table
        ``{"temperature": [...], "value": [...]}``; the expansion is
        ``{"coefficient": ..., "reference": ...}`` and may be left out.
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
        message = f"law: must be a name or {{umat: ...}}, got {law!r}."
        raise StudyError(message)
    if parameters:
        message = "parameters: a UMAT takes its properties from law.properties."
        raise StudyError(message)
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
def _entry_points() -> dict[str, EntryPoint]:
    """Find the installed laws; two of one name are a mistake."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if entry.name in found and found[entry.name].value != entry.value:
            message = f"law {entry.name}: offered by {found[entry.name].value} and {entry.value}."
            raise PluginError(message)
        found[entry.name] = entry
    return found


def _umat_law(
    law: Mapping[str, Any], expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law of a library."""
    _check_keys(law, _UMAT_KEYS, "law")
    for key in ("umat", "properties", "n_state"):
        if key not in law:
            message = f"law: a UMAT needs {key}."
            raise StudyError(message)
    tables = [
        Table.read(given, f"law.properties[{number}]")
        for number, given in enumerate(law["properties"])
    ]
    return UmatLaw(
        Path(law["umat"]),
        law.get("function", "umat_"),
        PropertyTable.merge(tables),
        expansion,
        n_components=n_components,
        n_statev=law["n_state"],
        statev_fields={name: slice(*ends) for name, ends in law.get("fields", {}).items()},
        name=law.get("name", "MATERIAL"),
        symmetric_tangent=law.get("symmetric", False),
    )


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
