"""From the loads of a case to fields in space times functions of time, on this rank."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError, StudyError
from romnet.fe.faces import face_centres
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.loading import Loading
from romnet.fe.loads import (
    body_force_vector,
    centrifugal_vector,
    nodal_force_vector,
    pressure_vector,
    traction_vector,
)
from romnet.fe.mesh import FaceSet
from romnet.study.constraints import amplitude_of, constraints_of
from romnet.study.fields import field_values
from romnet.study.read import Case, LocatedStudy
from romnet.study.schema import (
    BodyForce,
    Centrifugal,
    NodalForce,
    Pressure,
    SpatialField,
    Temperature,
    Traction,
)
from romnet.study.workspace import Workspace
from romnet.study.yaml_lines import Place

logger = logging.getLogger(__name__)

# The key of each kind of load that errors point at.
_MAIN_KEY = {
    "centrifugal": "axis",
    "pressure": "faces",
    "traction": "faces",
    "body_force": "acceleration",
    "force": "nodes",
}


def loading_of(workspace: Workspace, case: Case, times: Float[Array, " n_times"]) -> Loading:
    """Build the load case on this rank's dofs and points.

    Parameters
    ----------
    workspace
        The structure on this rank.
    case
        The case, its loads resolved.
    times
        Instants of the answer [time].

    Raises
    ------
    StudyError
        If a load names a set that the mesh does not have, a field does not fit, or a law depends
        on a temperature that the case does not give.

    Notes
    -----
    Collective: no. Cost: one pass over the mesh for each field.
    """
    constraints = constraints_of(workspace)
    return Loading(
        name=case.name,
        times=times,
        force=_force(workspace, case),
        temperature=point_temperature(workspace, case),
        prescribed=constraints.prescribed,
        constrained=constraints.constrained,
        equations=constraints.equations,
    )


def point_temperature(workspace: Workspace, case: Case) -> SeparatedField:
    """Return the temperature at this rank's points in time.

    Raises
    ------
    StudyError
        If a law depends on the temperature and the case does not give it, or gives one outside
        the tables of the law.
    """
    located = workspace.located
    loads = [load for load in case.loads if isinstance(load, Temperature)]
    if not loads:
        if workspace.depends_on_temperature:
            message = (
                f"case {case.name!r} gives no temperature, and a law depends on it; "
                "add a load of type temperature."
            )
            raise located.error(("loads",), message)
        return SeparatedField.zero(workspace.discretization.n_points)
    if len(loads) > 1:
        raise located.error(("loads",), f"case {case.name!r} has {len(loads)} temperatures.")
    load = loads[0]
    place = located.load_place(case.name, load.name, "keyframes")
    with _told_at(located, place):
        # The same map often stands at several keyframes: it is read once.
        different = dict.fromkeys(frame.field for frame in load.keyframes)
        known = {field: _nodal(workspace, field) for field in different}
        fields = np.stack([known[frame.field] for frame in load.keyframes])
        _check_range(workspace, case, fields)
    times = np.array([frame.time for frame in load.keyframes])
    nodal = SeparatedField.from_keyframes(times, fields, after=load.after)
    return nodal.mapped(workspace.discretization.temperature_interpolation)


def _force(workspace: Workspace, case: Case) -> SeparatedField:
    """Return the external force in time, from this rank's cells and faces."""
    total = SeparatedField.zero(workspace.discretization.n_dofs)
    for load in case.loads:
        if isinstance(load, Temperature):
            continue
        amplitude = amplitude_of(workspace.located, load.amplitude)
        place = workspace.located.load_place(case.name, load.name, _MAIN_KEY[load.type])
        with _told_at(workspace.located, place):
            vector = _force_vector(workspace, load)
        if isinstance(load, Centrifugal) and load.scales == "omega":
            amplitude = Amplitude(amplitude.times, amplitude.values, amplitude.after, power=2)
        total = total.joined(SeparatedField((amplitude,), vector[None]))
    return total


