"""What a confined command can see, reach and change."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sandbox_support import BASE_ENVIRONMENT, policy

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Bind, Limits, Network, Policy, Sandbox, open_sandbox

# -- the basics


def test_exit_codes_outputs_and_signals(sandbox: Sandbox) -> None:
    ended = sandbox.run(["sh", "-c", "echo out; echo err >&2; exit 3"], cwd=Path("/"), policy=policy())
    assert (ended.exit_code, ended.signal, ended.limit) == (3, None, None)
    assert (ended.stdout, ended.stderr) == (b"out\n", b"err\n")
    assert not ended.ok
    killed = sandbox.run(["sh", "-c", "kill -USR1 $$"], cwd=Path("/"), policy=policy())
    assert (killed.exit_code, killed.signal) == (None, 10)


def test_the_environment_is_exactly_the_policys(sandbox: Sandbox, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    wanted = {"PATH": "/usr/bin", "GREETING": "hä\udcff", "EMPTY": ""}
    ended = sandbox.run(["env", "-0"], cwd=Path("/"), policy=policy(environment=wanted))
    assert ended.stdout == b"".join(os.fsencode(f"{name}={value}\0") for name, value in wanted.items())


def test_a_missing_program_and_a_missing_folder_are_explained(sandbox: Sandbox) -> None:
    with pytest.raises(QuantaError, match=r"no-such-program.*no such program") as missing:
        sandbox.run(["no-such-program"], cwd=Path("/"), policy=policy())
    assert "PATH was" in (missing.value.hint or "")
    with pytest.raises(QuantaError, match="cannot enter /no/such/folder"):
        sandbox.run(["true"], cwd=Path("/no/such/folder"), policy=policy())
    with pytest.raises(QuantaError, match="Permission denied"):
        sandbox.run(["/etc/passwd"], cwd=Path("/"), policy=policy())
    with pytest.raises(QuantaError, match="no command"):
        sandbox.run([], cwd=Path("/"), policy=policy())
    with pytest.raises(QuantaError, match="does not exist"):
        sandbox.run(["true"], cwd=Path("/"), policy=policy(binds=(Bind(Path("/nowhere"), Path("/x")),)))
    with pytest.raises(QuantaError, match="whole file system"):
        sandbox.run(["true"], cwd=Path("/"), policy=policy(readable=(Path("/"),)))
    with pytest.raises(QuantaError, match="must be absolute"):
        sandbox.run(["true"], cwd=Path("/"), policy=policy(readable=(Path("here"),)))


def test_large_stdin_and_stdout_arrive_whole(python) -> None:
    data = os.urandom(1 << 20) * 24
    ended = python(
        "import hashlib, sys; data = sys.stdin.buffer.read(); print(hashlib.sha256(data).hexdigest())", stdin=data
    )
    assert ended.stdout.decode().strip() == hashlib.sha256(data).hexdigest()
    # A command that does not read its input is no error.
    assert python("pass", stdin=data).ok
    assert python("import sys; print(len(sys.stdin.read()))").stdout == b"0\n"


# -- files


def test_secrets_are_not_there(python, tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_rsa").write_text("secret")
    (home / "notes.txt").write_text("secret")
    monkeypatch.setenv("HOME", str(home))
    code = """
import os, sys
print(os.listdir(sys.argv[1]))
for path in (sys.argv[1] + "/.ssh/id_rsa", "/etc/shadow", "/etc/gshadow", "/etc/ssh", "/root/.bashrc", "/boot", "/sys"):
    try:
        os.stat(path)
        print("there:", path)
    except OSError:
        pass
open(sys.argv[1] + "/cache", "w").write("the private home can be written to")
"""
    ended = python(code, str(home))
    assert (ended.stdout, ended.stderr) == (b"[]\n", b"")
    assert sorted(path.name for path in home.iterdir()) == [".ssh", "notes.txt"]
    shown = python("import sys; print(open(sys.argv[1]).read())", str(home / "notes.txt"), home_readable=True)
    assert shown.stdout == b"secret\n"
    refused = python("import sys; open(sys.argv[1], 'w')", str(home / "notes.txt"), home_readable=True)
    assert b"Read-only file system" in refused.stderr or b"Permission denied" in refused.stderr


def test_writes_only_beneath_writable_binds(python, tmp_path: Path) -> None:
    for name in ("branch", "readable", "bound"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("before")
    places = ["/usr/x", "/etc/x", "/x", "/home/x", "/dev/x", "/proc/sys/kernel/core_pattern", "/opt/x", "/var/x"]
    places += [str(tmp_path / "readable" / "x"), str(tmp_path / "readable" / "file"), str(tmp_path / "bound" / "file")]
    code = """
