"""Dofs tied across the interfaces between ranks move as they do on one rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from romnet.core.errors import StudyError
from romnet.fe.equations import Equations, eliminate
from romnet.hf.problem import solve_high_fidelity
from romnet.hf.support import refuse_free_motions
from romnet.online.newton import NewtonOptions
from romnet.parallel import linear
from romnet.parallel.preconditioners import Aggregates, Corners

DIVISIONS = (4, 3, 3)


def tied(loading, mesh, held, pairs):
    """Give pairs of dofs of the whole mesh the same displacement."""
    matrix = csr_matrix(
        (np.tile([1.0, -1.0], len(pairs)), pairs.ravel(), np.arange(0, 2 * len(pairs) + 1, 2)),
        shape=(len(pairs), mesh.n_dofs),
    )
    no_values = np.zeros((0, len(pairs)))
    corner = np.repeat(np.all(mesh.nodes * DIVISIONS % 1.0 < 1e-6, axis=1), 3)
    found = eliminate(Equations(matrix, no_values), held, np.zeros((0, mesh.n_dofs)), kept=corner)
    return replace(loading, equations=found)


def equations_of(mesh):
    """The face x1 moves as a plane along x, and z1 as z0 does, sideways."""
    plane = mesh.node_sets["x1"]
    lead = plane[np.abs(mesh.nodes[plane] - [1.0, 0.0, 0.0]).sum(axis=1).argmin()]
    others = plane[plane != lead]
    equal = np.column_stack([others, np.full(others.size, lead)]) * 3
    low, high = mesh.node_sets["z0"], mesh.node_sets["z1"]
    return np.vstack([equal, np.column_stack([high, low]) * 3 + 1])


@pytest.mark.parametrize(
    ("cell", "limit", "kind"),
    [("hex8", 6000, None), ("hex8", 0, Aggregates), ("hex20", 0, Corners)],
)
def test_tied_answers(comm, structure, monkeypatch, cell, limit, kind):
    options = {"law": "elastic" if limit == 0 else "viscoplastic", "cell": cell}
    shared = structure(comm, divisions=DIVISIONS, **options)
    alone = structure(divisions=DIVISIONS, **options)
    pairs, held = equations_of(alone.mesh), alone.constrained()
    loads = {"pull": 60.0, "heat": 150.0}
    expected = tied(alone.loading(**loads), alone.mesh, held, pairs)
    newton = NewtonOptions(tolerance=1e-11)
    *_, truth = solve_high_fidelity(alone.problem(expected), options=newton)

    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    part = shared.subdomain
    problem = shared.problem(tied(shared.loading(**loads), alone.mesh, held, pairs))
    if kind is not None:
        assert isinstance(problem.linear_solver._preconditioner, kind)
    *_, last = solve_high_fidelity(problem, options=newton)
    assert last.status.ok
    size = np.abs(truth.committed.unknown).max()
    found, wanted = last.committed.unknown, truth.committed.unknown[part.dofs]
    np.testing.assert_allclose(found, wanted, atol=1e-8 * size)
    if kind is Corners:
        assert problem.linear_solver._solver.getIterationNumber() < 40


def test_free_motions_of_tied_parts(comm, structure):
    shared = structure(comm, divisions=DIVISIONS)
    alone = structure(divisions=DIVISIONS)
    mesh, held = alone.mesh, np.zeros(alone.mesh.n_dofs, dtype=bool)
    loading = tied(shared.loading(), mesh, held, equations_of(mesh))
    with pytest.raises(StudyError, match=r"shift along x, shift along y, shift along z"):
        refuse_free_motions(
            shared.subdomain, held[shared.subdomain.dofs], comm, equations=loading.equations
        )
