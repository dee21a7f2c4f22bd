"""Every limit ends or stops the abuse, and says which one it was."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from sandbox_support import policy, processes_with, wait_until

from quantatissu.sandbox import Bind, Limits, Sandbox

MIB = 1 << 20


def test_wall_clock(sandbox: Sandbox, marker: str) -> None:
    began = time.monotonic()
    name, _, value = marker.partition("=")
    ended = sandbox.run(
        ["sh", "-c", "echo before; (sleep 100 &) ; sleep 100"],
        cwd=Path("/"),
        policy=policy(limits=Limits(wall_seconds=0.4), environment={"PATH": "/usr/bin:/bin", name: value}),
    )
    assert (ended.limit, ended.signal, ended.stdout) == ("wall", 9, b"before\n")
    assert 0.3 < ended.usage.wall_seconds < time.monotonic() - began < 10
    assert processes_with(marker) == []


def test_cpu_time_of_one_process(python) -> None:
    ended = python("while True: pass", limits=Limits(cpu_seconds=1, wall_seconds=30))
    assert ended.limit == "cpu"
    assert ended.signal in (9, 24)
    assert 0.8 < ended.usage.cpu_seconds < 3


def test_cpu_time_of_many_processes_together(python) -> None:
    code = """
import os, time
for _ in range(200):  # none of them uses much
    if os.fork() == 0:
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        os._exit(0)
    os.wait()
print("all done")
"""
    ended = python(code, limits=Limits(cpu_seconds=1, wall_seconds=40))
    assert (ended.limit, ended.stdout) == ("cpu", b"")


def test_memory_of_one_process_is_an_error_it_can_handle(python) -> None:
    code = """
try:
    bytearray(1 << 30)
except MemoryError:
    print("refused")
"""
    ended = python(code, limits=Limits(memory_bytes=256 * MIB, wall_seconds=20))
    assert (ended.stdout, ended.exit_code, ended.limit) == (b"refused\n", 0, None)


def test_a_program_that_dies_of_memory_is_named(python) -> None:
    code = "kept = []\nwhile True: kept.append(bytearray(1 << 20))"
    ended = python(code, limits=Limits(memory_bytes=200 * MIB, wall_seconds=20))
    assert (ended.limit, ended.ok) == ("memory", False)


@pytest.mark.parametrize(
    "hog",
    [
        pytest.param(
            "import os\nfor _ in range(6):\n  if os.fork() == 0: kept = b'x' * (60 << 20); time.sleep(60)",
            id="processes",
        ),
        pytest.param("open('/tmp/big', 'wb').write(b'x' * (190 << 20)); kept = b'x' * (60 << 20)", id="files-in-tmp"),
        pytest.param(
            "import mmap\nkept = mmap.mmap(-1, 400 << 20)\nfor _ in range(400): kept.write(b'x' * (1 << 20))",
            id="shared-mapping",
        ),
    ],
)
def test_memory_of_the_whole_tree(python, hog: str) -> None:
    ended = python(f"import time\n{hog}\ntime.sleep(60)", limits=Limits(memory_bytes=200 * MIB, wall_seconds=30))
    assert ended.limit == "memory", ended


def test_pages_shared_by_forks_count_once(python) -> None:
    code = """
import os, time
kept = b"x" * (80 << 20)
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        time.sleep(0.6); os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
print("fine")
"""
    ended = python(code, limits=Limits(memory_bytes=200 * MIB, wall_seconds=20))
    assert (ended.stdout, ended.limit) == (b"fine\n", None)
    assert ended.usage.max_rss_bytes > 80 * MIB


def test_files_that_belong_to_nobody_are_not_offered(python) -> None:
    code = """
import ctypes, os
try:
    os.memfd_create("hidden"); print("made")
except OSError as error:
    print(error.errno)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.shmget(0, ctypes.c_size_t(1 << 30), 0o1600), libc.shmget(0, ctypes.c_size_t(4096), 0o1600) >= 0)
"""
    assert python(code).stdout == b"38\n-1 True\n"


def test_process_count(python, marker: str) -> None:
    name, _, value = marker.partition("=")
    code = """
import os, time
for _ in range(60):
    if os.fork() == 0: time.sleep(60); os._exit(0)
