"""Studies made from decks: what they say, what they leave out, and that they run unedited."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from romnet.core.errors import ConversionError, StudyError
from romnet.laws.registry import build_law
from romnet.store.converters.calculix import CONVERTER
from romnet.study import commands
from romnet.study.from_deck.init import init_from_deck
from romnet.study.read import read_study
from romnet.study.workspace import law_specs

HELPERS = Path(__file__).parents[1] / "store" / "converters"
SHARED = Path(__file__).resolve().parents[4] / "shared"


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, HELPERS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


seeds = _load("seeds")


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    (tmp_path / "nodes.txt").write_text(seeds.NODES)
    path = tmp_path / "a.inp"
    path.write_text(seeds.DECK)
    return path


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def content(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def test_a_deck_becomes_a_study_that_is_valid(deck: Path, tmp_path: Path) -> None:
    made = init_from_deck(deck, tmp_path / "study")
    study = content(made.path)
    assert study["mesh"] == "../a.inp"
    assert [entry["cells"] for entry in study["materials"]] == ["EALL", "TETS"]
    steel, wood = study["materials"]
    # Creep with a yield stress is a Norton flow above it: K = A^(-1/n).
    assert steel["law"] == "j2_table"
    assert steel["parameters"]["viscosity"] == pytest.approx(1e-10 ** (-1.0 / 5.0))
    assert steel["parameters"]["hardening"] == {"p": [0.0, 0.1], "stress": [100.0, 200.0]}
    assert steel["expansion"] == {"coefficient": 1e-5, "reference": 20.0}
    # Held beyond the ends of the table, for the temperatures of the deck and hotter ones.
    assert steel["parameters"]["young"]["value"][:2] == [2e5, 2e5]
    assert steel["parameters"]["young"]["temperature"][0] < 20.0
    assert wood["law"] == "elastic_orthotropic"
    assert wood["parameters"]["axes"] == {"first": [1.0, 1.0, 0.0], "second": [-1.0, 1.0, 0.0]}
    loads = {load.get("name", load["type"]): load for load in study["loads"]}
    assert loads["centrifugal"]["omega"] == pytest.approx(np.sqrt(2.0e6))
    assert loads["pressure_TOP"]["field"] == 5.0
    assert loads["pressure_faces_a_55"]["field"] == {"file": "../a.inp"}
    times = [frame["time"] for frame in study["loads"][-1]["keyframes"]]
    assert times == [0.0, 1.0]
    assert study["training"] == [{"name": "deck", "results": "hf", "times": [0.0, 0.5, 1.0]}]
    assert commands.check(made.path).ok


def test_what_is_left_out_is_told_with_its_line(deck: Path, tmp_path: Path) -> None:
    changed(deck, "*NODE FILE", "*DFLUX\nEALL, BF, 1.\n*NODE FILE")
    line = deck.read_text().split("\n").index("*DFLUX") + 1
    made = init_from_deck(deck, tmp_path / "study")
    assert (f"a.inp:{line}", "*DFLUX") in made.notes
    assert f"#   a.inp:{line}: *DFLUX" in made.path.read_text()


def test_comments_name_the_lines_of_the_deck(deck: Path, tmp_path: Path) -> None:
    text = init_from_deck(deck, tmp_path / "study").path.read_text()
    assert "  # a.inp:25 STEEL, section at a.inp:42\n  - cells: EALL" in text
    assert "  # a.inp:59\n  - {type: pressure, name: pressure_TOP" in text


def test_stiffnesses_are_those_of_the_deck(deck: Path, tmp_path: Path) -> None:
    stiffness = np.array([[30.0, 9.0, 8.0], [9.0, 20.0, 7.0], [8.0, 7.0, 10.0]]) * 1e3
    d = stiffness
    numbers = (d[0, 0], d[0, 1], d[1, 1], d[0, 2], d[1, 2], d[2, 2], 3e3, 4e3)
    rows = ", ".join(map(str, numbers)) + ",\n5000."
    changed(deck, "TYPE=ENGINEERING CONSTANTS", "TYPE=ORTHO")
    changed(deck, "1.e4, 1.e3, 1.e3, 0.3, 0.3, 0.3, 5.e2, 5.e2,\n4.e2", rows)
    changed(deck, ", ORIENTATION=LOCAL", "")
    located = read_study(init_from_deck(deck, tmp_path / "study").path)
    law = build_law(law_specs(located)[1], n_components=6)
    tangent = law.integrate(
        *(np.zeros((1, 6)), np.zeros((1, 6)), law.initial_state(np.zeros(1))),
        *(np.zeros(1), np.zeros(1), _step()),
    ).tangent[0]
    expected = np.zeros((6, 6))
    expected[:3, :3] = stiffness
    expected[3:, 3:] = np.diag([3e3, 4e3, 5e3])
    np.testing.assert_allclose(tangent, expected, rtol=1e-10, atol=1e-8)


def _step():
    from romnet.laws.contract import TimeStep

    return TimeStep(0.0, 1.0)


def test_a_user_material_becomes_a_umat(deck: Path, tmp_path: Path) -> None:
    user = "*USER MATERIAL, CONSTANTS=2\n2.e5, 0.3\n*DEPVAR\n7\n*MATERIAL, NAME=WOOD"
    changed(deck, "*ELASTIC\n2.0e5, 0.3, 20.\n1.0e5, 0.3, 400.\n*PLASTIC\n100., 0.\n200., .1\n", "")
    changed(deck, "*CREEP\n1e-10, 5., 0.\n", "")
    changed(deck, "*MATERIAL, NAME=WOOD", user)
    library = tmp_path / "libblade.so"
    library.write_bytes(b"")
    study = content(init_from_deck(deck, tmp_path / "one", umat=library).path)
    law = study["materials"][0]["law"]
    assert (law["umat"], law["n_state"], law["name"]) == ("../libblade.so", 7, "STEEL")
    assert law["properties"] == [2.0e5, 0.3]
    made = init_from_deck(deck, tmp_path / "two")
    assert any("give --umat" in text for _, text in made.notes)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("@ABAQUS_BLADELIB_VISCO_2@1", ("libBLADELIB.so", "VISCO_2", "VISCO_2")),
        ("ABAQUSWOOD", ("LIBRARY.so", None, "WOOD")),
        ("WOOD", ("LIBRARY.so", None, "WOOD")),
    ],
)
def test_names_of_user_materials_say_what_is_called(
    name: str, called: tuple[str | None, ...], deck: Path, tmp_path: Path
) -> None:
    user = f"*MATERIAL, NAME={name}\n*USER MATERIAL, CONSTANTS=2\n2.e5, 0.3\n*DEPVAR\n7"
    old = "*MATERIAL, NAME=WOOD\n*ELASTIC, TYPE=ENGINEERING CONSTANTS\n"
    changed(deck, f"{old}1.e4, 1.e3, 1.e3, 0.3, 0.3, 0.3, 5.e2, 5.e2,\n4.e2", user)
    changed(deck, "MATERIAL=WOOD, ORIENTATION=LOCAL", f"MATERIAL={name}")
    made = init_from_deck(deck, tmp_path / "one")
    law = content(made.path)["materials"][1]["law"]
    assert (law["umat"], law.get("function"), law["name"]) == called
    assert any("give --umat" in text for _, text in made.notes)


def test_an_unknown_zset_behaviour_becomes_a_umat(tmp_path: Path) -> None:
    text = seeds.ZSET_MATERIAL.replace("***behavior gen_evp", "***behavior blade_law")
    (tmp_path / "z.inp").write_text(seeds.ZSET_DECK)
    (tmp_path / "mat").write_text(text)
    library = tmp_path / "libblade.so"
    library.write_bytes(b"")
    made = init_from_deck(tmp_path / "z.inp", tmp_path / "study", umat=library)
    (material,) = content(made.path)["materials"]
    assert material["law"]["umat"] == "../libblade.so"
    assert material["law"]["properties"][1:4] == [0.3, 300.0, 20.0]
    assert material["density"] == 1e-8
    words = "properties of the UMAT, in this order: elasticity young, elasticity poisson, flow K"
    assert any(text.startswith(words) for _, text in made.notes)


def test_a_library_that_nothing_calls_is_told(deck: Path, tmp_path: Path) -> None:
    library = tmp_path / "libblade.so"
    library.write_bytes(b"")
    made = init_from_deck(deck, tmp_path / "study", umat=library)
    assert any("there is no user material" in text for _, text in made.notes)


def test_kinematic_hardening_along_a_line_is_a_back_stress(deck: Path, tmp_path: Path) -> None:
    changed(deck, "*PLASTIC", "*PLASTIC, HARDENING=KINEMATIC")
    steel = content(init_from_deck(deck, tmp_path / "study").path)["materials"][0]
    assert steel["law"] == "j2_viscoplastic"
    assert steel["parameters"]["kinematic"] == [{"modulus": 1000.0}]
    assert steel["parameters"]["yield_stress"] == 100.0


def test_errors_write_nothing(deck: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with pytest.raises(StudyError, match=r"there is no file .*absent\.frd"):
        init_from_deck(deck, folder, results=(tmp_path / "absent.frd",))
    with pytest.raises(ConversionError, match=r"a\.inp:15"):
        init_from_deck(changed(deck, "X0, 9", "X9, 9"), folder)
    assert not folder.exists()
    folder.mkdir()
    (folder / "study.yaml").write_text("mine")
    with pytest.raises(StudyError, match="exists already"):
        init_from_deck(deck, folder)
    assert (folder / "study.yaml").read_text() == "mine"


def test_a_zset_deck_says_law_loads_and_instants(tmp_path: Path) -> None:
    (tmp_path / "z.inp").write_text(seeds.ZSET_DECK)
    (tmp_path / "mat").write_text(seeds.ZSET_MATERIAL)
    study = content(init_from_deck(tmp_path / "z.inp", tmp_path).path)
    assert study["mesh"] == "cubes.geof"
    (material,) = study["materials"]
    assert material["law"] == "j2_viscoplastic"
    assert material["parameters"] == {
        "young": {"temperature": [0.0, 1000.0], "value": [2e5, 1e5]},
        "poisson": 0.3,
        "yield_stress": 10.0,
        "viscosity": 300.0,
        "exponent": 20.0,
        "kinematic": [{"modulus": 1e5, "recall": 1000.0}],
    }
    assert study["constraints"][1] == {"nodes": "x1", "u": [None, 0.5, None], "amplitude": "up"}
    first, second, spin, heat = study["loads"]
    # A positive pressure pulls in Z-set.
    assert study["amplitudes"][first["amplitude"]]["values"] == [0.0, -1.0, -1.0]
    assert (first["field"], second["field"], second["faces"]) == ("push.node", 2.0, "x0")
    assert (spin["omega"], spin["axis"]["point"]) == (1.5e4, [3.5, -20.0, 1.5])
    assert heat["after"] == "repeat"
    assert study["training"][0]["times"] == np.linspace(0.0, 2.0, 11).tolist()


def test_the_deck_of_another_code_runs_without_an_edit(tmp_path: Path) -> None:
    data = Path(os.environ.get("ROMNET_SHARED", SHARED)) / "data" / "zset_cube"
    if not (data / "cube.inp").is_file():
        pytest.skip(f"third-party cube not at {data}; set ROMNET_SHARED")
    for file in data.iterdir():
        (tmp_path / file.name).symlink_to(file)
    made = init_from_deck(tmp_path / "cube.inp", tmp_path)
    assert made.notes == ()
    context = commands.open_study(made.path)
    commands.offline(context)
    (again,) = commands.online(context)
    assert again.ok
    assert again.errors["u"] < 2e-4
    assert again.errors["p"] < 1e-4


def test_calculix_to_reduced_answer_without_an_edit(
    tmp_path: Path, needed: Callable[[str], str]
) -> None:
    """Plasticity in a temperature field, pressure and rotation: deck, ccx, init, answer."""
    needed("ccx")
    bars = _load("ccx_deck")
    deck = bars.write_bar(tmp_path, (6, 3, 3))
    bars.run_ccx(deck)
    made = init_from_deck(deck, tmp_path / "study")
    assert (made.notes, made.results) == ((), (deck.with_suffix(".frd"),))
    context = commands.open_study(made.path)
    commands.offline(context)
    (again,) = commands.online(context)
    assert again.ok
    assert again.errors["u"] < 1e-3  # nodes, every instant
    assert again.errors["p"] < 1e-3  # integration points of CalculiX, last instant


TIED = """\
*EQUATION
{driven}3
{between}, 2, 1., {lower}, 2, -0.5, {upper}, 2, -0.5
2
{turned}, 3, 2., {other}, 2, 1.
*MATERIAL, NAME=S
*ELASTIC
2.E5, 0.3
*PLASTIC
200., 0.
300., 0.05
*SOLID SECTION, ELSET=EALL, MATERIAL=S
*BOUNDARY
ROOT, 1
EDGE, 2
POINT, 3
*AMPLITUDE, NAME=A
0., 0., 0.5, 1., 1., 0.6
*STEP, INC=100
*STATIC, DIRECT
0.125, 1.
{controls}*BOUNDARY, AMPLITUDE=A
9001, 1, 1, 0.06
*NODE FILE
U
*END STEP
"""


def test_equations_of_a_deck_do_what_they_do_in_calculix(
    tmp_path: Path, needed: Callable[[str], str]
) -> None:
    """A face that a node without elements moves, a node between two others, a turned one."""
    needed("ccx")
    bars = _load("ccx_deck")
    deck = bars.write_bar(tmp_path, (3, 2, 2), element="C3D8")
    mesh = bars.bar((3, 2, 2), "hex8")
    x = 40.0 / 3.0

    def node(*place: float) -> int:
        return int(mesh.node_ids[np.linalg.norm(mesh.nodes - place, axis=1).argmin()])

    driven = "".join(f"2\n{n}, 1, 1., 9001, 1, -1.\n" for n in mesh.node_ids[mesh.node_sets["x1"]])
    nodes = {"lower": node(x, 10, 0), "between": node(x, 10, 5), "upper": node(x, 10, 10)}
    nodes |= {"turned": node(2 * x, 10, 10), "other": node(2 * x, 0, 5)}
    text = TIED.format(driven=driven, controls=bars.CONTROLS, **nodes)
    deck.write_text(f"*INCLUDE, INPUT=mesh/bar.msh\n*NODE\n9001, 0., 0., 0.\n{text}")
    made = init_from_deck(deck, tmp_path / "study")
    assert made.notes == ()
    context = commands.open_study(made.path)
    commands.offline(context, until="snapshots[deck]")
    ours = context.snapshots("deck").source("displacement")
    bars.run_ccx(deck)
    theirs = CONVERTER.read_results(deck.with_suffix(".frd"), CONVERTER.read_mesh(deck))
    for number in range(theirs.n_times):
        wanted = theirs.instant(number)["displacement"]
        np.testing.assert_allclose(ours.column(number + 1), wanted, atol=1e-5 * np.ptp(wanted))


def test_nodes_of_a_zset_deck_that_move_alike(tmp_path: Path) -> None:
    ties = "***equation\n**mpc1 x1 U2\n**mpc2 x0 U1 x1 U1\n***material"
    text = seeds.ZSET_DECK.replace("***material", ties)
    (tmp_path / "z.inp").write_text(text)
    (tmp_path / "mat").write_text(seeds.ZSET_MATERIAL)
    made = init_from_deck(tmp_path / "z.inp", tmp_path)
    assert content(made.path)["constraints"][-1] == {"nodes": "x1", "equal": 1}
    line = text.split("\n").index("**mpc2 x0 U1 x1 U1") + 1
    assert made.notes == ((f"z.inp:{line}", "**mpc2 x0 U1 x1 U1"),)


def test_gravity_and_nodal_forces_are_taken_over(deck: Path, tmp_path: Path) -> None:
    changed(deck, "*DSLOAD", ", GRAV, 9810., 0., 0., -2.\n*DSLOAD")
    loads = content(init_from_deck(deck, tmp_path / "study").path)["loads"]
    gravity = next(load for load in loads if load["type"] == "body_force")
    assert gravity["acceleration"] == [0.0, 0.0, -2.0 * 9810.0]  # the amplitude ends at two
    force = next(load for load in loads if load["type"] == "force")
    assert (force["nodes"], force["vector"]) == ("node_9", [0.0, 1.0, 0.0])


def test_a_change_in_an_included_file_makes_the_mesh_stale(deck: Path, tmp_path: Path) -> None:
    made = init_from_deck(deck, tmp_path / "study")
    context = commands.open_study(made.path)
    assert commands.offline(context, until="mesh") is None
    assert commands.status(context)["mesh"]["state"] == "fresh"
    nodes = tmp_path / "nodes.txt"
    nodes.write_text(nodes.read_text().replace("13, 3., 0., 0.", "13, 3.5, 0., 0."))
    found = commands.status(context)["mesh"]
    assert found["state"] == "stale"
    assert "nodes.txt" in found["reason"]
