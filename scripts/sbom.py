"""List what an installed romnet stands on, with versions and licences, as CycloneDX JSON."""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version

from packaging.requirements import Requirement


def components(root: str) -> list[dict[str, object]]:
    """Return every distribution that one needs, directly or not, without its extras."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            print(f"{name} is not installed", file=sys.stderr)
            continue
        wanted = [Requirement(text) for text in found[name].requires or []]
        waiting += [
            one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return [_component(name, found[name]) for name in sorted(found) if name != root]


def _component(name: str, found: Distribution) -> dict[str, object]:
    """Describe one distribution."""
    told = found.metadata.get_all("Classifier") or []
    licences = [text.split(" :: ")[-1] for text in told if text.startswith("License ::")]
    fields = ("License-Expression", "License")
    given = next((found.metadata[name] for name in fields if name in found.metadata), "")
    licence = ", ".join(licences) or given.splitlines()[0] if licences or given else "unknown"
    return {
        "type": "library",
        "name": name,
        "version": found.version,
        "purl": f"pkg:pypi/{name}@{found.version}",
        "licenses": [{"license": {"name": licence}}],
    }


def main() -> None:
    """Print the list."""
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "library", "name": "romnet", "version": version("romnet")}
        },
        "components": components("romnet"),
    }
    print(json.dumps(bill, indent=1))


if __name__ == "__main__":
    main()
