"""A stand-in for `mgis.behaviour`: the same calls, one compiled orthotropic behaviour.

The behaviour is linear viscoelastic (a Maxwell element in each direction). Its tensors are stored
as MFront stores them: 11, 22, 33, 12, 13, 23, shear components times the square root of two.
"""

from __future__ import annotations

import ctypes
from enum import Enum, auto
from types import ModuleType

import numpy as np

SOURCE = r"""
#include <math.h>
/* PROPS: nine stiffnesses C1111 C2222 C3333 C1122 C1133 C2233 G12 G13 G23, then the time. */
int maxwell(int n, const double *strain, const double *viscous_old, const double *props,
            double warmth, double dt, double *stress, double *viscous, double *tangent)
{
    const int pair[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
    const double ratio = dt / (props[9] * warmth);
    for (int i = 0; i < n; i++) {
        viscous[i] = (viscous_old[i] + ratio * strain[i]) / (1.0 + ratio);
        if (isnan(strain[i])) return -1;
    }
    for (int i = 0; i < n; i++) {
        stress[i] = 0.0;
        for (int j = 0; j < n; j++) {
            double entry = 0.0;
            if (i < 3 && j < 3) entry = props[pair[i][j]];
            else if (i == j) entry = 2.0 * props[3 + i];
            tangent[n * i + j] = entry / (1.0 + ratio);
            stress[i] += entry * (strain[j] - viscous[j]);
        }
    }
    return 1;
}
"""
STIFFNESSES = ("C1111", "C2222", "C3333", "C1122", "C1133", "C2233", "G12", "G13", "G23")
PROPERTIES = (*STIFFNESSES, "Time")


class Hypothesis(Enum):
    Tridimensional = auto()
    PlaneStrain = auto()


class IntegrationType(Enum):
    IntegrationWithConsistentTangentOperator = auto()


class MaterialStateManagerStorageMode(Enum):
    LocalStorage = auto()
    ExternalStorage = auto()


class Variable:
    def __init__(self, name, kind="Scalar"):
        self.name, self.kind = name, kind

    def getType(self):  # noqa: N802
        return self.kind


class Behaviour:
    def __init__(self, library, name, hypothesis):
        self.library, self.behaviour, self.hypothesis = library, name, hypothesis
        self.mps = [Variable(name) for name in PROPERTIES]
        self.isvs = [Variable("ViscousStrain", "Stensor"), Variable("Age")]
        self.esvs = [Variable("Temperature"), Variable("Moisture")]
        self.parameters = {"factor": 1.0}
        self.function = ctypes.CDLL(library).maxwell

    def getBehaviourType(self):  # noqa: N802
        finite = self.behaviour == "FiniteStrain"
        return "StandardFiniteStrainBehaviour" if finite else "StandardStrainBasedBehaviour"


class State:
    def __init__(self, behaviour, n):
        size = 6 if behaviour.hypothesis is Hypothesis.Tridimensional else 4
        self.n, self.properties, self.external = n, {}, {}
        self.gradients = np.zeros((n, size))
        self.thermodynamic_forces = np.zeros((n, size))
        self.internal_state_variables = np.zeros((n, size + 1))


class MaterialDataManager:
    def __init__(self, behaviour, n):
        self.b, self.n = behaviour, n
        self.s0, self.s1 = State(behaviour, n), State(behaviour, n)
        size = self.s0.gradients.shape[1]
        self.K = np.zeros((n, size, size))


def load(library, name, hypothesis):
    if name not in {"Maxwell", "FiniteStrain"}:
        raise RuntimeError(f"no behaviour {name}")
    return Behaviour(library, name, hypothesis)


def getVariableSize(variable, hypothesis):  # noqa: N802
    size = 6 if hypothesis is Hypothesis.Tridimensional else 4
    return size if variable.getType() == "Stensor" else 1


def getVariableOffset(variables, name, hypothesis):  # noqa: N802
    names = [variable.name for variable in variables]
    return sum(getVariableSize(v, hypothesis) for v in variables[: names.index(name)])


def setParameter(behaviour, name, value):  # noqa: N802
    behaviour.parameters[name] = value


def _set(values, n, name, value, mode):
    if isinstance(value, float):
        values[name] = np.full(n, value)
    else:
        assert isinstance(mode, MaterialStateManagerStorageMode)
        assert value.shape == (n,)
        values[name] = np.array(value)


def setMaterialProperty(state, name, value, mode=None):  # noqa: N802
    _set(state.properties, state.n, name, value, mode)


def setExternalStateVariable(state, name, value, mode=None):  # noqa: N802
    _set(state.external, state.n, name, value, mode)


def integrate(manager, kind, dt, begin, end):
    """Integrate points [begin, end); stops at the first that fails, as MGIS does."""
    assert kind is IntegrationType.IntegrationWithConsistentTangentOperator
    old, new, size = manager.s0, manager.s1, manager.s0.gradients.shape[1]
    for state in (old, new):
        assert set(state.external) == {"Temperature", "Moisture"}
    for point in range(begin, end):
        properties = np.array([new.properties[name][point] for name in PROPERTIES])
        properties[:9] *= manager.b.parameters["factor"]
        viscous_old = old.internal_state_variables[point, :size].copy()
        strain, stress, viscous = new.gradients[point].copy(), np.zeros(size), np.zeros(size)
        tangent = np.zeros((size, size))
        warmth = new.external["Temperature"][point] / 300.0
        arrays = [a.ctypes.data_as(ctypes.c_void_p) for a in (strain, viscous_old, properties)]
        outputs = [a.ctypes.data_as(ctypes.c_void_p) for a in (stress, viscous, tangent)]
        reals = [ctypes.c_double(warmth), ctypes.c_double(dt)]
        if manager.b.function(size, *arrays, *reals, *outputs) < 0:
            return -1
        new.thermodynamic_forces[point] = stress
        new.internal_state_variables[point, :size] = viscous
        new.internal_state_variables[point, size] = old.internal_state_variables[point, size] + dt
        manager.K[point] = tangent
    return 1


def modules():
    """Return the package and its module, to be put among the imported ones."""
    package, module = ModuleType("mgis"), ModuleType("mgis.behaviour")
    for name, value in globals().items():
        if not name.startswith("_"):
            setattr(module, name, value)
    package.behaviour = module
    package.__path__ = []
    return {"mgis": package, "mgis.behaviour": module}
