"""The compiled loops over cells, as Python sees them.

Arrays must be C-ordered and of consistent shapes: `romnet.hf.assembly` sees to it, nothing is
checked here.
"""

from __future__ import annotations

import ctypes
import sysconfig
from functools import cache
from pathlib import Path

from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import PluginError

_Gradients = Float[Array, "n_cells n_q n_cell_nodes n_dim"]
_Nodes = Int[Array, "n_cells n_cell_nodes"]


def write_strain(
    gradients: _Gradients,
    nodes: _Nodes,
    displacement: Float[Array, " n_dofs"],
    strain: Float[Array, "n_points n_components"],
) -> None:
    """Write the strain of some cells at their points.

    Notes
    -----
    Mutates `strain`, which it overwrites.
    """
    _call("romnet_strain", gradients, nodes, displacement, strain)


def add_internal_force(
    gradients: _Gradients,
    nodes: _Nodes,
    weights: Float[Array, " n_points"],
    stress: Float[Array, "n_points n_components"],
    force: Float[Array, " n_dofs"],
) -> None:
    """Add the internal force of some cells.

    Notes
    -----
    Mutates `force`.
    """
    _call("romnet_internal_force", gradients, nodes, weights, stress, force)


def add_stiffness(
    gradients: _Gradients,
    weights: Float[Array, " n_points"],
    tangent: Float[Array, "n_points n_components n_components"],
    places: tuple[Int[Array, "n_cells n_cell_nodes n_cell_nodes"], _Nodes],
    values: Float[Array, " n_entries"],
) -> None:
    """Add the stiffness of some cells to the values of a sparse matrix.

    Parameters
    ----------
    gradients, weights, tangent
        Of the cells and their points.
    places
        Position of the first entry that couples two nodes, and step from there to the next row.
    values
        Values of the matrix.

    Notes
    -----
    Mutates `values`.
    """
    _call("romnet_stiffness", gradients, weights, tangent, *places, values)


def _call(name: str, gradients: Array, *arrays: Array) -> None:
    """Call a loop over cells: the sizes, the gradients, the other arrays."""
    sizes = (ctypes.c_int64(size) for size in gradients.shape)
    pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (gradients, *arrays))
    getattr(_library(), name)(*sizes, *pointers)


@cache
def _library() -> ctypes.CDLL:
    """Load the compiled loops."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    path = Path(__file__).resolve().parent / f"cells{suffix}"
    if not path.is_file():
        message = f"{path} is missing: romnet is not built; run `pip install -e .` in its checkout."
        raise PluginError(message)
    library = ctypes.CDLL(str(path))
    for name in ("romnet_strain", "romnet_internal_force", "romnet_stiffness"):
        getattr(library, name).restype = None
    return library