import os, sys
for path in sys.argv[1:]:
    try:
        open(path, "r+" if os.path.exists(path) else "w").write("mischief")
        print("wrote", path)
    except OSError:
        pass
for change in (os.chmod, os.utime, os.truncate, os.unlink):
    try:
        change(sys.argv[-1], *{"chmod": (0o777,), "utime": (), "truncate": (0,)}.get(change.__name__, ()))
        print("did", change.__name__)
    except OSError:
        pass
for path in ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/"):
    open(path + sys.argv[1], "w").write("after")
for path in ("/given/new", "/given/file"):
    open(path, "w").write("after")
"""
    name = f"quanta-test-{os.getpid()}"
    ended = python(
        code,
        name,
        *places,
        readable=(tmp_path / "readable",),
        binds=(
            Bind(tmp_path / "branch", Path("/given"), writable=True),
            Bind(tmp_path / "bound", tmp_path / "bound"),
        ),
    )
    assert (ended.stdout, ended.stderr) == (b"", b"")
    assert (tmp_path / "branch" / "file").read_text() == (tmp_path / "branch" / "new").read_text() == "after"
    assert {(tmp_path / name / "file").read_text() for name in ("readable", "bound")} == {"before"}
    assert not any(Path(folder, name).exists() for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run"))


def test_a_branch_appears_at_the_projects_path(python, tmp_path: Path) -> None:
    project, branch = tmp_path / "project", tmp_path / "state" / "branch"
    for root, word in ((project, "original"), (branch, "patched")):
        (root / "src").mkdir(parents=True)
        (root / "src" / "module.py").write_text(f"WORD = {word!r}\n")
    packages = tmp_path / "venv"
    packages.mkdir()
    (packages / "editable.pth").write_text(f"{project}/src\n")
    code = "import site, sys; site.addsitedir(sys.argv[1]); import module; print(module.WORD, module.__file__)"
    ended = python(
        code,
        str(packages),
        cwd=project,
        readable=(packages, project),
        binds=(Bind(branch, project, writable=True),),
    )
    assert ended.stdout.decode() == f"patched {project}/src/module.py\n"


def test_a_read_only_folder_inside_a_writable_branch(python, tmp_path: Path) -> None:
    project, branch = tmp_path / "project", tmp_path / "branch"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "config").write_text("[core]\n")
    branch.mkdir()
    code = """
import os, shutil
print(open(".git/config").read().strip())
for act in (
    lambda: open(".git/config", "a"), lambda: open(".git/new", "w"), lambda: os.rename(".git", "away"),
    lambda: shutil.rmtree(".git"), lambda: os.rmdir(".git"), lambda: os.link(".git/config", "linked"),
):
    try:
        act()
        print("did it")
    except OSError:
        pass
os.symlink(".git/config", "pointer")
try:
    open("pointer", "a")
    print("through a link")
except OSError:
    pass
open("made", "w")
"""
    binds = (Bind(project / ".git", project / ".git"), Bind(branch, project, writable=True))
    ended = python(code, cwd=project, binds=binds)
    assert (ended.stdout, ended.stderr) == (b"[core]\n", b"")
    assert (project / ".git" / "config").read_text() == "[core]\n"
    assert (branch / "made").exists()
    assert not (project / "made").exists()


def test_missing_mount_points_inside_read_only_binds(python, tmp_path: Path) -> None:
    base, extra = tmp_path / "base", tmp_path / "extra"
    (base / "inner").mkdir(parents=True)
    (base / "inner" / "file").write_text("kept")
    (base / "link").symlink_to("inner/file")
    (base / "dangling").symlink_to("/nowhere")
    extra.mkdir()
    (extra / "data").write_text("extra")
    before = sorted(str(path) for path in base.rglob("*"))
    code = """
