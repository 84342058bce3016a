"""A user's UMAT in a study: what it is told, and when its results are stale."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from romnet.study import commands
from romnet.study.stages import stages_of

# Elastic, stiffer towards x = 1, in odd elements, and with PREDEF; counts its first increments.
SOURCE = """
#include <stddef.h>
void UMAT(double *stress, double *statev, double *ddsdde, double *sse, double *spd, double *scd,
  double *rpl, double *ddsddt, double *drplde, double *drpldt, double *stran, double *dstran,
  double *time, double *dtime, double *temp, double *dtemp, double *predef, double *dpred,
  char *cmname, int *ndi, int *nshr, int *ntens, int *nstatv, double *props, int *nprops,
  double *coords, double *drot, double *pnewdt, double *celent, double *dfgrd0, double *dfgrd1,
  int *noel, int *npt, int *layer, int *kspt, int *kstep, int *kinc, size_t cmname_length)
{
    double humid = 1.0 + predef[0] + dpred[0];
    double shear = props[0] * (1.0 + coords[0]) * (1.0 + *noel % 2) * humid;
    for (int i = 0; i < 6; i++) {
        double strain = stran[i] + dstran[i];
        ddsdde[7 * i] = i < 3 ? 2.0 * shear : shear;
        stress[i] = ddsdde[7 * i] * strain;
    }
    if (*kinc == 1) statev[0] += 1.0;
    statev[1] = 10.0 * *noel + *npt;
}
"""


@pytest.fixture
def umat_study(small, tmp_path, needed):
    """Write a study of the UMAT, some keys of its law replaced."""

    def write(**keys):
        needed("gcc")
        source, library = tmp_path / "law.c", tmp_path / "law.so"
        if not library.exists():
            source.write_text(SOURCE)
            command = ["gcc", "-O2", "-fPIC", "-shared", str(source), "-o", str(library)]
            subprocess.run(command, check=True)
        law = {
            "umat": "law.so",
            "properties": [{"temperature": [0.0, 500.0], "value": [8.0e4, 7.0e4]}],
            "n_state": 2,
            "fields": {"first": [0, 1], "place": [1, 2]},
            "predefined": {"humidity": {"time": [0.0, 2.0], "value": [0.0, 1.0]}},
            **keys,
        }
        expansion = {"coefficient": 2.0e-5, "reference": 20.0}
        study = small.changed(
            small.STUDY,
            materials=[{"law": law, "density": 1.0e-8, "expansion": expansion}],
            offline__dual=["first", "place", "stress"],
            online=[{"name": "again"}],
        )
        return small.write_study(tmp_path, study)

    return write


def test_the_reduced_model_tells_the_umat_what_the_mesh_told_it(small, umat_study):
    context = small.computed(umat_study())
    # A stiffness of another place or element would be wrong by far more.
    assert commands.offline_summary(context).training_errors["u"] < 1e-4
    last = {name: context.replayed("one").source(name).column(4) for name in ("first", "place")}
    assert last["first"].tolist() == [1.0] * 64
    cells, points = np.divmod(np.arange(64), 8)
    assert last["place"].tolist() == (10.0 * (cells + 1) + points + 1).tolist()


def parameters(path):
    """Return the values of the study that each stage depends on."""
    stages = stages_of(commands.open_study(path).located)
    return {name: stages[name].parameters for name in ("snapshots[one]", "replay[one]", "model")}


@pytest.mark.parametrize(
    "keys",
    [
        {"initial": [1.0, 0.0]},
        {"symmetric": True},
        {"strain": "total"},
        {"predefined": {"humidity": 0.5}},
        {"name": "STEEL"},
    ],
)
def test_stages_depend_on_what_the_umat_is_told(umat_study, keys):
    before, after = parameters(umat_study()), parameters(umat_study(**keys))
    assert all(before[name] != after[name] for name in before)


def test_no_stage_depends_on_the_number_of_threads(umat_study):
    before = parameters(umat_study(thread_safe=True))
    assert parameters(umat_study(thread_safe=True, threads=2)) == before
