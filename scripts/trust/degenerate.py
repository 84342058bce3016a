"""Snapshots and loads at the edge of what a reduced model can be made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from judging import tried
from outcome import Outcome
from study_bases import bar, write

from romnet.fe.inner_products import energy
from romnet.online.solve import ReducedSolution, solve
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.mesh_file import save_mesh
from romnet.store.snapshots import writing_snapshots
from romnet.study import commands
from romnet.study.context import Context
from romnet.study.training import displacement_info

_KIND = "numerics: degenerate"
FAITHFUL = 1e-3
# An error of spoiled displacements is that between them and the right ones, within this factor.
HONEST = 1.1
_SPANNED = 1e-6
# Isotropic and elastic with the study's Poisson number 0.3; its size does not matter.
STIFFNESS = np.diag([0.4, 0.4, 0.4, 0.2, 0.2, 0.2])
STIFFNESS[:3, :3] += 0.3
Spoil = Callable[[Any, Any], tuple[Any, Any]]


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Yield what becomes of each; in the short form, of every third."""
    first = Source(folder / "source")
    every = slice(None, None, 3 if short else 1)
    for name, spoil in list(spoils(np.random.default_rng(seed)).items())[every]:
        yield tried(_KIND, f"snapshots: {name}", partial(first.learnt_from, name, spoil))
    for name, changes in list(LOADS.items())[every]:
        yield tried(_KIND, f"load: {name}", partial(answered, folder / f"load {name}", changes))
    for name, change in MODES.items():
        yield tried(_KIND, f"modes: {name}", partial(first.asked, change))


def spoils(chance: np.random.Generator) -> dict[str, Spoil]:
    """Return changes of instants and displacements, one row for each instant."""
    return {
        "all zero": lambda t, u: (t, 0.0 * u),
        "one alone": lambda t, u: (t[-1:], u[-1:]),
        "two alike": lambda t, u: (t, np.vstack([u[:3], u[2:3], u[4:]])),
        "each four times": lambda t, u: (
            np.linspace(0.0, 1.0, 4 * len(t) - 3),
            np.repeat(u, 4, axis=0)[3:],
        ),
        "alike but for rounding": lambda t, u: (
            t,
            u[-1] * np.linspace(0, 1, len(t))[:, None] * (1 + 1e-15 * chance.normal(size=u.shape)),
        ),
        "single precision": lambda t, u: (t, u.astype(np.float32).astype(float)),
        "noise of single precision": lambda t, u: (
            t,
            u + 6e-8 * np.abs(u).max() * chance.normal(size=u.shape) * (t > 0)[:, None],
        ),
        "zero but the last": lambda t, u: (t, u * (t == t[-1])[:, None]),
        "tiny": lambda t, u: (t, 1e-200 * u),
        "huge": lambda t, u: (t, 1e150 * u),
        "not a number": lambda t, u: (t, np.where(u == u[2].max(), np.nan, u)),
        "infinite": lambda t, u: (t, np.where(u == u[2].max(), np.inf, u)),
    }


LOADS: dict[str, dict[str, Any]] = {
    "none at all": {"loads": [bar()["loads"][2] | {"keyframes": [{"time": 0.0, "field": 20.0}]}]},
    "elastic": {"loads__0__vector": [40.0, 0.0, 0.0]},
    "unloaded to zero": {
        "training__0__until": 2.0,
        "training__0__increments": 8,
        "loads__2__keyframes": [{"time": 0.0, "field": 20.0}],
    },
    "zero in the question": {
        "online__0__loads": {"traction": {"vector": [0.0, 0.0, 0.0]}, "centrifugal": {"omega": 0.0}}
    },
    "heat alone": {"loads": bar()["loads"][2:], "online__0__loads": {}},
    "against the training": {"online__0__loads": {"traction": {"vector": [-170.0, 0.0, 0.0]}}},
    "thousand times the training": {"online__0__loads": {"traction": {"vector": [1.8e5, 0, 0]}}},
}
LOADS["none at all"]["online__0__loads"] = {}


def twice(model: ReducedModel) -> ReducedModel:
    """Let a mode occur twice: any tangent of it is singular."""
    modes = np.concatenate([model.strain_modes, model.strain_modes[..., :1]], axis=2)
    return widened(model, modes, [0])


def nearly_twice(model: ReducedModel) -> ReducedModel:
    """Let a mode almost be another one."""
    close = model.strain_modes[..., :1] * (1.0 + 1e-13)
    return widened(model, np.concatenate([model.strain_modes, close], axis=2), [0])


def without_strain(model: ReducedModel) -> ReducedModel:
    """Let a mode strain nothing, as a rigid motion does, while a load works on it."""
    modes = np.concatenate([model.strain_modes, 0.0 * model.strain_modes[..., :1]], axis=2)
    return widened(model, modes, [0])


def widened(model: ReducedModel, modes: Any, copied: list[int]) -> ReducedModel:
    """Return a model with more modes, on which loads work as on some of the others."""

    def wide(loading: Any) -> Any:
        vectors = loading.force.vectors
        force = replace(loading.force, vectors=np.hstack([vectors, vectors[:, copied]]))
        return replace(loading, force=force)

    loadings = {name: wide(loading) for name, loading in model.loadings.items()}
    return replace(model, strain_modes=modes, loadings=loadings)


