"""NumPy multiplies with the kernels that fit the processor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from romnet.core.kernels import OURS, VARIABLE, choose_kernels, kernels_for

WITHOUT = {name: value for name, value in os.environ.items() if name not in {VARIABLE, OURS}}
LOADED = """
import romnet, threadpoolctl, numpy
print(*(one["architecture"] for one in threadpoolctl.threadpool_info()))
"""


def told(environment: dict[str, str]) -> str:
    """Return the kernels that NumPy's BLAS says it has."""
    return subprocess.run(
        [sys.executable, "-c", LOADED],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()


def test_wider_registers_go_before_narrower_ones() -> None:
    both = {"avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}
    assert kernels_for(frozenset(both)) == "SkylakeX"
    assert kernels_for(frozenset(both - {"avx512vl"})) == "Haswell"
    assert kernels_for(frozenset({"sse2"})) is None


def test_numpy_has_the_kernels_that_were_chosen() -> None:
    chosen = os.environ.get(VARIABLE)
    if chosen is None:
        pytest.skip("nothing to choose: not an x86 processor with AVX2, or not Linux")
    assert told(WITHOUT) == chosen


def test_a_choice_of_the_user_stands() -> None:
    if os.environ.get(VARIABLE) is None:
        pytest.skip("nothing to choose: not an x86 processor with AVX2, or not Linux")
    assert told({**WITHOUT, VARIABLE: "Nehalem"}) == "Nehalem"


def test_a_choice_from_another_machine_is_made_again(monkeypatch, tmp_path) -> None:
    older = tmp_path / "cpuinfo"
    older.write_text("processor : 0\nflags : sse2 avx2 fma\n")
    for name in (VARIABLE, OURS):
        monkeypatch.setenv(name, "SkylakeX")
    choose_kernels(older)
    assert (os.environ[VARIABLE], os.environ[OURS]) == ("Haswell", "Haswell")
    older.write_text("processor : 0\nflags : sse2\n")
    choose_kernels(older)
    assert VARIABLE not in os.environ
    assert OURS not in os.environ
