"""Documentation that cannot go stale: generated pages, links, commands and code blocks.

``scripts/check_docs.py --write`` rewrites the generated pages instead of comparing them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import laws_page
import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from romnet.study.published import schema_text, write_schema
from romnet.study.schema import Material, Study

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "study.md"
SCHEMA = PAGE.with_name("study.schema.json")


def main() -> None:
    """Check everything; exit with 1 and the list of problems."""
    if "--write" in sys.argv:
        PAGE.write_text(study_page(), encoding="utf-8")
        laws_page.main()
        write_schema(SCHEMA)
        return
    problems = [*generated(), *links(), *commands(), *blocks(), *guides(), *site()]
    for problem in problems:
        print(problem)
    print(f"documentation: {len(problems)} problems")
    sys.exit(bool(problems))


def generated() -> Iterator[str]:
    """Compare generated pages with what the code says."""
    pages = ((PAGE, study_page), (SCHEMA, schema_text), (laws_page.PAGE, laws_page.page))
    for path, made in pages:
        if path.read_text(encoding="utf-8") != made():
            yield f"{path}: is stale; run scripts/check_docs.py --write"


def links() -> Iterator[str]:
    """Find relative links that lead nowhere."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)}: link to {target} leads nowhere"


def commands() -> Iterator[str]:
    """Find commands that the reference page leaves out."""
    from typer.main import get_command

    from romnet.cli.main import app

    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for name in getattr(get_command(app), "commands", {}):
        if f"`romnet {name}" not in page:
            yield f"docs/reference/commands.md: romnet {name} is missing"


def blocks() -> Iterator[str]:
    """Run the Python blocks of the README on the results of the demo."""
    demo = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if demo.returncode:
        yield f"scripts/demo.py: {demo.stderr[-500:]}"
        return
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        ran = subprocess.run(
            [sys.executable, "-c", block],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
        )
        if ran.returncode or not ran.stdout:
            yield f"README.md: a block fails: {ran.stderr[-500:]}"


def guides() -> Iterator[str]:
    """Run the blocks of the tutorial and of each how-to page, in order and in a folder of its own.

    Shell blocks find romnet's commands and $ROMNET, the checkout; materials are held against the
    schema of the study.
    """
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": paths, "ROMNET": str(ROOT)}
    runners = {"bash": ["bash", "-euc"], "python": [sys.executable, "-c"]}
    for page in [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            for kind, block in re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL):
                if kind in runners:
                    ran = subprocess.run(
                        [*runners[kind], block],
                        capture_output=True,
                        text=True,
                        timeout=120,
                        check=False,
                        cwd=folder,
                        env=environment,
                    )
                    problem = ran.stderr[-500:] if ran.returncode else ""
                else:
                    problem = _wrong_materials(block) if kind == "yaml" else ""
                if problem:
                    yield f"{page.relative_to(ROOT)}: a {kind} block fails: {problem}"


def site() -> Iterator[str]:
    """Build the pages and the Python reference; every warning is a problem."""
    made_from_docstrings = ROOT / "docs" / "reference" / "python"
    shutil.rmtree(made_from_docstrings, ignore_errors=True)
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", "docs", "docs/_build"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
    )
    problems = built.stderr.strip().splitlines()
    yield from problems or ([] if built.returncode == 0 else ["Sphinx fails without a word"])


def _wrong_materials(block: str) -> str:
    """Say what is wrong with the materials of a piece of a study."""
    try:
        for material in yaml.safe_load(block).get("materials", []):
            Material.model_validate(material)
    except (yaml.YAMLError, ValidationError) as problem:
        return str(problem)
    return ""


def study_page() -> str:
    """Return the reference of the study file, from its schema."""
    parts = [
        "# The study file",
        "",
        "Made from `romnet/study/schema` by `scripts/check_docs.py --write`.",
        "Unknown keys are errors. Relative paths start from the folder of the study.",
        "Numbers are in the study's own units.",
        "",
    ]
    waiting: list[type[BaseModel]] = [Study]
    seen: set[type[BaseModel]] = set()
    while waiting:
        model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        parts += _section(model)
        for info in model.model_fields.values():
            waiting += list(_models(info.annotation))
    return "\n".join(parts)


def _section(model: type[BaseModel]) -> list[str]:
    """Describe one mapping."""
    words = (model.__doc__ or "").split("\n")[0]
    rows = [
        f"## {model.__name__}",
        "",
        words,
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, info in model.model_fields.items():
        kind, default = _words(info.annotation), _default(info)
        rows.append(f"| `{name}` | {kind} | {default} | {info.description or ''} |")
    return [*rows, ""]


def _default(info: FieldInfo) -> str:
    """Say what stands for a key that is left out."""
    if info.is_required():
        return "required"
    if info.default_factory is not None or isinstance(info.default, BaseModel):
        return "its own defaults" if isinstance(info.default, BaseModel) else "empty"
    if info.default in (None, PydanticUndefined):
        return ""
    return "empty" if info.default == () else f"`{_plain(info.default)}`"


def _plain(value: Any) -> str:
    """Say a default as YAML would."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the mappings in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _words(annotation: Any) -> str:
    """Say a type in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    names = {str: "text", Path: "path", float: "number", int: "whole number", bool: "yes or no"}
    if origin is Annotated:
        words = _words(parts[0])
    elif origin is Literal:
        words = " or ".join(f"`{part}`" for part in parts)
    elif origin in (Union, UnionType):
        words = " or ".join(_words(part) for part in parts if part is not type(None))
    elif origin is tuple:
        words = f"list of {_words(parts[0])}"
    elif origin is dict:
        words = f"mapping of {_words(parts[1])}"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        words = f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    else:
        words = names.get(annotation, "any")
    return words


if __name__ == "__main__":
    main()
