"""What a command on laws is about: an installed law, the materials of a study, or a library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from romnet.core.errors import StudyError
from romnet.laws.registry import law_model, temperature_range
from romnet.study.read import read_study
from romnet.study.workspace import law_spec
from romnet.study.yaml_lines import read_yaml

_STUDY_SUFFIXES = frozenset({".yaml", ".yml"})
_MATERIAL_KEYS = frozenset({"parameters", "expansion"})


@dataclass(frozen=True)
class LawTarget:
    """A law that can be built.

    Attributes
    ----------
    name
        How messages call it.
    spec
        Its specification, see `romnet.laws.registry.build_law`.
    """

    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class LibraryFacts:
    """What a shared library does not say about itself.

    Attributes
    ----------
    function
        Symbol of the UMAT; empty for the usual ones.
    properties
        PROPS.
    n_state
        Entries of STATEV.
    symmetric
        Whether DDSDDE is always symmetric.

    Examples
    --------
    >>> LibraryFacts(properties=(2.0e5, 0.3)).spec(Path("lib.so"))["law"]["n_state"]
    0
    """

    function: str = ""
    properties: tuple[float, ...] = ()
    n_state: int = 0
    symmetric: bool = False

    def spec(self, library: Path) -> Mapping[str, Any]:
        """Return the specification of the law in a library."""
        law: dict[str, Any] = {
            "umat": str(library.resolve()),
            "properties": list(self.properties),
            "n_state": self.n_state,
            "symmetric": self.symmetric,
        }
        if self.function:
            law["function"] = self.function
        return {"law": law}


def law_targets(
    target: str, *, parameters: Path | None = None, library: LibraryFacts | None = None
) -> tuple[LawTarget, ...]:
    """Find the laws that a word means.

    Parameters
    ----------
    target
        A study (a YAML file, or a folder that holds ``study.yaml``): all its materials; another
        file: a shared library; else the name of an installed law.
    parameters
        For an installed law, a YAML file with its parameters, or with ``parameters`` and
        ``expansion`` as in a study; the law's own example if left out.
    library
        For a library, what it does not say itself.

    Returns
    -------
    tuple
        One law, or one for each material of the study.

    Raises
    ------
    StudyError
        If there is no such file and no such law, a file is not valid, or a law has neither
        parameters nor an example.

    Examples
    --------
    >>> law_targets("elastic")[0].spec["law"]
    'elastic'
    """
    path = Path(target)
    if path.suffix in _STUDY_SUFFIXES or path.is_dir():
        located = read_study(path)
        return tuple(
            LawTarget(f"materials[{number}] ({entry.cells})", law_spec(located, entry))
            for number, entry in enumerate(located.study.materials)
        )
    if path.is_file():
        return (LawTarget(path.name, (library or LibraryFacts()).spec(path)),)
    if path.suffix in {".so", ".dll", ".dylib"} or path.name != target:
        message = f"{target}: there is no such file."
        raise StudyError(message)
    return (LawTarget(target, _installed(target, parameters)),)


def material(targets: tuple[LawTarget, ...], number: int) -> LawTarget:
    """Return one of the laws.

    Raises
    ------
    StudyError
        If there is none of that number.
    """
    if not 0 <= number < len(targets):
        names = ", ".join(target.name for target in targets)
        message = f"there is no material {number}; there are, from 0: {names}."
        raise StudyError(message)
    return targets[number]


def known_temperature(spec: Mapping[str, Any]) -> float | None:
    """Return the middle of the temperatures at which a law is known, if it depends on any.

    Examples
    --------
    >>> young = {"temperature": [20.0, 400.0], "value": [2.0e5, 1.6e5]}
    >>> known_temperature({"law": "elastic", "parameters": {"young": young, "poisson": 0.3}})
    210.0
    """
    low, high = temperature_range(spec)
    return 0.5 * (low + high) if isfinite(low) and isfinite(high) else None


def _installed(name: str, parameters: Path | None) -> Mapping[str, Any]:
    """Return the specification of an installed law."""
    model = law_model(name)
    if parameters is None:
        if not model.example and any(parameter.required for parameter in model.parameters):
            message = f"law {name}: has no example; give its parameters with --parameters FILE."
            raise StudyError(message)
        return {"law": name, "parameters": dict(model.example)}
    given = read_yaml(parameters).content
    if _MATERIAL_KEYS.isdisjoint(given):
        return {"law": name, "parameters": given}
    return {"law": name, **{key: given[key] for key in given if key != "law"}}
