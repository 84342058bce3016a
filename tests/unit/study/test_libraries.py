"""A library that is not that of the model is refused."""

from __future__ import annotations

import pytest

from romnet.core.errors import PluginError
from romnet.store import artefact
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import Manifest
from romnet.study import commands
from romnet.study.libraries import refuse_changed_libraries


@pytest.mark.parametrize("changed", ["refuse", "rebuild"])
def test_a_changed_library_is_refused_unless_the_study_allows_it(small, tmp_path, changed):
    library = tmp_path / "law.so"
    library.write_bytes(b"one")
    law = {"umat": "law.so", "properties": [1.0], "n_state": 0, "changed": changed}
    path = small.write_study(tmp_path, small.changed(small.STUDY, materials=[{"law": law}]))
    context = commands.open_study(path)
    refuse_changed_libraries(context)  # no model yet
    known = {"file law[0] law.so": sha256_of(library)}
    with artefact.writing(context.folder / "model.h5", "model", Manifest(inputs=known)):
        pass
    refuse_changed_libraries(context)
    library.write_bytes(b"another")
    if changed == "rebuild":
        refuse_changed_libraries(context)
        return
    with pytest.raises(PluginError, match=r"yaml:\d+ materials\.0\.law: .*law\.so is not the lib"):
        refuse_changed_libraries(context)