time.sleep(60)
"""
    environment = {"PATH": "/usr/bin:/bin", name: value}
    ended = python(code, limits=Limits(processes=20, wall_seconds=30), environment=environment)
    assert (ended.limit, ended.signal) == ("processes", 9)
    assert processes_with(marker) == []


def test_a_fork_bomb_is_ended(python, marker: str) -> None:
    name, _, value = marker.partition("=")
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    limits = Limits(processes=50, wall_seconds=30)
    ended = python(bomb, limits=limits, environment={"PATH": "/usr/bin:/bin", name: value})
    assert ended.limit == "processes"
    assert ended.usage.wall_seconds < 10
    assert wait_until(lambda: processes_with(marker) == [], 1)


def test_a_fork_bomb_that_gives_up_is_stopped(sandbox: Sandbox, marker: str) -> None:
    # The shells end at the first fork that is refused, maybe before anybody counted them.
    name, _, value = marker.partition("=")
    given = policy(limits=Limits(processes=50, wall_seconds=1), environment={"PATH": "/usr/bin:/bin", name: value})
    ended = sandbox.run(["sh", "-c", "b() { b | b & }; b; sleep 60"], cwd=Path("/"), policy=given)
    assert ended.limit in ("processes", "wall") or ended.exit_code == 2
    assert ended.usage.wall_seconds < 10
    assert wait_until(lambda: processes_with(marker) == [], 1)


def test_a_limit_may_be_reached_before_the_command_is_known_to_run(sandbox: Sandbox) -> None:
    given = policy(limits=Limits(wall_seconds=0.0001))
    ended = sandbox.run(["sleep", "60"], cwd=Path("/"), policy=given)
    assert (ended.limit, ended.exit_code) == ("wall", None)
    with sandbox.start(["sleep", "60"], cwd=Path("/"), policy=given) as process:
        assert process.wait(10).limit == "wall"


def test_the_hosts_bound_on_processes_is_not_touched(python) -> None:
    host = Path("/proc/sys/kernel/pid_max").read_text()
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    inside = python("print(open('/proc/sys/kernel/pid_max').read(), end='')").stdout.decode()
    assert (inside != host) == (release >= (6, 14))
    assert Path("/proc/sys/kernel/pid_max").read_text() == host


def test_thread_bomb(python) -> None:
    code = """
import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError:
    print("no more")
"""
    ended = python(code, limits=Limits(processes=20, wall_seconds=30))
    assert ended.limit == "processes" or ended.stdout == b"no more\n"


def test_file_size(sandbox: Sandbox, python, tmp_path: Path) -> None:
    limits = Limits(file_bytes=MIB, wall_seconds=20)
    bind = Bind(tmp_path, tmp_path, writable=True)
    ended = sandbox.run(
        ["sh", "-c", "exec head -c 100000000 /dev/zero > big"],
        cwd=tmp_path,
        policy=policy(limits=limits, binds=(bind,)),
    )
    assert (ended.limit, ended.signal) == ("file", 25)
    assert (tmp_path / "big").stat().st_size == MIB
    handled = python("open('big2', 'wb').write(b'x' * (3 << 20))", cwd=tmp_path, limits=limits, binds=(bind,))
    assert b"File too large" in handled.stderr
    assert (tmp_path / "big2").stat().st_size <= MIB


def test_long_output_keeps_both_ends(python) -> None:
    code = "import sys\nprint('first'); print('x' * 5000); print('last')\nprint('y' * 500, file=sys.stderr)"
    ended = python(code, limits=Limits(output_bytes=100, wall_seconds=20))
    assert (ended.exit_code, ended.limit) == (0, None)
    for output, full in ((ended.stdout, 5012), (ended.stderr, 501)):
        assert b"\n[... %d bytes left out ...]\n" % (full - 100) in output
    assert ended.stdout.startswith(b"first\n")
    assert ended.stdout.endswith(b"x\nlast\n")


def test_a_flood_of_output_ends_the_command(sandbox: Sandbox) -> None:
    limits = Limits(output_bytes=2000, wall_seconds=30)
    ended = sandbox.run(["yes", "flood"], cwd=Path("/"), policy=policy(limits=limits))
    assert (ended.limit, ended.signal) == ("output", 9)
    assert ended.stdout.startswith(b"flood\n")
    assert len(ended.stdout) < 2100


def test_no_limits_at_all(sandbox: Sandbox) -> None:
    limits = Limits(memory_bytes=None, processes=None, file_bytes=None)
    assert sandbox.run(["true"], cwd=Path("/"), policy=policy(limits=limits)).ok
