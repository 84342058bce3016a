"""Products that leave the interpreter free: right in every memory layout, and free indeed."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.blas import add_gram, multiply_into

SIZES = st.integers(0, 7)
LAYOUTS = st.sampled_from(["C", "F", "strided"])


def laid_out(shape: tuple[int, int], layout: str, seed: int) -> np.ndarray:
    """Return a random matrix in one of three layouts."""
    values = np.random.default_rng(seed).normal(size=(shape[0] * 2, shape[1] * 2))
    if layout == "strided":
        return values[::2, ::2]
    return np.array(values[: shape[0], : shape[1]], order=layout)  # type: ignore[call-overload]


@given(SIZES, SIZES, LAYOUTS)
def test_correlations_are_added_to_the_upper_triangle(n_rows: int, n: int, layout: str) -> None:
    rows = laid_out((n_rows, n), layout, seed=1)
    before = np.asfortranarray(laid_out((n, n), "C", seed=2))
    gram = before.copy(order="F")
    add_gram(gram, rows)
    expected = np.where(np.tri(n, k=-1, dtype=bool), before, before + rows.T @ rows)
    np.testing.assert_allclose(gram, expected, rtol=1e-13, atol=1e-13)


@given(SIZES, SIZES, SIZES, LAYOUTS, LAYOUTS)
def test_a_product_is_written_to_its_place(m: int, k: int, n: int, one: str, other: str) -> None:
    left, right = laid_out((m, k), one, seed=3), laid_out((k, n), other, seed=4)
    target = np.full((m, n), np.nan)
    multiply_into(target, left, right)
    np.testing.assert_allclose(target, left @ right, rtol=1e-13, atol=1e-13)


def test_the_wrong_order_of_a_result_is_refused() -> None:
    with pytest.raises(ValueError, match="Fortran-ordered"):
        add_gram(np.zeros((2, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="C-ordered"):
        multiply_into(np.empty((3, 2), order="F"), np.ones((3, 2)), np.eye(2))


def test_another_thread_runs_while_a_product_is_computed() -> None:
    """Its longest pause is far below the time of the product, which SciPy's wrapper would hold."""
    values = np.asfortranarray(np.random.default_rng(0).normal(size=(60_000, 400)))
    gram = np.zeros((400, 400), order="F")
    add_gram(gram, values[:10])
    stamps: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            stamps.append(time.perf_counter())
            time.sleep(1e-4)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.perf_counter()
    for _ in range(4):
        add_gram(gram, values)
    ended = time.perf_counter()
    done.set()
    thread.join()
    inside = sum(began < stamp < ended for stamp in stamps)
    assert inside >= 8, f"{inside} ticks in {ended - began:.3f} s"