import os, sys
print(sorted(os.listdir("/base")), open("/base/link").read())
print(open("/base/new/deep/data").read(), open("/base/one").read())
print(os.readlink("/base/dangling"), open("/base/inner/sub/data").read(), sorted(os.listdir("/base/inner")))
for path in ("/base/x", "/base/new/x", "/base/inner/file", "/base/new/deep/data"):
    try:
        open(path, "w")
        print("wrote", path)
    except OSError:
        pass
open("/base/rw/made", "w")
"""
    writable = tmp_path / "writable"
    writable.mkdir()
    ended = python(
        code,
        binds=(
            Bind(base, Path("/base")),
            Bind(extra, Path("/base/new/deep")),
            Bind(extra / "data", Path("/base/one")),
            Bind(extra, Path("/base/inner/sub")),
            Bind(writable, Path("/base/rw"), writable=True),
        ),
    )
    assert ended.stderr == b""
    assert ended.stdout.decode().splitlines() == [
        "['dangling', 'inner', 'link', 'new', 'one', 'rw'] kept",
        "extra extra",
        "/nowhere extra ['file', 'sub']",
    ]
    assert sorted(str(path) for path in base.rglob("*")) == before
    assert (writable / "made").exists()


def test_symlinks_in_a_branch_lead_nowhere(python, tmp_path: Path) -> None:
    secret, branch = tmp_path / "secret", tmp_path / "branch"
    secret.mkdir()
    (secret / "key").write_text("secret")
    branch.mkdir()
    (branch / "out").symlink_to(secret)
    (branch / "root").symlink_to("/")
    (branch / "up").symlink_to("../../../../../../../..")
    code = """
import os
for path in ("out/key", "root/etc/shadow", "up/etc/shadow", f"root{os.sys.argv[1]}/key", f"up{os.sys.argv[1]}/key"):
    print(os.path.exists(path))
for path in ("out/new", "root/new", "up/new"):
    try:
        open(path, "w")
        print("wrote")
    except OSError:
        print(False)
"""
    bind = Bind(branch, Path("/project"), writable=True)
    ended = python(code, str(secret), cwd=Path("/project"), binds=(bind,))
    assert ended.stdout.split() == [b"False"] * 8
    assert [path.name for path in secret.iterdir()] == ["key"]
    # A mount point that untrusted content turned into a link is refused, not followed.
    with pytest.raises(QuantaError, match="symbolic link"):
        python("pass", binds=(bind, Bind(secret, Path("/project/out"))))


def test_paths_that_are_symlinks_on_the_host_work_in_both_spellings(python, tmp_path: Path) -> None:
    (tmp_path / "real" / "data").mkdir(parents=True)
    (tmp_path / "real" / "data" / "file").write_text("content")
    (tmp_path / "alias").symlink_to("real")
    code = "import sys; print([open(path).read() for path in sys.argv[1:]])"
    paths = [str(tmp_path / name / "data" / "file") for name in ("real", "alias")]
    assert python(code, *paths, readable=(tmp_path / "alias" / "data",)).stdout == b"['content', 'content']\n"
    branch = tmp_path / "branch"
    branch.mkdir()
    (branch / "file").write_text("patched")
    ended = python(code, *paths, binds=(Bind(branch, tmp_path / "alias" / "data"),))
    assert ended.stdout == b"['patched', 'patched']\n"


def test_paths_that_are_not_utf_8(python, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe odd \\040 \n name"))
    odd.mkdir()
    (odd / os.fsdecode(b"f\x80")).write_text("content")
    code = "import os; print(os.fsencode(os.getcwd()) , os.listdir(b'.')); open('new', 'w')"
    ended = python(code, cwd=odd, binds=(Bind(odd, odd, writable=True),))
    assert ended.stdout.decode().strip() == f"{os.fsencode(odd)!r} [{b'f' + bytes([128])!r}]"
    assert (odd / "new").exists()
    refused = python("open('new2', 'w')", cwd=odd, readable=(odd,))
    assert b"Read-only" in refused.stderr or b"Permission denied" in refused.stderr


def test_devices_and_proc(python) -> None:
    code = """
