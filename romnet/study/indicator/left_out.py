"""Models trained on all loads but one, whose errors on that one are known without a computation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.reduction.replay import replay
from romnet.store.manifest import Manifest
from romnet.study import actions
from romnet.study.context import Context
from romnet.study.schema import Training
from romnet.study.stage import Stage

_STAGES = (
    ("pod", actions.pod_stage),
    ("cubature", actions.cubature_stage),
    ("dual_pod", actions.dual_pod_stage),
    ("model", actions.model_stage),
)


def left_out_loads(context: Context, most: int) -> tuple[str, ...]:
    """Return the training loads that are left out in turn: none if there is only one."""
    names = context.training
    if len(names) < 2:  # noqa: PLR2004
        return ()
    places = np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int)
    return tuple(names[place] for place in dict.fromkeys(places.tolist()))


def without(context: Context, name: str) -> Context:
    """Train a model on all loads but one.

    Parameters
    ----------
    context
        Study, folder and ranks; the training simulations must be there.
    name
        Training load to leave out.

    Returns
    -------
    Context
        With a folder of its own, which holds the model; see `discard`.

    Notes
    -----
    Collective: yes. Cost: as `trained`.
    """
    rest = tuple(entry for entry in context.located.study.training if entry.name != name)
    return trained(context, rest, "left_out")


def trained(context: Context, training: tuple[Training, ...], folder: str) -> Context:
    """Train a model on some simulations that are there.

    Parameters
    ----------
    context
        Study, folder and ranks.
    training
        Simulations to train on.
    folder
        Name of a folder for the model, in that of the results.

    Returns
    -------
    Context
        With this training and this folder; see `discard`.

    Notes
    -----
    Collective: yes. Cost: that of the offline stages after the simulations.
    """
    study = context.located.study.model_copy(update={"training": training})
    own = replace(
        context,
        located=replace(context.located, study=study),
        folder=context.folder / folder,
        origin=context.simulations,
    )
    for stage, action in _STAGES:
        action(own, Stage(stage, Path(f"{stage}.h5"), action), Manifest())
    return own


def discard(own: Context) -> None:
    """Remove the folder of a model that is needed no more. Collective: yes."""
    own.comm.barrier()
    with together(own.comm):
        if own.comm.rank == 0:
            shutil.rmtree(own.folder)


def known_states(
    context: Context, name: str
) -> Iterator[tuple[float, Float[Array, " n_dofs"], Float[Array, "n_points n_state"]]]:
    """Yield instant, displacement and state of a training simulation, after the virgin state.

    Notes
    -----
    Collective: yes. Cost: one law call for each point and instant.
    """
    workspace = context.workspace
    source = context.displacement(name)
    times = np.asarray(context.snapshots(name).times)
    history = replay(
        source,
        times,
        context.loading(name).temperature,
        discretization=workspace.discretization,
        laws=workspace.laws,
    )
    for number in range(len(times)):
        with together(context.comm):
            instant = next(history)
        if number > 0:
            yield instant.time, source.column(number), instant.state
