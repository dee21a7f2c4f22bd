"""The program between the tool and the confined command. Standard library only, one file, run as ``python -I -S``.

Three processes. The *monitor* (this program) stays outside: it samples the tree, enforces the limits, and ends it all
when the tool closes its end of the control socket or dies. The *init* is process 1 inside: it builds the file tree,
gives up every capability, reaps orphans, and when it ends the kernel ends all that is left. The *command* is its child,
locked down by resource limits, Landlock and a system call filter before it is executed.

The control socket (its number is the only argument) carries one line of JSON in, the job, and lines of JSON out:
``started``, ``failed`` and ``finished``. After the job, any byte received means "end it".
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import resource
import select
import signal
import socket
import stat
import struct
import sys
import time
from typing import Any, NoReturn

Job = dict[str, Any]

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 4, 22, 24, 36
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446
SECCOMP_FILTER_SPEC_ALLOW = 4
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "ptmx": "pts/ptmx"}
DEVICE_LINKS["stderr"] = "/proc/self/fd/2"
# What stands in for /proc where the kernel refuses a fresh one: files that name no process.
HARMLESS_PROC = ("cpuinfo", "meminfo", "stat", "uptime", "loadavg", "version", "filesystems", "vmstat")
SAMPLE_SECONDS, SAMPLE_SECONDS_NEAR_A_LIMIT = 0.05, 0.01
WATCHING_NICENESS = -10

libc = ctypes.CDLL(None, use_errno=True)
machine = os.uname().machine


class StepError(Exception):
    """A step of building the sandbox failed: which one, why, and the error number when the kernel gave one."""

    def __init__(self, stage: str, detail: str, number: int = 0) -> None:
        super().__init__(stage, detail, number)
        self.report = {"event": "failed", "stage": stage, "detail": detail, "errno": number}


def call(stage: str, result: int, detail: str = "") -> int:
    """Raise `StepError` when a libc call answered -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise StepError(stage, f"{detail}: {os.strerror(number)}" if detail else os.strerror(number), number)
    return result


def prctl(option: int, *arguments: int) -> int:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return int(libc.prctl(option, *padded))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    result = libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    call("mount", result, f"{kind or source or ''} on {target}")


# -- messages --------------------------------------------------------------------------------------------------------


def send(channel: socket.socket, message: dict[str, Any], descriptor: int | None = None) -> None:
    line = json.dumps(message).encode() + b"\n"
    if descriptor is None:
        channel.sendall(line)
    else:
        socket.send_fds(channel, [line], [descriptor])


def receive_line(channel: socket.socket) -> bytes:
    parts = []
    while True:
        part = channel.recv(1 << 16)
        parts.append(part)
        if not part or part.endswith(b"\n"):
            return b"".join(parts)


# -- the confined file tree ------------------------------------------------------------------------------------------