import os, pty, multiprocessing
open("/dev/null", "w").write("x"); assert open("/dev/zero", "rb").read(2) == b"\\0\\0"; assert os.urandom(4)
open("/dev/stdout", "w").write("through /dev/stdout\\n")
master, slave = pty.openpty(); assert os.isatty(slave)
lock = multiprocessing.Lock()  # needs /dev/shm
print(len([pid for pid in os.listdir("/proc") if pid.isdigit()]), os.getpid() < 10)
print([name for name in ("mem", "kmem", "kmsg", "sda", "vda", "kvm", "fuse") if os.path.exists("/dev/" + name)])
"""
    ended = python(code)
    assert ended.stderr == b""
    assert ended.stdout.decode().splitlines() == ["through /dev/stdout", "2 True", "[]"]


# -- network


def test_no_network(python) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0quanta-test-{os.getpid()}")
        abstract.listen()
        code = """
import socket, sys
for family, address in (
    (socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))), (socket.AF_INET, ("1.1.1.1", 53)),
    (socket.AF_UNIX, chr(0) + "quanta-test-" + sys.argv[2]),
):
    try:
        socket.socket(family).connect(address)
        print("connected to", address)
    except OSError:
        pass
with socket.socket() as free: free.bind(("", 0)); print(free.getsockname()[1] > 0)
"""
        ended = python(code, str(server.getsockname()[1]), str(os.getpid()))
        assert ended.stdout == b"True\n", ended


def test_loopback_is_private(python) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = """
import socket, sys, threading
with socket.create_server(("127.0.0.1", 0)) as mine:
    client = socket.create_connection(mine.getsockname(), timeout=5)
    peer, _ = mine.accept(); client.sendall(b"hello"); print(peer.recv(5))
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2); print("reached the host")
except ConnectionRefusedError:
    print("refused")
"""
        ended = python(code, str(server.getsockname()[1]), network=Network.LOOPBACK)
        assert ended.stdout.split(b"\n")[:2] == [b"b'hello'", b"refused"], ended


def test_host_network_reaches_the_host_but_not_its_abstract_sockets(python) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0quanta-test-{os.getpid()}")
        abstract.listen()
        code = """
import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5); print("reached")
try:
    socket.socket(socket.AF_UNIX).connect(chr(0) + "quanta-test-" + sys.argv[2]); print("abstract too")
except OSError:
    pass
"""
        ended = python(code, str(server.getsockname()[1]), str(os.getpid()), network=Network.HOST)
        assert ended.stdout.startswith(b"reached\n"), ended
        landlock = open_sandbox().probe()["landlock"]
        assert (b"abstract" in ended.stdout) == (landlock < 6)


# -- privileges


def test_no_privileges_inside(python) -> None:
    code = """
import ctypes, os, re, subprocess
status = open("/proc/self/status").read()
assert all(int(value, 16) == 0 for value in re.findall(r"Cap\\w+:\\s+(\\w+)", status)), status
assert re.search(r"NoNewPrivs:\\s+1", status) and re.search(r"Seccomp:\\s+2", status), status
libc = ctypes.CDLL(None, use_errno=True)
def refused(result):
    assert result == -1, "allowed"
    return ctypes.get_errno()
print(refused(libc.unshare(0x10000000)), refused(libc.mount(b"t", b"/tmp", b"tmpfs", 0, None)))
print(refused(libc.umount2(b"/usr", 2)))
print(refused(libc.ptrace(16, 1, 0, 0)), refused(libc.setns(0, 0)), refused(libc.chroot(b"/tmp")))
import fcntl, pty
for request in (0x5412, 0x541C):
    try:
        fcntl.ioctl(0, request, b"x"); print("typed")
    except OSError as error:
        print(error.errno)
import socket
for family, kind in ((38, socket.SOCK_SEQPACKET), (40, socket.SOCK_STREAM), (17, socket.SOCK_RAW)):
    try:
        socket.socket(family, kind); print("open", family)
    except OSError as error:
        print(error.errno)
