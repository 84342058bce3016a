"""Measurements behind docs/verification.md, each printed as words or as one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

import romnet  # noqa: F401  (first: it chooses the kernels of NumPy's BLAS)

NAMES = {
    "blade": "the blade in two sizes beside CalculiX: time, memory, errors; a quarter hour",
    "cubature": "points and speed of the reduced quadrature beside other rules",
    "hf": "the high-fidelity solver against the cube's table and CalculiX; half an hour",
    "hf-scale": "half a million unknowns: seconds by phase, memory, on two ranks",
    "calculix": "the high-fidelity solver against CalculiX, element by element",
    "laws": "speed of the law driver and mismatch of the tangents",
    "indicator": "estimated and true errors on unseen loads, enrichment on cube and blade",
    "ingest": "from the files of a commercial code alone to a reduced answer",
    "pod": "200 snapshots of 3 million rows on two ranks, against reading and DGEMM",
    "local": "local bases: gains, five problems, criterion, dictionary of the cube; a quarter hour",
    "offline": "offline stages on up to a million points: time, memory, ranks; the cube's model",
    "online": "unseen cycles against the high-fidelity solver",
    "online-cycles": "fifty cycles of the cube from two: drift and gain",
    "online-lifting": "unseen temperature maps of the blade without and with lifting",
    "ranks": "the same model and answer on 1, 2 and 3 ranks, and models moved between them",
    "trust": "faults injected, survived, refused and gone wrong; half an hour",
    "start": "time to import romnet and to print its help",
}


def main() -> None:
    """Run one measurement."""
    listing = "\n".join(f"  {name:<8} {text}" for name, text in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=f"{__doc__}\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the commercial code's cube files (ingest); "
        "$ROMNET_SHARED/data/zset_cube, or ../shared/data/zset_cube beside the checkout",
    )
    parser.add_argument("--picture", type=Path, help="file for a plot of the table (offline)")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module(options.name.replace("-", "_"))
    if options.picture is not None and not hasattr(module, "draw"):
        parser.error(f"{options.name} draws no picture.")
    found = module.measure(options.data)
    if options.picture is not None:
        module.draw(found, options.picture)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:<24} {value}")


if __name__ == "__main__":
    main()