def build_tree(job: Job) -> str:
    """Make the new root and enter it. Returns how /proc came about: ``fresh`` or ``reduced``."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)  # nothing mounted from here on shows on the host
    root = staging_place([step["source"] for step in job["steps"] if step["kind"] == "bind"])
    memory = job["limits"]["memory_bytes"]
    options = "mode=0755,nr_inodes=262144" + (f",size={memory}" if memory else "")
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, options)
    classes = {"/": "ro"}
    for step in job["steps"]:
        make(root, step, options, classes)
    make_devices(root, classes)
    proc = make_proc(root, classes)
    bound_process_ids(root, job["limits"]["processes"])
    restrict_mounts(root, classes)
    os.chdir(root)
    call("pivot_root", libc.syscall(SYS_PIVOT_ROOT[machine], b".", b"."))  # the old root now lies on top of the new one
    call("leave the old root", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")
    return proc


def staging_place(sources: list[str]) -> str:
    """A folder to build in that hides none of the sources."""
    for place in ("/tmp", "/var/tmp", "/mnt", "/media", "/srv", "/run", "/sys", "/boot"):
        hides = any(source == place or source.startswith(place + "/") for source in sources)
        if not hides and os.path.isdir(place) and os.path.realpath(place) == place:
            return place
    raise StepError("file tree", "no folder to build it in: all of /tmp, /var/tmp, /mnt, /srv and /run are in use")


def make(root: str, step: dict[str, Any], options: str, classes: dict[str, str]) -> None:
    kind, path = step["kind"], step["path"]
    if kind == "symlink":
        with Place(root, os.path.dirname(path)) as parent:
            os.symlink(step["source"], os.path.basename(path), dir_fd=parent.descriptor)
    elif kind == "copy":
        with open(step["source"], "rb") as file, Place(root, os.path.dirname(path)) as parent:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            target = os.open(os.path.basename(path), flags, 0o644, dir_fd=parent.descriptor)
            with os.fdopen(target, "wb") as copy:
                copy.write(file.read())
    else:
        with Place(root, path, is_file=step["is_file"]) as place:
            if kind == "bind":
                mount(step["source"], place.name, None, MS_BIND | MS_REC)
                classes[path] = "rw" if step["writable"] else "ro"
            elif kind == "scratch":
                mount(place.name, place.name, None, MS_BIND)
                os.chmod(root + path, step["mode"])
                classes[path] = "rw"
            elif kind == "cover":
                mount("tmpfs", place.name, "tmpfs", MS_NOSUID | MS_NODEV, options)
                classes[path] = "ro"


class Place:
    """A path below the new root, made where missing and reached without following any symbolic link."""

    def __init__(self, root: str, path: str, *, is_file: bool = False) -> None:
        self.descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        names = [name for name in path.split("/") if name]
        for position, name in enumerate(names):
            last = position == len(names) - 1
            inner = self._enter(name, is_file=is_file and last)
            os.close(self.descriptor)
            self.descriptor = inner
            mode = os.fstat(inner).st_mode
            if stat.S_ISLNK(mode) or (not last and not stat.S_ISDIR(mode)) or (last and is_file == stat.S_ISDIR(mode)):
                raise StepError("file tree", f"cannot mount at {path}: {name} is not a {'file' if last else 'folder'}")

    def _enter(self, name: str, *, is_file: bool) -> int:
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(name, flags, dir_fd=self.descriptor)
        except FileNotFoundError:
            if is_file:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=self.descriptor))
            else:
                os.mkdir(name, 0o755, dir_fd=self.descriptor)
            return os.open(name, flags, dir_fd=self.descriptor)

    @property
    def name(self) -> str:
        return f"/proc/self/fd/{self.descriptor}"

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def make_devices(root: str, classes: dict[str, str]) -> None:
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            with Place(root, f"/dev/{name}", is_file=True) as place:
                mount(f"/dev/{name}", place.name, None, MS_BIND)
            classes[f"/dev/{name}"] = "device"
    for name, content in DEVICE_LINKS.items():
        os.symlink(content, f"{root}/dev/{name}")
    os.mkdir(f"{root}/dev/pts")
    try:
        mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
        classes["/dev/pts"] = "device"
    except StepError:
        pass  # no pseudo-terminals then


def make_proc(root: str, classes: dict[str, str]) -> str:
    # Read-only: for uid 0 the files in /proc/sys answer to the owner's permission bits, whatever its capabilities.
    for options in (None, "subset=pid"):
        try:
            mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
        except StepError:
            continue
        classes["/proc"] = "ro"
        return "fresh" if options is None else "processes only"
    for name in HARMLESS_PROC:
        if os.path.exists(f"/proc/{name}"):
            with open(f"/proc/{name}", "rb") as file, open(f"{root}/proc/{name}", "wb") as copy:
                copy.write(file.read())
    return "reduced"


def bound_process_ids(root: str, processes: int | None) -> None:
    """A hard bound on processes and threads that also binds uid 0, whom RLIMIT_NPROC does not.

    Before Linux 6.14 the setting is the whole machine's, and must be left alone.
    """
    if processes and kernel_release() >= (6, 14):
        try:
            with open(f"{root}/proc/sys/kernel/pid_max", "w") as file:
                file.write(str(max(most_tasks(processes), 400)))
        except OSError:
            pass  # the monitor counts as well


def escaped(path: str) -> bytes:
    """A path as mountinfo writes it."""
    return re.sub(rb"[ \t\n\\]", lambda match: b"\\%03o" % match[0][0], os.fsencode(path))


def restrict_mounts(root: str, classes: dict[str, str]) -> None:
    """Give every mount below the new root its flags, keeping the ones the host locked.

    What the new root covers (mounts of the host below the same path) is no part of it, and cannot be reached.
    """
    wanted = {"ro": MS_RDONLY | MS_NOSUID | MS_NODEV, "rw": MS_NOSUID | MS_NODEV, "device": MS_NOSUID | MS_NOEXEC}
    names = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}
    with open("/proc/self/mountinfo", "rb") as file:
        mounts = [line.split(b" ") for line in file.read().splitlines()]
    covering = {fields[4]: fields[0] for fields in mounts}  # the last mount on a path is the one that is seen
    ours = {covering[escaped(root)]}
    for fields in mounts:
        if fields[0] not in ours and fields[1] not in ours:
            continue
        ours.add(fields[0])
        path = re.sub(rb"\\(\d{3})", lambda match: bytes([int(match[1], 8)]), fields[4])
        target = os.fsdecode(path)
        inside = target[len(root) :] or "/"
        while inside not in classes:
            inside = os.path.dirname(inside)
        kept = sum(names.get(option, 0) for option in fields[5].decode().split(","))
        mount(None, target, None, MS_REMOUNT | MS_BIND | kept | wanted[classes[inside]])


# -- namespaces and lockdown -----------------------------------------------------------------------------------------


def enter_namespaces(job: Job) -> None:
    """Leave the host's namespaces; the process's next child is process 1 of the new ones."""
    uid, gid = os.geteuid(), os.getegid()
    call("user namespace", libc.unshare(CLONE_NEWUSER))
    for name, content in (("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1"), ("uid_map", f"{uid} {uid} 1")):
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)
        except OSError as error:
            raise StepError("user namespace", f"{name}: {error.strerror}", error.errno or 0) from error
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    if job["network"] != "host":
        flags |= CLONE_NEWNET
    call("namespaces", libc.unshare(flags))
    libc.unshare(CLONE_NEWCGROUP)  # only hides a path in /proc/self/cgroup; older kernels lack it


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh22x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


def drop_capabilities() -> None:
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)  # fails before Linux 4.3, where there are none
    capability = 0
    while prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    call("capabilities", libc.capset(header, bytes(24)))
    call("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1))


def limit_resources(job: Job) -> None:
    """Limits per process; the monitor holds the ones for the whole tree.

    Memory is RLIMIT_DATA: private writable memory, what a program really can fill. RLIMIT_AS would also count address
    space that is only reserved, and runtimes reserve far more than they use.
    """
    limits = job["limits"]
    cpu, memory, file, processes = (limits[name] for name in ("cpu_seconds", "memory_bytes", "file_bytes", "processes"))
    set_limit(resource.RLIMIT_CORE, 0)
    if cpu:
        set_limit(resource.RLIMIT_CPU, cpu, cpu + 1)  # SIGXCPU first, then SIGKILL
    if memory:
        set_limit(resource.RLIMIT_DATA, memory)
    if file:
        set_limit(resource.RLIMIT_FSIZE, file)
    # Since 5.14 RLIMIT_NPROC counts within the user namespace; before, all the user's processes on the machine.
    if processes and job["mechanism"] != "unconfined" and kernel_release() >= (5, 14):
        set_limit(resource.RLIMIT_NPROC, most_tasks(processes))


def set_limit(kind: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(kind)[1]
    values = [soft, soft if hard is None else hard]
    if ceiling != resource.RLIM_INFINITY:
        values = [min(value, ceiling) for value in values]
    resource.setrlimit(kind, (values[0], values[1]))


def kernel_release() -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def most_tasks(processes: int) -> int:
    """How many threads that many processes may have together: a bound against thread bombs, far from honest use."""
    return 4 * processes + 64


def landlock_version() -> int:
    return max(0, int(libc.syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def restrict_with_landlock(writable: list[str]) -> int:
    """A second layer below the mounts: no change to any file outside the writable folders. Returns the version used.

    Version 1 forbids every rename between folders, so it is not used. TCP rules are not used either: the network
    namespace is empty already, and programs bind port 0 merely to find a free one.
    """
    version = landlock_version()
    if version < 2:
        return 0
    on_files = (1 << 1) | ((1 << 14) if version >= 3 else 0)  # write, truncate
    on_folders = sum(1 << bit for bit in range(4, 14))  # remove, make, refer
    makes_devices = (1 << 6) | (1 << 11)
    scoped = 3 if version >= 6 else 0  # abstract sockets and signals stay among the confined
    attributes = struct.pack("QQQ", on_files | on_folders, 0, scoped)[: 24 if version >= 6 else 8]
    size = ctypes.c_size_t(len(attributes))
    ruleset = call("landlock", libc.syscall(SYS_LANDLOCK_CREATE, attributes, size, ctypes.c_uint32(0)))
    for path in writable:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
        allowed = on_files | (on_folders & ~makes_devices if is_folder else 0)
        rule = struct.pack("=Qi", allowed, place)
        call("landlock", libc.syscall(SYS_LANDLOCK_ADD, ruleset, 1, rule, ctypes.c_uint32(0)), path)
        os.close(place)
    call("landlock", libc.syscall(SYS_LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0)))
    os.close(ruleset)
    return version


def filter_system_calls(program: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]

    filled = Program(len(program) // 8, program)
    # Without SPEC_ALLOW, kernels before 5.16 slow every memory access of a filtered process down.
    number, flags = SYS_SECCOMP[machine], ctypes.c_uint(SECCOMP_FILTER_SPEC_ALLOW)
    if libc.syscall(number, ctypes.c_uint(1), flags, ctypes.byref(filled)) == 0:
        return
    result = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(filled), ctypes.c_ulong(0), ctypes.c_ulong(0))
    call("seccomp", result)


# -- inside: process 1 and the command -------------------------------------------------------------------------------


def run_init(job: Job, monitor: socket.socket) -> NoReturn:
    """Build the sandbox around this process, run the command, report how it ended."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        prefer_for_out_of_memory()
        proc = "fresh"
        if job["mechanism"] == "namespaces":
            proc = build_tree(job)
            if job["network"] == "loopback":
                raise_loopback()
        memory = os.open("/tmp", os.O_PATH | os.O_CLOEXEC) if job["mechanism"] != "unconfined" else None
        if job["mechanism"] != "unconfined":
            drop_capabilities()
            prctl(PR_SET_DUMPABLE, 0)  # the command may share our uid; our memory and descriptors are not its business
        reading, writing = os.pipe()
        command = os.fork()
        if command == 0:
            run_command(job, writing)
        os.close(writing)
        for descriptor in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        with os.fdopen(reading, "rb") as pipe:
            reports = [json.loads(line) for line in pipe.read().splitlines()]
        failed = [report for report in reports if report.get("event") == "failed"]
        if failed:
            raise StepError(failed[0]["stage"], failed[0]["detail"], failed[0]["errno"])
        facts = {"event": "started", "proc": proc, **(reports[0] if reports else {})}
        send(monitor, facts, memory)
        status = reap(command)
        send(monitor, {"event": "exited", "status": status})
    except StepError as failure:
        send(monitor, failure.report)
    except OSError as error:
        send(monitor, StepError("set-up", str(error), error.errno or 0).report)
    os._exit(0)