"""
    ended = python(code)
    assert ended.stderr == b""
    assert ended.stdout.decode().split() == ["1"] * 8 + ["97"] * 3


def test_setuid_programs_gain_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    compiled = tmp_path / "id"
    shutil.copy(shutil.which("id") or "/usr/bin/id", compiled)
    compiled.chmod(0o6755)
    bind = Bind(tmp_path, tmp_path, writable=True)
    ended = sandbox.run([str(compiled), "-u"], cwd=tmp_path, policy=policy(binds=(bind,)))
    assert ended.stdout.decode().strip() == str(os.geteuid())
    for name in ("su", "mount", "ping"):
        path = shutil.which(name)
        if path and Path(path).stat().st_mode & stat.S_ISUID:
            tried = sandbox.run(["sh", "-c", f"{path} -c id </dev/null"], cwd=Path("/"), policy=policy())
            assert b"uid=0" not in tried.stdout or os.geteuid() == 0


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the instruction is x86's")
def test_calls_of_another_architecture_end_the_process(python) -> None:
    code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid for 32 bits); int 0x80; ret
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    ended = python(code)
    assert ended.signal in (31, 11), ended  # SIGSYS by the filter; SIGSEGV on a kernel without 32-bit calls
    assert ended.stdout == b""


def test_threads_processes_and_subprocesses_still_work(python) -> None:
    code = """
import concurrent.futures, multiprocessing, os, subprocess, sys, tempfile, threading
with concurrent.futures.ThreadPoolExecutor(4) as pool: assert list(pool.map(abs, [-1, -2])) == [1, 2]
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
assert subprocess.run(["sh", "-c", "echo $((1+1)) | cat"], capture_output=True, check=True).stdout == b"2\\n"
with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
    open(a + "/x", "w").write("x"); os.rename(a + "/x", b + "/y"); os.link(b + "/y", a + "/z"); os.mkfifo(a + "/fifo")
    import socket; socket.socket(socket.AF_UNIX).bind(a + "/socket")
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=4096); block.close(); block.unlink()
import pwd, ssl, time; time.strftime("%Z"); ssl.create_default_context()
print(pwd.getpwuid(os.getuid()).pw_uid == os.getuid())
os.killpg(0, 0); print("fine")
"""
    ended = python(code)
    assert ended.stderr == b""
    assert ended.stdout == b"True\nfine\n"


# -- without confinement only when asked


def test_unconfined_must_be_asked_for_and_is_marked(tmp_path: Path) -> None:
    assert open_sandbox().mechanism != "unconfined"
    open_one = open_sandbox(unconfined=True)
    assert open_one.mechanism == "unconfined"
    limits = Limits(wall_seconds=10)
    ended = open_one.run(
        ["sh", "-c", "pwd; env"], cwd=tmp_path, policy=Policy(environment=BASE_ENVIRONMENT, limits=limits)
    )
    assert ended.stdout.decode().splitlines()[0] == str(tmp_path)
    assert b"HOME=" not in ended.stdout
    with pytest.raises(QuantaError, match="without a sandbox"):
        open_one.run(["true"], cwd=tmp_path, policy=Policy(binds=(Bind(tmp_path, Path("/elsewhere"), writable=True),)))


def test_a_tool_with_an_odd_locale_names_the_same_paths(tmp_path: Path) -> None:
    folder = tmp_path / "hä"
    folder.mkdir()
    program = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
from quantatissu.sandbox import *
folder = next(Path({str(tmp_path)!r}).glob("h*"))
policy = Policy(readable=(folder,), environment={{"PATH": "/usr/bin:/bin"}})
ended = open_sandbox().run(["pwd"], cwd=folder, policy=policy)
sys.stdout.buffer.write(ended.stdout)
"""
    ended = subprocess.run([sys.executable, "-c", program], env={"LC_ALL": "C", "PYTHONUTF8": "0"}, capture_output=True)
    assert ended.stdout.decode() == f"{folder}\n", ended.stderr.decode()


def test_mounts_of_the_host_under_the_new_root_are_left_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    # Some machines have mounts below /tmp, where the new root covers them: they cannot be reached, nor must they be.
    code = (
        "from pathlib import Path; from quantatissu.sandbox import open_sandbox, Policy\n"
        "done = open_sandbox().run(['/bin/sh', '-c', 'echo 42'], cwd=Path('/'), policy=Policy())\n"
        "print(done.stdout.decode(), done.stderr.decode())"
    )
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    inner = 'mount -t tmpfs none "$1" && exec "$2" -c "$3"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inner, "sh"]
    try:
        done = subprocess.run([*command, folder, sys.executable, code], capture_output=True, text=True)
    finally:
        folder.rmdir()
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"no mounts can be made here: {done.stderr.strip()}")
    assert done.stdout.strip() == "42", done.stderr
