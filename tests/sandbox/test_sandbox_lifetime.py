"""Nothing outlives the handle, the call, or the tool."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sandbox_support import PYTHON, policy, processes_with, wait_until

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Limits, Policy, Sandbox, open_sandbox

# Forks twice and changes session, so that no parent, group or session ties it to the command.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for signum in range(1, 32):
            try: __import__("signal").signal(signum, 1)
            except (OSError, ValueError): pass
        time.sleep(1000)
    os._exit(0)
os.wait()
print("ready", flush=True)
"""


def marked(marker: str, **changes: object) -> Policy:
    name, _, value = marker.partition("=")
    return policy(environment={"PATH": "/usr/bin:/bin", name: value}, **changes)


def test_a_conversation(sandbox: Sandbox) -> None:
    code = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(line.upper()); sys.stdout.buffer.flush()
print("complaint", file=sys.stderr); sys.exit(7)
"""
    with sandbox.start([PYTHON, "-I", "-c", code], cwd=Path("/"), policy=policy()) as process:
        assert process.poll() is None
        for word in (b"one\n", b"two\n"):
            process.stdin.write(word)
            assert process.stdout.read(100) == word.upper()
        assert isinstance(process.stdin.fileno(), int)
        with pytest.raises(TimeoutError):
            process.wait(0.05)
        process.stdin.close()
        ended = process.wait(10)
        assert (ended.exit_code, ended.stdout, ended.stderr) == (7, b"", b"complaint\n")
        assert process.poll() == ended
        assert process.stderr() == b"complaint\n"
    assert ended.usage.wall_seconds < 10


def test_stdout_of_a_process_is_not_limited_but_stderr_is(sandbox: Sandbox) -> None:
    limits = Limits(output_bytes=1000)
    code = "head -c 3000000 /dev/zero; head -c 3000 /dev/zero >&2"
    with sandbox.start(["sh", "-c", code], cwd=Path("/"), policy=policy(limits=limits)) as process:
        total = 0
        while data := process.stdout.read(1 << 16):
            total += len(data)
        assert (total, process.wait(10).exit_code) == (3000000, 0)
        assert b"2000 bytes left out" in process.stderr()


def test_stderr_may_join_stdout(sandbox: Sandbox) -> None:
    with sandbox.start(["sh", "-c", "echo e >&2"], cwd=Path("/"), policy=policy(), stderr="stdout") as process:
        assert process.stdout.read(10) == b"e\n"
    with sandbox.start(["sh", "-c", "echo e >&2"], cwd=Path("/"), policy=policy(), stderr="null") as process:
        assert process.wait(10).ok
        assert process.stderr() == b""


def test_start_explains_a_missing_program(sandbox: Sandbox) -> None:
    with pytest.raises(QuantaError, match="no such program"):
        sandbox.start(["no-such-program"], cwd=Path("/"), policy=policy())


def test_daemons_die_with_the_command(sandbox: Sandbox, marker: str) -> None:
    ended = sandbox.run([PYTHON, "-I", "-c", DAEMON], cwd=Path("/"), policy=marked(marker))
    assert (ended.exit_code, ended.stdout) == (0, b"ready\n")
    assert processes_with(marker) == []


@pytest.mark.parametrize("how", ["close", "kill", "forget"])
def test_daemons_die_with_the_handle(sandbox: Sandbox, marker: str, how: str) -> None:
    code = DAEMON + "\ntime.sleep(1000)"
    process = sandbox.start([PYTHON, "-I", "-c", code], cwd=Path("/"), policy=marked(marker))
    assert process.stdout.read(100) == b"ready\n"
    assert wait_until(lambda: len(processes_with(marker)) == 2, 5)
    if how == "forget":
        del process
        gc.collect()
        assert wait_until(lambda: processes_with(marker) == [], 2)
        return
    getattr(process, how)()
    assert processes_with(marker) == []
    ended = process.poll()
    assert ended is not None
    assert (ended.signal, ended.limit) == (9, None)
    process.close()
    process.close()


TOOL = """
import sys; sys.path[:0] = {path!r}
import os, time
from pathlib import Path
from quantatissu.sandbox import *
name, _, value = {marker!r}.partition("=")
policy = Policy(environment={{"PATH": "/usr/bin:/bin", name: value}})
sandbox = open_sandbox()
process = sandbox.start(["sh", "-c", "setsid sleep 1000 & echo ready; sleep 1000"], cwd=Path("/"), policy=policy)
process.stdout.read(10)
if {fork}:
    if os.fork() == 0:  # holds copies of all our descriptors
        time.sleep(5); os._exit(0)
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("fork", [False, True], ids=["alone", "with-a-fork-that-lives-on"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_tool(sandbox: Sandbox, marker: str, number: int, fork: bool) -> None:
    program = TOOL.format(path=sys.path, marker=marker, fork=fork)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env={"PATH": "/usr/bin"}) as tool:
        try:
            assert tool.stdout is not None
            assert tool.stdout.readline() == b"ready\n"
            assert wait_until(lambda: len(processes_with(marker)) == 3, 5)
            tool.send_signal(number)
            assert wait_until(lambda: processes_with(marker) == [], 1)
        finally:
            tool.kill()


def test_nothing_outlives_a_killed_launcher(sandbox: Sandbox, marker: str) -> None:
    command = ["sh", "-c", "setsid sleep 1000 & echo ready; sleep 1000"]
    with sandbox.start(command, cwd=Path("/"), policy=marked(marker)) as process:
        assert process.stdout.read(10) == b"ready\n"
        os.kill(process._conversation.popen.pid, signal.SIGKILL)
        assert wait_until(lambda: processes_with(marker) == [], 1)
        assert process.wait(2).signal == 9


def test_the_command_cannot_kill_its_keepers(python) -> None:
    code = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV):
    try: os.kill(1, number)
    except PermissionError: pass
