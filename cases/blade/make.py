"""Makes the mesh and the temperature maps that study.yaml reads.

python cases/blade/make.py S FOLDER    # with a copy of the study
python cases/blade/make.py M           # beside study.yaml
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import meshio
from geometry import Blade, mesh_blade
from maps import APART, FAMILY, temperature

CASE = Path(__file__).resolve().parent
SIZES = {"S": 4.0, "M": 2.7, "L": 1.45}  # size of the cells of platform and root [mm]


def make(size: str, folder: Path) -> Path:
    """Write mesh, maps and study of one size; return the study."""
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.yaml"
    if folder != CASE:
        shutil.copyfile(CASE / "study.yaml", study)
    blade = Blade()
    mesh_blade(folder / "blade.msh", cell_size=SIZES[size], blade=blade)
    raw = meshio.read(folder / "blade.msh")
    foot = blade.root[2] + blade.platform[2]
    for name, streak in (FAMILY | APART).items():
        hot = temperature(raw.points, streak, foot=foot, span=blade.span)
        cells = [block for block in raw.cells if block.type == "tetra10"]
        meshio.Mesh(raw.points, cells, {"temperature": hot}).write(folder / f"map_{name}.vtu")
    return study


def main() -> None:
    """Make the case that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", nargs="?", type=Path, default=CASE)
    options = parser.parse_args()
    print(make(options.size, options.folder.resolve()))


if __name__ == "__main__":
    main()