MODES: dict[str, Callable[[ReducedModel], ReducedModel]] = {
    "one twice": twice,
    "one almost twice": nearly_twice,
    "one without strain": without_strain,
    "weights of zero": lambda model: replace(model, weights=0.0 * model.weights),
    "weights of rounding": lambda model: replace(model, weights=1e-300 * model.weights),
}


class Source:
    """A small simulation, kept to be spoiled, and the model that was learnt from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = offline(write(folder, bar()))
        store = self.context.snapshots("one")
        self.times = np.asarray(store.times)
        rows = np.arange(self.context.workspace.mesh.n_dofs)
        self.displacement = store.source("displacement").rows(rows).T

    def learnt_from(self, name: str, spoil: Spoil) -> str:
        """Learn from spoiled results; the error on the training load must tell how spoiled."""
        folder = self.folder.parent / name
        folder.mkdir()
        times, displacement = spoil(self.times, self.displacement.copy())
        save_mesh(folder / "one.mesh.h5", self.context.workspace.mesh)
        infos = {"displacement": displacement_info(self.context)}
        units = Manifest(units=self.context.located.study.units.model_dump())
        with writing_snapshots(folder / "one.h5", infos, manifest=units) as writer:
            for time, row in zip(times, displacement, strict=True):
                writer.append(float(time), {"displacement": row})
        path = write(folder, bar(training=[{"name": "one", "results": "one.h5"}], online=[]))
        context = offline(path)
        error = commands.offline_summary(context).training_errors["u"]
        return judged(error, self.distance(times, displacement))

    def distance(self, times: Any, displacement: Any) -> float:
        """Return how far the best answer is from the displacements given, relative to these.

        The answer lies in what the given ones span: no model knows more. Of all there it is the
        nearest to the right one in energy, as Galerkin's. The distance is in the norm of the study.
        """
        workspace = self.context.workspace
        product = workspace.inner_product()
        stiff = energy(workspace.discretization, STIFFNESS)
        scale = np.abs(displacement).max()
        given = displacement.T / scale
        right = np.array([np.interp(times, self.times, u) for u in self.displacement.T]) / scale
        modes, values, _ = np.linalg.svd(given, full_matrices=False)
        modes = modes[:, values > _SPANNED * values[0]]
        best = modes @ np.linalg.lstsq(stiff @ modes, stiff @ right, rcond=None)[0]
        # In long numbers, whose squares neither vanish nor overflow.
        apart = (product @ (best - given)).astype(np.longdouble)
        sizes = np.linalg.norm(product @ given, axis=0)
        sizes[sizes == 0.0] = sizes.max()
        return float((np.sqrt((apart**2).sum(axis=0)) / sizes).max())

    def asked(self, change: Callable[[ReducedModel], ReducedModel]) -> str:
        """Ask a spoiled model; what it calls converged must be balanced: it equals the truth."""
        model = artefact.load(self.context.folder / "model.h5", ReducedModel)
        (loading,) = model.loadings.values()
        right = solve(model, loading)
        spoiled = change(model)
        (loading,) = spoiled.loadings.values()
        answer = solve(spoiled, loading)
        if not answer.status.ok:
            return "" if answer.status.advice and not answer.reason.ok else "no advice"
        strains = [
            found.strain_modes[: found.n_quadrature] @ solution.coefficients
            for found, solution in ((model, right), (spoiled, answer))
        ]
        return believed(float(np.linalg.norm(strains[1] - strains[0]) / np.linalg.norm(strains[0])))


def answered(folder: Path, changes: dict[str, Any]) -> str:
    """Learn from a load and ask; what converged must be finite, and right where it is known."""
    context = offline(write(folder, bar(**changes)))
    # Over all instants: unloaded to zero, a body keeps a thousandth of its displacement, to which
    # the error of the last instant alone is relative.
    problem = believed(commands.offline_summary(context).validation["u"].realised)
    for summary in commands.online(context):
        answer = context.folder / "online" / f"{summary.case}.h5"
        coefficients = artefact.load(answer, ReducedSolution).coefficients
        if not np.isfinite(coefficients).all():
            problem = "coefficients are not finite"
        if not summary.ok and not summary.advice:
            problem = "stopped without advice"
    return problem


def judged(error: float | None, distance: float) -> str:
    """Say what is wrong with the error that is told of displacements this far from the right."""
    if distance < FAITHFUL:
        return believed(error)
    # No answer to the load fits these displacements, and the error must say by how much.
    if error is not None and distance / HONEST < error < distance * HONEST:
        return ""
    return f"error {error}, but the displacements are off by {distance:.2e}"


def believed(error: float | None) -> str:
    """Say what is wrong with an error that should be small."""
    return "" if error is not None and error < FAITHFUL else f"error {error}"


def offline(path: Path) -> Context:
    """Build the model of a study."""
    context = commands.open_study(path)
    commands.offline(context)
    return context
