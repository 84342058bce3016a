"""Tied structures whose answer is known: bars, cells, planes, sectors; and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from romnet.core.errors import StudyError
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
from romnet.online.newton import NewtonOptions
from romnet.online.solve import ReducedSolution
from romnet.parallel import linear
from romnet.store import artefact
from romnet.study.answers import Comparison
from romnet.study.constraints import constraints_of
from romnet.study.loadcases import loading_of
from romnet.study.read import read_study
from romnet.study.rebuilding import rebuilt_displacement
from romnet.study.workspace import build_workspace

YOUNG, POISSON = 2.0e5, 0.3
DENSITY, OMEGA = 7.8e-9, 800.0
BASE = {
    "name": "tied",
    "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
    "mesh": {"box": {"lengths": [1.0, 1.0, 1.0], "divisions": [2, 2, 2]}},
    "materials": [
        {"law": "elastic", "density": DENSITY, "parameters": {"young": YOUNG, "poisson": POISSON}}
    ],
    "amplitudes": {"ramp": {"times": [0.0, 1.0], "values": [0.0, 1.0], "after": "hold"}},
    "offline": {"dual": ["stress"]},
    "training": [{"name": "case", "results": "hf", "until": 1.0, "increments": 2}],
}
SUPPORTS = [
    {"nodes": "x0", "u": [0.0, None, None]},
    {"nodes": "x0y0", "u": [None, 0.0, None]},
    {"nodes": "x0y0z0", "u": [None, None, 0.0]},
]
SPIN = {
    "type": "centrifugal",
    "axis": {"point": [0.0, 0.0, 0.0], "direction": [0.0, 0.0, 1.0]},
    "omega": OMEGA,
    "amplitude": "ramp",
    "scales": "force",
}


@pytest.fixture
def workspace_of(alone, tmp_path):
    """Function that puts constraints and loads on a mesh."""

    def make(mesh, constraints, *loads):
        path = tmp_path / "study.yaml"
        keys = {"constraints": constraints, "loads": list(loads)}
        path.write_text(yaml.safe_dump({**BASE, **keys}))
        return build_workspace(read_study(path), mesh, alone)

    return make


def problem_of(workspace):
    times = np.array([0.0, 0.5, 1.0])
    loading = loading_of(workspace, workspace.located.cases["case"], times)
    return HighFidelityProblem(
        workspace.part, workspace.discretization, workspace.laws, loading, workspace.comm
    )


def answer(workspace):
    """Displacement by node and stress at the last instant."""
    options = NewtonOptions(tolerance=1e-12)
    *_, last = solve_high_fidelity(problem_of(workspace), options=options)
    assert last.status.ok
    stress = workspace.laws.field(last.committed.state, "stress")
    return last.committed.unknown.reshape(-1, workspace.mesh.n_dim), stress


def joined(left, right):
    """Two meshes of one cell type in one, nothing shared; sets get the prefix a or b."""
    shift, (block,), (other,) = left.n_nodes, left.blocks, right.blocks
    cells = np.vstack([block.connectivity, other.connectivity + shift])
    sets = {f"a{name}": nodes for name, nodes in left.node_sets.items()}
    sets |= {f"b{name}": nodes + shift for name, nodes in right.node_sets.items()}
    return Mesh(
        nodes=np.vstack([left.nodes, right.nodes]),
        blocks=(replace(block, connectivity=cells, ids=np.arange(1, len(cells) + 1)),),
        node_ids=np.arange(1, shift + right.n_nodes + 1),
        node_sets=sets,
        cell_sets={},
        face_sets={},
    )


def pairs(first, second, *, value=0.0):
    """Equations that give two sets the same displacement, plus a value along x."""
    return [
        {
            "equation": [
                {"nodes": second, "component": direction},
                {"nodes": first, "component": direction, "coefficient": -1.0},
            ],
            "value": value if direction == "x" else 0.0,
            "amplitude": "ramp",
        }
        for direction in "xyz"
    ]


@pytest.mark.parametrize(("cell", "limit"), [("hex8", 6000), ("hex8", 0), ("hex20", 0)])
def test_two_halves_tied_by_equations_are_one_bar(workspace_of, monkeypatch, cell, limit):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    half = box_mesh((1.0, 1.0, 1.0), (2, 2, 2), cell)
    other = replace(half, nodes=half.nodes + np.array([1.0, 0.0, 0.0]))
    bar = box_mesh((2.0, 1.0, 1.0), (4, 2, 2), cell)
    pull = {"type": "force", "vector": [3.0, 1.0, -2.0], "amplitude": "ramp"}
    held = [{"nodes": "x0", "u": [0.0, 0.0, 0.0]}]
    expected, _ = answer(workspace_of(bar, held, {**pull, "nodes": "x1"}))
    tied = workspace_of(
        joined(half, other),
        [{"nodes": "ax0", "u": [0.0, 0.0, 0.0]}, *pairs("ax1", "bx0")],
        {**pull, "nodes": "bx1"},
    )
    found, _ = answer(tied)
    order = {tuple(np.round(place, 6)): node for node, place in enumerate(bar.nodes)}
    same = [order[tuple(np.round(place, 6))] for place in tied.mesh.nodes]
    tolerance = (1e-10 if limit else 1e-7) * np.abs(expected).max()
    np.testing.assert_allclose(found, expected[same], atol=tolerance)
    np.testing.assert_allclose(found[half.node_sets["x1"]], found[tied.mesh.node_sets["bx0"]])


@pytest.mark.parametrize("mode", ["tension", "shear"])
def test_a_periodic_cell_is_strained_alike_everywhere(workspace_of, mode):
    mesh = box_mesh((1.0, 1.0, 1.0), (3, 3, 3))
    mesh = replace(mesh, nodes=mesh.nodes.copy())
    inner = np.all((mesh.nodes > 0.1) & (mesh.nodes < 0.9), axis=1)
    mesh.nodes[inner] += 0.05 * np.random.default_rng(0).normal(size=(inner.sum(), 3))
    stretch = {"tension": 1e-3, "shear": 0.0}[mode]
    slide = {"tension": 0.0, "shear": 2e-3}[mode]
    constraints = [
        *pairs("x0", "x1", value=stretch),
        *pairs("y0", "y1", value=slide),
        *pairs("z0", "z1"),
        {"nodes": "x0y0z0", "u": [0.0, 0.0, 0.0]},
    ]
    displacement, stress = answer(workspace_of(mesh, constraints))
    x, y, _ = mesh.nodes.T
    expected = np.column_stack([stretch * x + slide * y, 0.0 * x, 0.0 * x])
    np.testing.assert_allclose(displacement, expected, atol=1e-15)
    shear = YOUNG / (2.0 + 2.0 * POISSON)
    lame = 2.0 * shear * POISSON / (1.0 - 2.0 * POISSON)
    sides = lame * stretch
    expected = [sides + 2.0 * shear * stretch, sides, sides, shear * slide, 0.0, 0.0]
    order = [0, 1, 2, int(np.abs(stress[0, 3:]).argmax()) + 3 if slide else 3]
    np.testing.assert_allclose(stress[:, order], np.tile(expected[:4], (len(stress), 1)), atol=1e-7)


@pytest.mark.parametrize(("cell", "limit"), [("hex8", 6000), ("hex20", 0), ("tet4", 0)])
def test_a_plane_pulled_off_its_centre_stays_plane(workspace_of, monkeypatch, cell, limit):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    lengths, total = (4.0, 1.0, 2.0), 30.0
    mesh = box_mesh(lengths, (4, 2, 2), cell)
    pull = {"type": "force", "nodes": "x1y1z1", "vector": [total, 0.0, 0.0], "amplitude": "ramp"}
    bar = workspace_of(mesh, [*SUPPORTS, {"nodes": "x1", "equal": "x"}], pull)
    displacement, _ = answer(bar)
    end = displacement[mesh.node_sets["x1"], 0]
    exact = total * lengths[0] / (YOUNG * lengths[1] * lengths[2])
    np.testing.assert_allclose(end, exact, rtol=1e-7 if limit == 0 else 1e-10)


def test_a_plane_moves_with_the_one_node_that_is_held(workspace_of):
    mesh = box_mesh((2.0, 1.0, 1.0), (2, 2, 2))
    constraints = [
        *SUPPORTS,
        {"nodes": "x1", "equal": 0},
        {"nodes": "x1y1z1", "u": [4e-3, None, None], "amplitude": "ramp"},
    ]
    displacement, _ = answer(workspace_of(mesh, constraints))
    x, y, z = mesh.nodes.T
    expected = 2e-3 * np.column_stack([x, -POISSON * y, -POISSON * z])
    np.testing.assert_allclose(displacement, expected, atol=1e-14)


def test_a_node_without_cells_leads_a_plane(workspace_of):
    mesh = box_mesh((2.0, 1.0, 1.0), (2, 2, 2))
    lead = mesh.n_nodes
    mesh = replace(
        mesh,
        nodes=np.vstack([mesh.nodes, [[3.0, 0.0, 0.0]]]),
        node_ids=np.arange(lead + 1),
        node_sets={**mesh.node_sets, "lead": np.array([lead])},
    )
    tie = {
        "equation": [
            {"nodes": "x1", "component": "x"},
            {"nodes": "lead", "component": 0, "coefficient": -2.0},
        ]
    }
    pull = {"type": "force", "nodes": "lead", "vector": [10.0, 0.0, 0.0], "amplitude": "ramp"}
    displacement, _ = answer(workspace_of(mesh, [*SUPPORTS, tie], pull))
    # The lead moves half as far, so that the plane feels half of the force.
    end = displacement[mesh.node_sets["x1"], 0]
    np.testing.assert_allclose(end, 5.0 * 2.0 / YOUNG, rtol=1e-10)
    np.testing.assert_allclose(displacement[lead], [end[0] / 2.0, 0.0, 0.0], atol=1e-18)


def ring(n_sectors, cells_of_sector, n_radial=2):
    """Flat ring of quadrilateral cells from radius 1 to 2, or a sector of it."""
    closed = n_sectors == 1
    n_around = cells_of_sector + (0 if closed else 1)
    angles = 2.0 * np.pi / n_sectors * np.arange(n_around) / cells_of_sector
    radii = np.linspace(1.0, 2.0, n_radial + 1)
    nodes = np.array([[r * np.cos(a), r * np.sin(a)] for a in angles for r in radii])
    width = n_radial + 1
    cells = [
        [a * width + r, a * width + r + 1, b * width + r + 1, b * width + r]
        for a, b in ((k, (k + 1) % n_around) for k in range(cells_of_sector))
        for r in range(n_radial)
    ]
    block = replace(
        box_mesh((1.0, 1.0), (1, 1), "quad4").blocks[0],
        connectivity=np.array(cells),
        ids=np.arange(1, len(cells) + 1),
    )
    first = np.arange(width)
    sets = {"first": first, "last": first + width * cells_of_sector}
    if closed:
        sets = {
            "first": np.array([0]),
            "right": np.array([width * cells_of_sector // 2]),
            "top": np.array([width * cells_of_sector // 4]),
        }
    return Mesh(nodes, (block,), np.arange(len(nodes)), sets, {}, {})


def test_a_sector_with_cyclic_sides_is_a_part_of_the_whole_disc(workspace_of):
    disc, sector = ring(1, 24), ring(6, 4)
    spin = {**SPIN, "axis": {"point": [0.0, 0.0], "direction": [0.0, 0.0, 1.0]}}
    held = [
        {"nodes": "first", "u": [None, 0.0]},
        {"nodes": "right", "u": [None, 0.0]},
        {"nodes": "top", "u": [0.0, None]},
    ]
    expected, _ = answer(workspace_of(disc, held, spin))
    turned = {"nodes": "first", "periodic": "last", "axis": spin["axis"], "angle": 60.0}
    no_spin = {"equation": [{"nodes": "inner", "component": "y"}]}
    sector.node_sets["inner"] = np.array([0])
    found, _ = answer(workspace_of(sector, [turned, no_spin], spin))
    np.testing.assert_allclose(found, expected[: sector.n_nodes], atol=1e-10 * np.abs(found).max())
    with pytest.raises(StudyError, match=r"constraints\.0\.periodic: node .*other sign"):
        problem_of(workspace_of(sector, [{**turned, "angle": -60.0}], spin))


WRONG = {
    "set": ({"nodes": "nowhere", "equal": "x"}, r"constraints\.3\.nodes: the mesh has no node set"),
    "component": ({"nodes": "x1", "equal": 3}, r"constraints\.3\.equal.*got 3"),
    "letter": ({"nodes": "x1", "equal": "w"}, r"constraints\.3\.equal.*got 'w'"),
    "one node": ({"nodes": "x0y0z0", "equal": "x"}, r"constraints\.3\.nodes: .* two nodes"),
    "sizes": (
        {"equation": [{"nodes": "x1", "component": "x"}, {"nodes": "x1y1", "component": "x"}]},
        r"constraints\.3\.equation\.1\.nodes: the node set has 3 nodes, others have 9",
    ),
    "term": (
        {"equation": [{"nodes": "no", "component": "x"}]},
        r"constraints\.3\.equation\.0\.nodes: the mesh has no node set 'no'",
    ),
    "amplitude": (
        {"equation": [{"nodes": "x1", "component": "x"}], "amplitude": "never"},
        r"constraints\.3\.amplitude: there is no amplitude 'never'",
    ),
    "contradiction": (
        {"equation": [{"nodes": "x0", "component": "x"}], "value": 1.0},
        r"constraints\.3: contradicts",
    ),
    "key": ({"nodes": "x1", "equals": "x"}, r"constraints\.3\.equals: unknown key"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_place(workspace_of, what):
    wrong, told = WRONG[what]
    mesh = box_mesh((1.0, 1.0, 1.0), (2, 2, 2))
    with pytest.raises(StudyError, match=r"study\.yaml:\d+ " + told):
        constraints_of(workspace_of(mesh, [*SUPPORTS, wrong]))


def test_parts_that_equations_do_not_hold_are_refused(workspace_of):
    half = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    both = joined(half, replace(half, nodes=half.nodes + np.array([1.0, 0.0, 0.0])))
    held, tied = {"nodes": "ax0", "u": [0.0, 0.0, 0.0]}, pairs("ax1", "bx0")
    next(solve_high_fidelity(problem_of(workspace_of(both, [held, *tied]))))
    loose = problem_of(workspace_of(both, [held, tied[0], tied[2]]))
    with pytest.raises(StudyError, match=r"around \(1\.5, 0\.5, 0\.5\) is not held: shift along y"):
        next(solve_high_fidelity(loose))
    with pytest.raises(StudyError, match=r"not held: .*shift along x"):
        next(solve_high_fidelity(problem_of(workspace_of(both, tied))))


@pytest.mark.parametrize("value", [0.0, 2e-3], ids=["homogeneous", "lifted"])
def test_a_reduced_model_inherits_the_equations(small, tmp_path, value):
    opened = {
        "equation": [
            {"nodes": "y1z1", "component": "z"},
            {"nodes": "y1z0", "component": "z", "coefficient": -1.0},
        ],
        "value": value,
        "amplitude": "spin",
    }
    constraints = [*small.STUDY["constraints"], {"nodes": "x1", "equal": "x"}, opened]
    study = small.changed(
        small.STUDY,
        constraints=constraints,
        online=[{"name": "again", "until": 1.0, "increments": 4, "reference": "hf"}],
    )
    context = small.computed(small.write_study(tmp_path, study))
    comparison = artefact.load(context.folder / "fields" / "again.h5", Comparison)
    assert comparison.displacement.max() < 1e-4
    solution = artefact.load(context.folder / "online" / "again.h5", ReducedSolution)
    mesh, last = context.workspace.mesh, len(solution.times) - 1
    rebuilt = rebuilt_displacement(context, solution)(last).reshape(-1, 3)
    size = np.abs(rebuilt).max()
    assert np.ptp(rebuilt[mesh.node_sets["x1"], 0]) < 1e-12 * size
    gap = rebuilt[mesh.node_sets["y1z1"], 2] - rebuilt[mesh.node_sets["y1z0"], 2]
    np.testing.assert_allclose(gap, value, atol=1e-12 * size)
