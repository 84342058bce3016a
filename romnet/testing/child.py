"""The process that a law under examination may crash: ``python -m romnet.testing.child FD``.

It reads one JSON request from stdin and writes one JSON event a line to the file descriptor FD:
`isolation` is its only caller and explains both.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from romnet.core.errors import RomnetError
from romnet.laws.registry import build_law
from romnet.testing.laws import INTERLEAVED, Statement, examine, statements_on
from romnet.testing.subject import Probe, Subject

Tell = Callable[[Mapping[str, Any]], None]


def serve(request: Mapping[str, Any], tell: Tell) -> None:
    """Do what a request asks for, and tell what happens as it happens.

    Parameters
    ----------
    request
        ``{"task": "examine" or "answer", "spec": ..., "n_components": ..., "probe": {...}}``.
    tell
        Receives the events.

    Examples
    --------
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> probe = {"strain": 1e-3, "temperatures": [20.0, 20.0]}
    >>> events = []
    >>> serve({"task": "answer", "spec": spec, "n_components": 6, "probe": probe}, events.append)
    >>> [event["event"] for event in events]
    ['ready', 'answer', 'end']
    """
    tell({"event": "ready"})
    probe = Probe(**{**request["probe"], "temperatures": tuple(request["probe"]["temperatures"])})
    try:
        law = build_law(request["spec"], n_components=request["n_components"])
    except RomnetError as problem:
        tell({"event": "refused", "kind": type(problem).__name__, "message": str(problem)})
        return
    subject = Subject(law, probe)
    if request["task"] == "answer":
        tell({"event": "answer", "digest": digest_backwards(subject)})
    else:
        _examine(subject, tell)
    tell({"event": "end"})


def digest_backwards(subject: Subject) -> str:
    """Return a digest of the answer to the second question, asked point by point from the last.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> subject = Subject(build_law(spec, n_components=6), Probe())
    >>> digest_backwards(subject) == digest(subject)
    True
    """
    rows = []
    for point in reversed(range(subject.probe.n_points)):
        row = np.array([point])
        state = subject.virgin.at(row).put_to(subject.law).state
        virgin = subject.virgin.state.copy()
        virgin[row] = state
        question = subject.further("strained", virgin, sign=1.0).at(row)
        answer = question.put_to(subject.law)
        rows.append((answer.stress, answer.state, answer.tangent))
    return _digest(*(np.concatenate(kind[::-1]) for kind in zip(*rows, strict=True)))


def digest(subject: Subject) -> str:
    """Return a digest of the answer to the second question, asked of all points at once."""
    answer = subject.strained.put_to(subject.law)
    return _digest(answer.stress, answer.state, answer.tangent)


def _digest(*arrays: Any) -> str:  # noqa: ANN401  (arrays of any shape)
    """Return a digest of the bits of some arrays; a zero has no sign."""
    content = b"".join((np.ascontiguousarray(array) + 0.0).tobytes() for array in arrays)
    return hashlib.sha256(content).hexdigest()


def _examine(subject: Subject, tell: Tell) -> None:
    """Run every statement; the digest is told once the answers are known to be steady."""
    statements = statements_on(subject)
    plan = [{"name": statement.name, "limit": statement.limit} for statement in statements]
    tell({"event": "plan", "statements": plan})

    def begin(statement: Statement) -> None:
        tell({"event": "begin", "name": statement.name})

    for check in examine(subject, statements, begin=begin):
        tell({"event": "check", **asdict(check)})
        if check.name == INTERLEAVED and check.passed:
            tell({"event": "answer", "digest": digest(subject)})


def main() -> None:
    """Read the request and write the events."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is a verdict, not a file
    with os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8") as events:

        def tell(event: Mapping[str, Any]) -> None:
            events.write(json.dumps(event) + "\n")

        serve(json.load(sys.stdin), tell)


if __name__ == "__main__":
    main()
