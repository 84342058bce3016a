"""The JSON Schema of studies, for editors that complete and check YAML."""

from __future__ import annotations

import json
from pathlib import Path

from romnet.store.replacing import replacing
from romnet.study.schema import Study

# Editors find the schema beside a study by its first line.
FILE = ".study.schema.json"
LINE = f"# yaml-language-server: $schema=./{FILE}"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """Return the JSON Schema of a study.

    Notes
    -----
    Collective: no. Deterministic: yes. It says of keys what the study file's reference says; what
    depends on several keys at once is left to ``romnet check``.

    Examples
    --------
    >>> found = json.loads(schema_text())
    >>> found["title"], found["required"][:3]
    ('Study', ['name', 'units', 'mesh'])
    """
    content = {"$schema": _DRAFT, **Study.model_json_schema()}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def write_schema(path: Path) -> None:
    """Write the JSON Schema of a study.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    with replacing(path) as temporary:
        temporary.write_text(schema_text(), encoding="utf-8")
