"""From the keys of a study to a law of MFront."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from romnet.core.errors import PluginError, StudyError
from romnet.laws.model import unknown_name
from romnet.laws.tables import Table, ThermalExpansion
from romnet_mgis.law import MgisLaw

_KEYS = ["behaviour", "external", "parameters", "properties", "symmetric"]
_HYPOTHESES = {6: "Tridimensional", 4: "PlaneStrain"}


def load_law(
    library: Path,
    options: Mapping[str, Any],
    expansion: ThermalExpansion,
    *,
    n_components: int,
) -> MgisLaw:
    """Load a behaviour that MFront compiled with its generic interface.

    Parameters
    ----------
    library
        Shared library that MFront made.
    options
        ``behaviour``, its name; ``properties``, a number or a temperature table for each of its
        material properties; ``external``, a number for each of its external state variables
        besides the temperature; ``parameters``, new values of its parameters; ``symmetric``,
        whether its tangent always is (default no).
    expansion
        Thermal expansion that romnet removes from the strain; leave it out when the behaviour
        expands by itself.
    n_components
        6, or 4 in plane strain.

    Returns
    -------
    MgisLaw
        The law.

    Raises
    ------
    StudyError
        If an option is unknown or missing, or a property is not one of the behaviour.
    PluginError
        If MGIS, the library or the behaviour cannot be loaded, or the behaviour is not one of
        small strains.

    Notes
    -----
    Parameters belong to the library, not to the law: two laws of one behaviour share them.
    """
    for key in options:
        if key not in _KEYS:
            message = f"law.options: {unknown_name(str(key), _KEYS)}"
            raise StudyError(message)
    if "behaviour" not in options:
        message = "law.options: needs behaviour, the name of a behaviour in the library."
        raise StudyError(message)
    mgis = _bindings()
    behaviour = _load(mgis, library, options["behaviour"], _HYPOTHESES[n_components])
    for name, value in options.get("parameters", {}).items():
        mgis.setParameter(behaviour, name, float(value))
    properties = {
        name: Table.read(given, f"law.options.properties.{name}")
        for name, given in options.get("properties", {}).items()
    }
    _compare("properties", properties, [variable.name for variable in behaviour.mps])
    external = {name: float(value) for name, value in options.get("external", {}).items()}
    wanted = [variable.name for variable in behaviour.esvs if variable.name != "Temperature"]
    _compare("external", external, wanted)
    return MgisLaw(
        mgis,
        behaviour,
        properties,
        expansion,
        n_components=n_components,
        external=external,
        symmetric_tangent=bool(options.get("symmetric", False)),
    )


def _bindings() -> Any:  # noqa: ANN401  (a module)
    """Import MGIS when it is first needed."""
    try:
        return import_module("mgis.behaviour")
    except ImportError as problem:
        message = (
            f"loader mgis: the Python bindings of MGIS cannot be imported ({problem}); install "
            "MGIS into this environment."
        )
        raise PluginError(message) from problem


def _load(mgis: Any, library: Path, name: str, hypothesis: str) -> Any:  # noqa: ANN401
    """Load a behaviour of small strains."""
    if not library.is_file():
        message = f"{library}: there is no such shared library."
        raise PluginError(message)
    try:
        behaviour = mgis.load(str(library), name, getattr(mgis.Hypothesis, hypothesis))
    except RuntimeError as problem:
        message = f"{library}: behaviour {name!r} cannot be loaded for {hypothesis} ({problem})."
        raise PluginError(message) from problem
    kind = behaviour.getBehaviourType()
    if kind != "StandardStrainBasedBehaviour":
        message = f"{library}: {name} is a {kind}; romnet needs a StandardStrainBasedBehaviour."
        raise PluginError(message)
    return behaviour


def _compare(key: str, given: Mapping[str, object], wanted: list[str]) -> None:
    """Refuse what the behaviour does not know, and what it lacks."""
    for name in given:
        if name not in wanted:
            message = f"law.options.{key}: {unknown_name(name, sorted(wanted))}"
            raise StudyError(message)
    missing = [name for name in wanted if name not in given]
    if missing:
        message = f"law.options.{key}: missing {', '.join(missing)}."
        raise StudyError(message)
