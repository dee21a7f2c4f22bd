"""What is said and done where the confinement, or a part of it, is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_support import PYTHON, policy

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Bind, Limits, Network, Sandbox, available, open_sandbox
from quantatissu.sandbox.process import BoundedOutput

BWRAP = shutil.which("bwrap")


def test_every_part_is_described() -> None:
    found = available()
    assert available() is found
    assert len(found.parts) == 6
    for part in found.parts:
        assert part.name
        assert part.detail
    if found.mechanism is not None:
        assert open_sandbox().mechanism == found.mechanism
        assert found.seccomp.present


PROGRAM = """
import sys; sys.path[:0] = {path!r}
from pathlib import Path
from quantatissu.foundation import QuantaError
from quantatissu.sandbox import *
found = available()
print(found.mechanism, found.user_namespaces.present, found.private_proc.detail, sep="|")
try:
    sandbox = open_sandbox()
except QuantaError as error:
    print(error)
else:
    given = Policy(environment={{"PATH": "/usr/bin:/bin"}})
    print(sandbox.run(["sh", "-c", "echo inside; ls -d /proc/self /proc/cpuinfo"], cwd=Path("/"), policy=given).stdout)
"""


def elsewhere(prepare: str) -> str:
    """Run the program in a shell that is root of its own user namespace, after some preparation."""
    program = PROGRAM.format(path=sys.path)
    shell = f"{prepare}\nexec {PYTHON} -B -c '{program.replace(chr(39), chr(34))}'"
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", shell], capture_output=True, text=True)
    if "unshare:" in done.stderr:
        pytest.skip("no user namespaces on this machine")
    assert done.stderr == ""
    return done.stdout


def test_it_nests(sandbox: Sandbox) -> None:
    assert "namespaces|True|fresh" in elsewhere(":")


def test_a_masked_proc_is_replaced_by_a_reduced_one(sandbox: Sandbox) -> None:
    # What container engines do; the kernel then refuses a fresh /proc that would show what they hid.
    answer = elsewhere("mount --bind /dev/null /proc/version")
    assert answer.startswith("namespaces|True|")
    assert "fresh" not in answer
    assert "inside" in answer
    assert "/proc/cpuinfo" in answer or "/proc/self" in answer


def test_without_user_namespaces_it_refuses_and_says_why(sandbox: Sandbox) -> None:
    hide = f"mount --bind /dev/null {BWRAP};" if BWRAP else ""
    answer = elsewhere(f"{hide} echo 0 > /proc/sys/user/max_user_namespaces")
    assert answer.startswith("None|False|none")
    assert "code cannot be confined on this machine: user namespace: No space left" in answer
    assert "max_user_namespaces" in answer
    assert "inside" not in answer


# -- bubblewrap

needs_bubblewrap = pytest.mark.skipif(BWRAP is None, reason="bubblewrap is not installed")


@pytest.fixture
def wrapped() -> Sandbox:
    sandbox = Sandbox("bubblewrap", Path(BWRAP or ""))
    done = subprocess.run([str(BWRAP), "--unshare-user", "--ro-bind", "/", "/", "true"], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"bubblewrap does not work here: {done.stderr.decode().strip()}")
    return sandbox


@needs_bubblewrap
def test_bubblewrap_gives_the_same_tree_and_lockdown(wrapped: Sandbox, tmp_path: Path) -> None:
    for name in ("branch", "git", "hidden", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    code = """
import os, re, sys
status = open("/proc/self/status").read()
print(set(re.findall(r"Cap\\w+:\\s+(\\w+)", status)), re.findall(r"(?:NoNewPrivs|Seccomp):\\s+(\\d)", status))
print(*(open(path).read() for path in ("/project/file", "/project/.git/file", "/base/new/file")))
print(os.path.exists(sys.argv[1]))
for path in ("/project/.git/file", "/base/file", "/usr/x", "/etc/x", "/x", "/proc/sys/kernel/core_pattern"):
    try:
        open(path, "a"); print("wrote", path)
    except OSError:
        pass
open("/tmp/x", "w"); open("/project/made", "w")
print(os.path.exists("/etc/shadow"), sorted(os.environ))
"""
    given = policy(
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        binds=(
            Bind(tmp_path / "branch", Path("/project"), writable=True),
            Bind(tmp_path / "git", Path("/project/.git")),
            Bind(tmp_path / "base", Path("/base")),
            Bind(tmp_path / "hidden", Path("/base/new")),
        ),
    )
    ended = wrapped.run([PYTHON, "-I", "-c", code, str(tmp_path / "hidden")], cwd=Path("/project"), policy=given)
    assert ended.stderr == b""
    assert ended.stdout.decode().splitlines() == [
        "{'0000000000000000'} ['1', '2']",
        "branch git hidden",
        "False",
        "False ['LC_ALL', 'PATH']",
    ]
    assert (tmp_path / "branch" / "made").exists()
    assert [path.name for path in (tmp_path / "base").iterdir()] == ["file"]


@needs_bubblewrap
def test_bubblewrap_limits_lifetime_and_errors(wrapped: Sandbox) -> None:
    def run(*argv: str, **limits: float) -> str | None:
        return wrapped.run(argv, cwd=Path("/"), policy=policy(limits=Limits(**limits))).limit

    assert run("sleep", "60", wall_seconds=0.5) == "wall"
    assert run(PYTHON, "-c", "while True: pass", cpu_seconds=1, wall_seconds=20) == "cpu"
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    assert run(PYTHON, "-c", bomb, processes=30, wall_seconds=20) == "processes"
    with pytest.raises(QuantaError, match="no such program"):
        wrapped.run(["no-such-program"], cwd=Path("/"), policy=policy())
    with wrapped.start(["cat"], cwd=Path("/"), policy=policy(network=Network.NONE)) as process:
        process.stdin.write(b"hello")
        assert process.stdout.read(10) == b"hello"
    ended = process.poll()
    assert ended is not None
    assert ended.signal == 9
    assert wrapped.run(["sh", "-c", "exit 5"], cwd=Path("/"), policy=policy()).exit_code == 5


@needs_bubblewrap
def test_a_bubblewrap_that_fails_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(QuantaError, match="could not be built"):
        Sandbox("bubblewrap", Path("/bin/false")).run(["true"], cwd=Path("/"), policy=policy())
    with pytest.raises(QuantaError, match=r"could not be built.*No such file"):
        Sandbox("bubblewrap", Path("/no/bwrap")).run(["true"], cwd=Path("/"), policy=policy())


def test_bounded_output_keeps_both_ends() -> None:
    for limit in (2, 3, 10, 11):
        for length in range(40):
            data = bytes(range(length))
            for piece in (1, 3, 40):
                output = BoundedOutput(limit)
                for start in range(0, length, piece):
                    output.write(data[start : start + piece])
                value = output.value()
                if length <= limit:
                    assert value == data
                else:
                    head, marker, tail = value.partition(b"\n[... %d bytes left out ...]\n" % (length - limit))
                    assert (head, tail) == (data[: limit // 2], data[length - (limit - limit // 2) :])
                    assert marker