child = os.fork()
if child == 0:
    time.sleep(60)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(0.05)
try: os.kill(-1, signal.SIGTERM)
except PermissionError: pass
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = python(code)
    assert (ended.exit_code, ended.stdout) == (0, b"-15\n"), ended


def test_orphans_are_reaped(python) -> None:
    code = """
import os, time
for _ in range(50):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
time.sleep(0.2)
print(len([pid for pid in os.listdir("/proc") if pid.isdigit()]))
"""
    assert python(code).stdout == b"2\n"


def test_a_fork_of_the_tool_does_not_end_its_commands(sandbox: Sandbox) -> None:
    with sandbox.start(["cat"], cwd=Path("/"), policy=policy()) as process:
        child = os.fork()
        if child == 0:
            process._conversation.end()  # what collecting the handle would do
            os._exit(0)
        os.waitpid(child, 0)
        process.stdin.write(b"still here")
        assert process.stdout.read(100) == b"still here"


def test_an_interrupted_run_leaves_nothing(sandbox: Sandbox, marker: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.6)
    try:
        with pytest.raises(KeyboardInterrupt):
            sandbox.run(["sleep", "1000"], cwd=Path("/"), policy=marked(marker))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert wait_until(lambda: processes_with(marker) == [], 1)


def test_descriptors_and_threads_do_not_pile_up(sandbox: Sandbox) -> None:
    def count() -> tuple[int, int]:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    sandbox.run(["true"], cwd=Path("/"), policy=policy())
    before = count()
    for _ in range(3):
        sandbox.run(["true"], cwd=Path("/"), policy=policy())
        with sandbox.start(["sleep", "100"], cwd=Path("/"), policy=policy()):
            pass
        with pytest.raises(QuantaError):
            sandbox.start(["no-such-program"], cwd=Path("/"), policy=policy())
    assert count() == before


def test_the_command_inherits_no_descriptors(python) -> None:
    with Path(os.devnull).open() as kept:
        os.set_inheritable(kept.fileno(), True)
        assert python("import os; print(sorted(os.listdir('/proc/self/fd')))").stdout == b"['0', '1', '2', '3']\n"


def test_unconfined_commands_die_with_the_handle_too(marker: str) -> None:
    sandbox = open_sandbox(unconfined=True)
    name, _, value = marker.partition("=")
    plain = Policy(environment={"PATH": "/usr/bin:/bin", name: value})
    with sandbox.start([PYTHON, "-I", "-c", DAEMON + "\ntime.sleep(1000)"], cwd=Path("/"), policy=plain) as process:
        assert process.stdout.read(100) == b"ready\n"
        assert wait_until(lambda: len(processes_with(marker)) == 2, 5)
    assert processes_with(marker) == []
