"""A confined command as seen from the tool: started, talked to, and gone when its handle is."""

from __future__ import annotations

import io
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, cast

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import launcher
from quantatissu.sandbox.policy import Finished, Usage

StderrMode = Literal["collect", "stdout", "null"]

# Output past the limit is dropped from the middle; a command that writes this many times the limit is ended.
FLOOD_FACTOR = 64
_CHUNK = 1 << 16


class LaunchError(Exception):
    """The launcher could not start the command: at which ``stage``, why, and the kernel's error number or 0."""

    def __init__(self, stage: str, detail: str, number: int = 0) -> None:
        super().__init__(f"{stage}: {detail}")
        self.stage = stage
        self.detail = detail
        self.number = number


class BoundedOutput:
    """Bytes of which both ends are kept once there are more than ``limit``."""

    def __init__(self, limit: int) -> None:
        self.limit = max(2, limit)
        self.total = 0
        self._head = bytearray()
        self._tail = bytearray()

    def write(self, data: bytes) -> None:
        """Append; keeps at most ``1.5 * limit`` bytes."""
        self.total += len(data)
        room = self.limit // 2 - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > self.limit:
            del self._tail[: -(self.limit - self.limit // 2)]

    def value(self) -> bytes:
        """What was written; if it was too long, both ends and a line between them that says how much is missing."""
        if self.total <= self.limit:
            return bytes(self._head + self._tail)
        tail = self._tail[-(self.limit - self.limit // 2) :]
        missing = self.total - len(self._head) - len(tail)
        return b"%b\n[... %d bytes left out ...]\n%b" % (bytes(self._head), missing, bytes(tail))

    @property
    def flooded(self) -> bool:
        return self.total > FLOOD_FACTOR * self.limit


class Conversation:
    """One launcher and its control socket; reads everything the tool itself must read until the command has ended.

    `Process` hands it to a thread, so it knows nothing of the handle: a forgotten handle is collected, and its end ends
    the command.
    """

    def __init__(self, job: Mapping[str, Any], *, stdin: int, stdout: int, stderr: StderrMode) -> None:
        limit = int(job["limits"]["output_bytes"])
        self.stdout = BoundedOutput(limit)
        self.stderr = BoundedOutput(limit)
        self.started = threading.Event()
        self.ended = threading.Event()
        self.facts: dict[str, Any] = {}
        self.error: LaunchError | None = None
        self.finished: Finished | None = None
        self._flooded = False
        self._messages = b""
        self._owner = os.getpid()
        ours, theirs = socket.socketpair()
        self._control = ours
        modes = {"collect": subprocess.PIPE, "stdout": subprocess.STDOUT, "null": subprocess.DEVNULL}
        with theirs:
            self.popen = subprocess.Popen(
                [*interpreter(), launcher_program(), str(theirs.fileno())],
                stdin=stdin,
                stdout=stdout,
                stderr=modes[stderr],
                pass_fds=(theirs.fileno(),),
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the tool, which then ends the command
                cwd="/",
                env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
            )
        try:
            self._control.sendall(json.dumps(job).encode() + b"\n")
        except OSError:
            pass  # it died; reading will tell

    def end(self) -> None:
        """Ask for the end of the command and of all it started. Returns at once; safe from any thread.

        In a fork of the tool it does nothing: the command belongs to the process that started it.
        """
        if os.getpid() != self._owner:
            return
        try:
            self._control.send(b"k")
        except OSError:
            pass

    def converse(self, *, stdin: bytes | None = None, read_stdout: bool) -> None:
        """Feed ``stdin``, collect outputs and messages; returns when the command has ended and nothing is left."""
        try:
            self._converse(stdin, read_stdout)
        finally:
            self._control.close()
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
            if self.finished is None and self.error is None:
                self.error = LaunchError("launcher", "it was killed", 0)
            self.started.set()
            self.ended.set()

    def _converse(self, stdin: bytes | None, read_stdout: bool) -> None:
        streams: dict[int, BoundedOutput] = {}
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            if self.popen.stderr is not None:
                streams[self.popen.stderr.fileno()] = self.stderr
            if read_stdout and self.popen.stdout is not None:
                streams[self.popen.stdout.fileno()] = self.stdout
            for descriptor in streams:
                selector.register(descriptor, selectors.EVENT_READ)
            pending = memoryview(stdin or b"")
            feeding = self.popen.stdin if stdin is not None else None
            if feeding is not None:
                os.set_blocking(feeding.fileno(), False)
                selector.register(feeding, selectors.EVENT_WRITE)
            deadline: float | None = None
            while selector.get_map():
                # All writers are dead once the launcher is; the deadline is for the unconfined case.
                timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
                ready = selector.select(timeout)
                if not ready and deadline is not None:
                    return
                for key, _ in ready:
                    if key.fileobj is self._control:
                        if not self._read_messages():
                            selector.unregister(self._control)
                            deadline = time.monotonic() + 1.0
                            if feeding is not None and not feeding.closed:
                                selector.unregister(feeding)
                                feeding.close()
                    elif key.fileobj is feeding:
                        pending = self._feed(cast(BinaryIO, feeding), pending)
                        if not pending:
                            selector.unregister(feeding)
                            cast(BinaryIO, feeding).close()
                    elif not self._collect(key.fd, streams[key.fd]):
                        selector.unregister(key.fd)

    def _read_messages(self) -> bool:
        try:
            data = self._control.recv(_CHUNK)
        except OSError:
            data = b""
        self._messages += data
        *lines, self._messages = self._messages.split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["event"] == "started":
                self.facts = message
                self.started.set()
            elif message["event"] == "failed":
                self.error = LaunchError(message["stage"], message["detail"], message["errno"])
            else:
                self.finished = self._result(message)
        return bool(data)

    def _feed(self, pipe: BinaryIO, pending: memoryview) -> memoryview:
        try:
            return pending[os.write(pipe.fileno(), pending[:_CHUNK]) :]
        except BlockingIOError:
            return pending
        except BrokenPipeError:
            return pending[:0]  # the command does not want it

    def _collect(self, descriptor: int, output: BoundedOutput) -> bool:
        data = os.read(descriptor, _CHUNK)
        output.write(data)
        if output.flooded and not self._flooded:
            self._flooded = True
            self.end()
        return bool(data)

    def _result(self, message: Mapping[str, Any]) -> Finished:
        status = int(message["status"])
        killed = os.WIFSIGNALED(status)
        limit = message["limit"]
        if self._flooded and limit is None and killed and os.WTERMSIG(status) == signal.SIGKILL:
            limit = "output"
        return Finished(
            exit_code=None if killed else os.WEXITSTATUS(status),
            signal=os.WTERMSIG(status) if killed else None,
            stdout=b"",
            stderr=b"",
            usage=Usage(message["wall_seconds"], message["cpu_seconds"], message["max_rss_bytes"]),
            limit=limit,
        )

    def outcome(self) -> Finished:
        """How it ended, with the collected output; raises `LaunchError` when it never started."""
        if self.error is not None and not self.facts:
            raise self.error
        ended = self.finished
        if ended is None and self.facts:  # the launcher itself was killed, and everything inside with it
            return Finished(None, signal.SIGKILL, self.stdout.value(), self.stderr.value(), Usage(0.0, 0.0, 0))
        # A limit may be reached before process 1 had a turn to say that it started: a fork bomb leaves it none.
        if ended is None or not (self.facts or ended.limit):
            raise LaunchError("launcher", self.stderr.value().decode(errors="replace").strip() or "it ended early")
        return Finished(
            ended.exit_code, ended.signal, self.stdout.value(), self.stderr.value(), ended.usage, ended.limit
        )


class Process:
    """A running confined command. Everything it started is gone once the handle is closed, collected, or the tool dead.

    ``stdin`` and ``stdout`` are raw, unbuffered binary files: a ``read(n)`` returns as soon as there is anything, a
    ``write`` says how many bytes it took. Nothing limits what flows through them.
    """

    stdin: io.RawIOBase
    stdout: io.RawIOBase

    def __init__(self, job: Mapping[str, Any], *, stderr: StderrMode = "collect") -> None:
        self._conversation = Conversation(job, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
        popen = self._conversation.popen
        self.stdin = cast(io.RawIOBase, popen.stdin)
        self.stdout = cast(io.RawIOBase, popen.stdout)
        self._finalizer = weakref.finalize(self, self._conversation.end)
        thread = threading.Thread(
            target=self._conversation.converse, kwargs={"read_stdout": False}, name="sandbox", daemon=True
        )
        thread.start()
        self._thread = thread
        try:
            self._conversation.started.wait()
            if not self._conversation.facts:
                self._conversation.outcome()
        except BaseException:
            self.close()
            raise

    def stderr(self) -> bytes:
        """What the command wrote to its stderr so far, both ends of it (``Limits.output_bytes``)."""
        return self._conversation.stderr.value()

    def poll(self) -> Finished | None:
        """How it ended, or None while it runs."""
        return self._conversation.outcome() if self._conversation.ended.is_set() else None

    def wait(self, timeout: float | None = None) -> Finished:
        """Wait for the end, at most ``timeout`` seconds. Raises TimeoutError when it still runs."""
        if not self._conversation.ended.wait(timeout):
            raise TimeoutError(f"the confined command still runs after {timeout} s")
        return self._conversation.outcome()

    def kill(self) -> None:
        """End the command and everything it started; returns when they are gone."""
        self._conversation.end()
        if not self._conversation.ended.wait(5):
            self._conversation.popen.kill()  # takes process 1 along, and process 1 takes all others
            self._conversation.ended.wait(5)

    def close(self) -> None:
        """Kill what still runs and close the pipes. The result stays readable."""
        self.kill()
        self._finalizer.detach()
        self._thread.join(5)
        for pipe in (self.stdin, self.stdout, self._conversation.popen.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def run(job: Mapping[str, Any], stdin: bytes | None) -> tuple[Finished, Mapping[str, Any]]:
    """Run a job to its end in the calling thread; also what the launcher said about the confinement."""
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    conversation = Conversation(job, stdin=source, stdout=subprocess.PIPE, stderr="collect")
    try:
        conversation.converse(stdin=stdin, read_stdout=True)
    finally:
        for pipe in (conversation.popen.stdin, conversation.popen.stdout, conversation.popen.stderr):
            if pipe is not None:
                pipe.close()
    return conversation.outcome(), conversation.facts


def interpreter() -> list[str]:
    """The tool's own Python, deaf to the environment and to site-packages."""
    if not sys.executable:
        raise QuantaError("the sandbox needs the path of the running Python, and sys.executable is empty")
    return [sys.executable, "-I", "-S", "-B", "-X", "utf8"]


def launcher_program() -> str:
    """The launcher's compiled copy if importing it left one that fits the source (saves 20 ms), else its source."""
    source = Path(launcher.__file__)
    cached = launcher.__spec__.cached if launcher.__spec__ else None
    try:
        status = source.stat()
        with open(cached or "", "rb") as file:  # noqa: PTH123 -- "" must fail, Path("") is the current folder
            flags, modified, size = struct.unpack("<3I", file.read(16)[4:])
    except (OSError, struct.error):
        return str(source)
    fits = flags == 0 and modified == int(status.st_mtime) & 0xFFFFFFFF and size == status.st_size & 0xFFFFFFFF
    return cached if cached and fits else str(source)