def _force_vector(
    workspace: Workspace, load: Centrifugal | Pressure | Traction | BodyForce | NodalForce
) -> Float[Array, " n_dofs"]:
    """Integrate a load at amplitude one over this rank's cells, faces or own nodes."""
    if isinstance(load, Centrifugal):
        _refuse_other_size(workspace, "axis.point", load.axis.point)
        return load.omega**2 * centrifugal_vector(
            workspace.discretization,
            workspace.density,
            point=np.array(load.axis.point),
            direction=np.array(load.axis.direction),
        )
    if isinstance(load, BodyForce):
        _refuse_other_size(workspace, "acceleration", load.acceleration)
        return body_force_vector(
            workspace.discretization, workspace.density, np.array(load.acceleration)
        )
    if isinstance(load, NodalForce):
        _refuse_other_size(workspace, "vector", load.vector)
        part = workspace.part
        nodes = _node_set(workspace, load.nodes)
        return nodal_force_vector(part.mesh, nodes[part.owned[nodes]], np.array(load.vector))
    faces, values = _facet_values(workspace, load.faces, load.field)
    if isinstance(load, Pressure):
        return pressure_vector(workspace.part.mesh, faces, values)
    _refuse_other_size(workspace, "vector", load.vector)
    return traction_vector(workspace.part.mesh, faces, values[:, None] * np.array(load.vector))


def _node_set(workspace: Workspace, name: str) -> Int[Array, " n"]:
    """Return this rank's nodes of a set."""
    if name not in workspace.mesh.node_sets:
        known = ", ".join(sorted(workspace.mesh.node_sets)) or "none"
        message = f"the mesh has no node set {name!r}; it has: {known}."
        raise StudyError(message)
    return workspace.part.mesh.node_sets[name]


def _facet_values(
    workspace: Workspace, name: str, field: SpatialField
) -> tuple[FaceSet, Float[Array, " n_faces"]]:
    """Return this rank's faces of a set and the values of a field at them."""
    mesh = workspace.mesh
    if name not in mesh.face_sets:
        known = ", ".join(sorted(mesh.face_sets)) or "none"
        message = f"the mesh has no face set {name!r}; it has: {known}."
        raise StudyError(message)
    values = field_values(
        field,
        face_centres(mesh, mesh.face_sets[name]),
        mesh=mesh,
        folder=workspace.located.folder,
        face_set=name,
    )
    if not np.isfinite(values).all():
        message = f"the field on face set {name!r} is not finite."
        raise StudyError(message)
    mine = np.isin(mesh.face_sets[name].cells, workspace.part.cells)
    return workspace.part.mesh.face_sets[name], values[mine]


@contextmanager
def _told_at(located: LocatedStudy, place: Place) -> Iterator[None]:
    """Tell errors with the place of the study that caused them."""
    try:
        yield
    except (StudyError, ConversionError, ValueError) as problem:
        kind = type(problem) if isinstance(problem, RomnetError) else StudyError
        message = f"{located.yaml.where(place)}: {problem}"
        raise kind(message) from problem


def _refuse_other_size(workspace: Workspace, key: str, vector: tuple[float, ...]) -> None:
    """Refuse a vector that has not one component for each direction of space."""
    if len(vector) != workspace.mesh.n_dim:
        message = f"{key} needs {workspace.mesh.n_dim} components, got {len(vector)}."
        raise StudyError(message)


def _nodal(workspace: Workspace, field: SpatialField) -> Float[Array, " n_nodes"]:
    """Evaluate a field at this rank's nodes."""
    mesh = workspace.mesh
    folder = workspace.located.folder
    values = field_values(field, mesh.nodes, mesh=mesh, folder=folder)
    return np.asarray(values[workspace.part.nodes])


def _check_range(
    workspace: Workspace, case: Case, fields: Float[Array, "n_frames n_nodes"]
) -> None:
    """Refuse, or tell, temperatures for which a law has no parameters."""
    if not np.isfinite(fields).all():
        message = f"case {case.name!r}: a temperature is not finite."
        raise StudyError(message)
    message = outside_tables(workspace, fields)
    if message and workspace.located.study.outside_tables == "refuse":
        message = f"case {case.name!r}: {message}; extend the tables."
        raise StudyError(message)
    if message:
        logger.warning("case %s: %s, whose ends hold.", case.name, message)


def outside_tables(workspace: Workspace, temperatures: Array) -> str:
    """Say how temperatures leave the tables of the laws; nothing if they do not.

    Parameters
    ----------
    workspace
        Laws.
    temperatures
        Of any shape [temperature].

    Notes
    -----
    Collective: no.
    """
    lowest, highest = workspace.temperature_range
    low, high = temperatures.min(initial=np.inf), temperatures.max(initial=-np.inf)
    if low >= lowest and high <= highest:
        return ""
    return (
        f"temperatures {low:g} ... {high:g} leave the tables of the laws, "
        f"{lowest:g} ... {highest:g}"
    )
