"""Foreign readers that may end their process on damaged files, kept in a process of their own.

A server process imports the foreign reader once and forks for every file, so that a crash ends
that copy alone. Both sides exchange named arrays over a socket.
"""

from __future__ import annotations

import atexit
import io
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError

_LENGTH = struct.Struct("<Q")
_LONGEST_PATH = 1 << 16
_ERROR = "error"
# Of one file: seconds for one answer, memory beyond that of the idle server [B].
_SECONDS, _BYTES_PER_SECOND = 60.0, 1e6
_MEMORY, _MEMORY_PER_BYTE = 1 << 30, 32
_PATIENCE = 5.0
_IN_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Answers = Mapping[str, Array]
Answer = Callable[[str, int], Answers]


class GuardedFile:
    """A file opened by a foreign reader in another process.

    Parameters
    ----------
    module
        Module that is run as the server: it calls `serve`.
    path
        The file.

    Raises
    ------
    ConversionError
        If the server cannot be started.

    Notes
    -----
    Collective: no. The process ends with this value, or before it if the file kills it.
    """

    def __init__(self, module: str, path: Path) -> None:
        self._path = path
        self._socket, theirs = socket.socketpair()
        with theirs:
            name = os.fsencode(path.resolve())
            try:
                socket.send_fds(_server(module), [name], [theirs.fileno()])
            except OSError:  # the server was ended from outside: start another one
                _server.cache_clear()
                socket.send_fds(_server(module), [name], [theirs.fileno()])

    def ask(self, what: str, number: int = 0) -> dict[str, Array]:
        """Return the arrays that answer a question.

        Raises
        ------
        ConversionError
            If the reader refuses the file, or the file ends the reader's process, which has
            a minute and 1 s/MB for each answer, and 1 GiB and 32 times the file of memory.
        """
        try:
            _send(self._socket, {"what": np.array(what), "number": np.array(number)})
            found = _receive(self._socket)
        except (OSError, EOFError) as problem:
            message = (
                f"{self._path}: the foreign reader crashed, or used too much time or memory; "
                "the file is damaged."
            )
            raise ConversionError(message) from problem
        if _ERROR in found:
            message = f"{self._path}: {found[_ERROR]}"
            raise ConversionError(message)
        return found

    def __del__(self) -> None:
        """End the process."""
        self._socket.close()


@lru_cache
def _server(module: str) -> socket.socket:
    """Start a server, which ends when its socket closes."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env={**os.environ, **dict.fromkeys(_IN_ONE_THREAD, "1")},
        )
    atexit.register(_stop, process, ours)
    return ours


def _stop(process: subprocess.Popen[bytes], ours: socket.socket) -> None:
    """End a server; it leaves by itself when nobody speaks to it."""
    ours.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve(opening: Callable[[Path], Answer]) -> None:
    """Answer questions on files until the other side is gone: the main loop of a server.

    Parameters
    ----------
    opening
        Opens a file and returns what answers a question and its number with named arrays. Whatever
        it raises is told to the other side.

    Notes
    -----
    Collective: no. The socket is the file descriptor that the first argument of the program names.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    control = socket.socket(fileno=int(sys.argv[1]))
    while True:
        name, descriptors, _, _ = socket.recv_fds(control, _LONGEST_PATH, 1)
        if not name:
            return
        if os.fork():
            os.close(descriptors[0])
            continue
        control.close()
        with suppress(OSError, EOFError), socket.socket(fileno=descriptors[0]) as line:
            _converse(line, Path(os.fsdecode(name)), opening)
        os._exit(0)


def _converse(line: socket.socket, path: Path, opening: Callable[[Path], Answer]) -> None:
    """Answer the questions on one file, within limits."""
    size = path.stat().st_size if path.is_file() else 0
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + _MEMORY + _MEMORY_PER_BYTE * size
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    answer: Answer | None = None
    while True:
        question = _receive(line)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS + size / _BYTES_PER_SECOND)
        try:
            answer = answer or opening(path)
            found = answer(str(question["what"]), int(question["number"]))
        except (SystemExit, Exception) as problem:  # noqa: BLE001
            words = " ".join(str(problem).split())
            text = f"cannot be read ({type(problem).__name__}: {words})."
            found = {_ERROR: np.array(words if isinstance(problem, ConversionError) else text)}
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        _send(line, found)


def _send(line: socket.socket, arrays: Answers) -> None:
    """Send named arrays."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    line.sendall(_LENGTH.pack(content.tell()))
    line.sendall(content.getbuffer())


def _receive(line: socket.socket) -> dict[str, Array]:
    """Receive named arrays."""
    (size,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    try:
        with np.load(io.BytesIO(_exactly(line, size)), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (BadZipFile, ValueError) as problem:
        raise EOFError(str(problem)) from problem


def _exactly(line: socket.socket, size: int) -> bytes:
    """Receive so many bytes."""
    content = bytearray(size)
    view, done = memoryview(content), 0
    while done < size:
        count = line.recv_into(view[done:])
        if not count:
            raise EOFError
        done += count
    return bytes(content)
