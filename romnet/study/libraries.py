"""Whether the shared libraries of a study are those that its model was made with."""

from __future__ import annotations

from romnet.core.errors import PluginError
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import manifest_path, read_manifest
from romnet.study.context import Context
from romnet.study.schema import LibraryLaw, Umat


def refuse_changed_libraries(context: Context) -> None:
    """Refuse a library whose contents changed since the model was made.

    Parameters
    ----------
    context
        The study and its results; where there is no model yet, nothing is refused.

    Raises
    ------
    PluginError
        Names the key of the study, the library and both hashes. A law that says
        ``changed: rebuild`` is left to the stages, which make the model anew.

    Notes
    -----
    Collective: no. Cost: reads the libraries.
    """
    located, path = context.located, context.folder / "model.h5"
    if not path.is_file() or not manifest_path(path).is_file():
        return
    known = read_manifest(path).inputs
    number = 0
    for place, material in enumerate(located.study.materials):
        law = material.law
        if not isinstance(law, Umat | LibraryLaw):
            continue
        library = located.resolve(law.umat if isinstance(law, Umat) else law.library)
        made_with = known.get(f"file law[{number}] {library.name}")
        number += 1
        if law.changed == "rebuild" or made_with is None or not library.is_file():
            continue
        found = sha256_of(library)
        if found != made_with:
            message = (
                f"{library} is not the library that the model was made with (sha256 "
                f"{found[:12]}..., was {made_with[:12]}...); if the change is meant, run "
                "`romnet offline`, or say changed: rebuild."
            )
            where = located.yaml.where(("materials", place, "law"))
            raise PluginError(f"{where}: {message}")
