"""The table of stages that a study implies: what each depends on, and nothing else."""

from __future__ import annotations

from romnet.study.offline_stages import offline_stages
from romnet.study.online_stages import online_stages
from romnet.study.read import LocatedStudy
from romnet.study.stage import Stage


def stages_of(located: LocatedStudy) -> dict[str, Stage]:
    """Return the stages of a study in an order in which they can run.

    Examples
    --------
    The table of the cube case starts with::

        mesh -> snapshots[cycle1] -> replay[cycle1] -> pod -> cubature -> dual_pod -> model
    """
    table = [*offline_stages(located), *online_stages(located)]
    return {stage.name: stage for stage in table}