def reap(command: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == command:
            return status


def prefer_for_out_of_memory() -> None:
    """When the machine itself runs short, the kernel should end this tree and not the user's editor."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    except OSError:
        pass


def run_command(job: Job, report: int) -> NoReturn:
    """Lock this process down and become the command. ``report`` closes when that worked, else carries why not."""
    stage = "set-up"
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        limit_resources(job)
        landlock = 0
        if job["mechanism"] != "unconfined":
            landlock = restrict_with_landlock([*job["writable"], "/dev"])
            filter_system_calls(bytes.fromhex(job["seccomp"]))
        os.write(report, json.dumps({"landlock": landlock}).encode() + b"\n")
        if job["probe"]:
            os._exit(0)
        stage = "cwd"
        os.chdir(job["cwd"])
        stage = "exec"
        os.execvpe(job["argv"][0], job["argv"], job["environment"])
    except StepError as failure:
        message = failure.report
    except OSError as error:
        message = StepError(stage, error.strerror or str(error), error.errno or 0).report
    except ValueError as error:  # a NUL in an argument or variable
        message = StepError(stage, str(error)).report
    os.write(report, json.dumps(message).encode() + b"\n")
    os._exit(127)


# -- outside: the monitor --------------------------------------------------------------------------------------------


class Sample:
    """What a process tree uses at one moment: processes, threads, CPU seconds, resident bytes (shared ones twice)."""

    ticks = os.sysconf("SC_CLK_TCK")
    page = os.sysconf("SC_PAGE_SIZE")

    def __init__(self, init: int, own_depth: int, *, most_processes: int | None = None) -> None:
        """``own_depth``: how many generations from ``init`` on are the sandbox's own processes.

        Looking stops at one process more than ``most_processes``: a fork bomb grows faster than anybody can count.
        """
        self.pids: list[int] = []
        self.tasks = 0
        self.cpu_seconds = 0.0
        self.resident_bytes = 0
        self.largest_bytes = 0
        generation = [init]
        depth = 0
        while generation:
            following: list[int] = []
            for pid in generation:
                if most_processes is not None and len(self.pids) > most_processes:
                    return
                try:
                    fields = self._read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
                    following += self._children(pid, int(fields[17]))
                except (OSError, IndexError, ValueError):
                    continue  # it ended meanwhile
                self.cpu_seconds += sum(map(int, fields[11:15])) / self.ticks
                if depth >= own_depth:
                    self.pids.append(pid)
                    self.tasks += int(fields[17])
                    resident = int(fields[21]) * self.page
                    self.resident_bytes += resident
                    self.largest_bytes = max(self.largest_bytes, resident)
            generation = following
            depth += 1

    def proportional_bytes(self, memory: int | None) -> int:
        """Memory with each shared page counted once, and the files in the sandbox's memory file system with it. Slow.

        Pages of such files that are mapped are in both counts, so of the two only the larger is taken.
        """
        private = shared = 0
        for pid in self.pids:
            try:
                text = self._read(f"/proc/{pid}/smaps_rollup")
            except OSError:
                continue
            sizes = {name: int(size) << 10 for name, size in re.findall(rb"(?m)^(\w+): +(\d+) kB", text)}
            of_files = sizes.get(b"Pss_Shmem", 0)
            shared += of_files
            private += sizes.get(b"Pss", 0) + sizes.get(b"SwapPss", 0) - of_files
        return private + max(shared, stored_bytes(memory))

    def _children(self, pid: int, threads: int) -> list[int]:
        tasks = [str(pid)] if threads <= 1 else os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in self._read(f"/proc/{pid}/task/{task}/children").split()]

    @staticmethod
    def _read(path: str) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            parts = []
            while part := os.read(descriptor, 1 << 16):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(descriptor)


def stored_bytes(memory: int | None) -> int:
    """Bytes of files in the sandbox's own memory file system."""
    if memory is None:
        return 0
    status = os.fstatvfs(memory)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


class Monitor:
    """Watches one tree from outside until it has ended."""

    def __init__(self, job: Job, control: socket.socket, link: socket.socket, init: int) -> None:
        self.limits = job["limits"]
        self.mechanism = job["mechanism"]
        self.own_depth = 2 if self.mechanism == "bubblewrap" else 1
        self.control, self.link, self.init = control, link, init
        self.memory: int | None = None
        self.status: int | None = None
        self.limit: str | None = None
        self.failed = False
        self.killed = False
        self.cpu_seconds = 0.0
        self.largest_bytes = 0
        self.next_exact_count = 0.0
        self.started_at = time.monotonic()
        self.parent = os.getppid()

    def watch(self) -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, 0, WATCHING_NICENESS)
        except OSError:
            pass  # only root may; without, a fork bomb is ended later
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.link, select.POLLIN)
        sampling = any(self.limits[name] for name in ("memory_bytes", "processes", "cpu_seconds"))
        interval = SAMPLE_SECONDS_NEAR_A_LIMIT
        next_sample = self.started_at + interval
        deadline = self.started_at + self.limits["wall_seconds"] if self.limits["wall_seconds"] else None
        while True:
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                self.end("wall")
                deadline = None
            if now >= next_sample:
                if os.getppid() != self.parent:
                    self.end(None)  # the tool died, and something it forked keeps our control socket open
                near = sampling and self.status is None and not self.killed and self.check()
                interval = SAMPLE_SECONDS_NEAR_A_LIMIT if near else SAMPLE_SECONDS
                next_sample = time.monotonic() + interval
            until = next_sample if deadline is None else min(next_sample, deadline)
            ready = {number for number, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000)}
            if self.control.fileno() in ready:
                if not self.control.recv(16):
                    poll.unregister(self.control)
                self.end(None)
            if self.link.fileno() in ready and not self.read_link():
                return

    def read_link(self) -> bool:
        """Pass on what init says; False when it has ended."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.link, 1 << 16, 1)
        except ConnectionResetError:
            return False
        if descriptors:
            self.memory = descriptors[0]
        for line in data.splitlines():
            message = json.loads(line)
            if message["event"] == "exited":
                self.status = message["status"]
            else:
                self.failed |= message["event"] == "failed"
                send(self.control, message)
        return bool(data)

    def check(self) -> bool:
        """End the tree if it is over a limit; True when it is close to one."""
        sample = Sample(self.init, self.own_depth, most_processes=self.limits["processes"])
        self.cpu_seconds = max(self.cpu_seconds, sample.cpu_seconds)
        self.largest_bytes = max(self.largest_bytes, sample.largest_bytes)
        cpu, memory, processes = (self.limits[name] for name in ("cpu_seconds", "memory_bytes", "processes"))
        if cpu and sample.cpu_seconds >= cpu:
            self.end("cpu")
        if processes and (len(sample.pids) > processes or sample.tasks > most_tasks(processes)):
            self.end("processes")
        near = bool(processes and len(sample.pids) > processes // 2)
        if memory:
            upper_bound = sample.resident_bytes + stored_bytes(self.memory)
            began = time.monotonic()
            if upper_bound > memory and began >= self.next_exact_count:
                if sample.proportional_bytes(self.memory) > memory:
                    self.end("memory")
                took = time.monotonic() - began
                self.next_exact_count = began + 10 * took  # it holds the counted processes' memory locks
            near |= upper_bound > memory // 4
        return near

    def end(self, limit: str | None) -> None:
        if not self.killed:
            self.killed = True
            self.limit = limit
            os.kill(self.init, signal.SIGKILL)

    def finish(self) -> None:
        """Collect what is left and report."""
        _, status = os.waitpid(self.init, 0)
        if self.mechanism != "namespaces":
            end_descendants()
        # Processes that the kernel ended together with init are in no one's accounts, hence the samples.
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_seconds = max(self.cpu_seconds, usage.ru_utime + usage.ru_stime)
        largest_bytes = max(self.largest_bytes, usage.ru_maxrss << 10)
        if self.status is not None:
            status, limit = self.status, self.limit_seen(self.status, largest_bytes)
        else:
            status, limit = (status if os.WIFSIGNALED(status) else int(signal.SIGKILL)), self.limit
        if self.failed:
            return
        send(
            self.control,
            {
                "event": "finished",
                "status": status,
                "limit": limit,
                "wall_seconds": time.monotonic() - self.started_at,
                "cpu_seconds": cpu_seconds,
                "max_rss_bytes": largest_bytes,
            },
        )

    def limit_seen(self, status: int, max_rss_bytes: int) -> str | None:
        """The limit that a command which ended by itself ran into."""
        if os.WIFSIGNALED(status):
            named = {signal.SIGXCPU: "cpu", signal.SIGXFSZ: "file"}.get(signal.Signals(os.WTERMSIG(status)))
            if named:
                return named
        memory = self.limits["memory_bytes"]
        if status != 0 and memory and max_rss_bytes > 0.9 * memory:
            return "memory"  # an allocation failed at the limit and the command gave up
        return None


def end_descendants() -> None:
    """Kill all that was reparented to this process, until there is nothing left."""
    for _ in range(1000):
        for pid in Sample(os.getpid(), 1).pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.002)
        except ChildProcessError:
            return


def start_init(job: Job, link: socket.socket, inner: socket.socket) -> int:
    """Start process 1 by the job's mechanism; returns its process id as seen from here."""
    if job["mechanism"] == "bubblewrap":
        init = os.fork()
        if init == 0:
            os.set_inheritable(inner.fileno(), True)
            try:
                os.execv(job["bubblewrap"][0], [*job["bubblewrap"], "inside", str(inner.fileno())])
            except OSError as error:
                send(inner, StepError("bubblewrap", str(error), error.errno or 0).report)
            os._exit(127)
        inner.close()
        return init
    helper = os.fork()
    if helper == 0:
        link.close()
        try:
            if job["mechanism"] == "namespaces":
                enter_namespaces(job)
            init = os.fork()
            if init == 0:
                receive_line(inner)  # wait until the monitor is our parent
                prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if select.select([inner], [], [], 0)[0]:
                    os._exit(1)  # it died first
                if job["mechanism"] == "unconfined":
                    prctl(PR_SET_CHILD_SUBREAPER, 1)
                run_init(job, inner)
            send(inner, {"event": "init", "pid": init})
        except StepError as failure:
            send(inner, failure.report)
        except OSError as error:
            send(inner, StepError("fork", str(error), error.errno or 0).report)
        os._exit(0)
    inner.close()
    os.waitpid(helper, 0)
    message = json.loads(receive_line(link) or b'{"event": "failed", "stage": "fork", "detail": "", "errno": 0}')
    if message["event"] == "failed":
        raise StepError(message["stage"], message["detail"], message["errno"])
    return int(message["pid"])


def main() -> None:
    """Run one job; see the module's docstring."""
    if sys.argv[1] == "inside":  # already process 1 of a bubblewrap sandbox
        monitor = socket.socket(fileno=int(sys.argv[2]))
        os.set_inheritable(monitor.fileno(), False)
        run_init(json.loads(receive_line(monitor)), monitor)
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    job = json.loads(receive_line(control) or b"{}")
    if not job:
        return
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    link, inner = socket.socketpair()
    try:
        init = start_init(job, link, inner)
    except StepError as failure:
        send(control, failure.report)
        return
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    monitor_of_tree = Monitor(job, control, link, init)
    try:
        try:
            send(link, job if job["mechanism"] == "bubblewrap" else {"event": "go"})
        except BrokenPipeError:
            pass  # it failed already; what it said is waiting to be read
        monitor_of_tree.watch()
    except OSError:
        monitor_of_tree.end(None)  # the tool is gone
    try:
        monitor_of_tree.finish()
    except OSError:
        pass


if __name__ == "__main__":
    main()
