"""One forked child for one candidate: limited, watched, and gone without a trace afterwards."""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import sys
import threading
import time

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Orphans of our children become our children, so that nothing a candidate starts can outlive it."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def _children():
    try:
        with open("/proc/self/task/%d/children" % os.getpid()) as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def reap_strays(keep=()):
    """Kill and collect every child but those in `keep`. Returns False when they keep coming (a fork bomb)."""
    if not keep:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True  # the usual case, for the price of one call
    for _ in range(200):
        strays = [pid for pid in _children() if pid not in keep]
        if not strays:
            return True
        for pid in strays:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        for pid in strays:
            try:
                os.waitpid(pid, 0)
            except OSError:
                pass
    return False


class Emitter:
    """Writes records, one JSON line each, to the pipe that the parent reads."""

    def __init__(self, fd):
        self.fd = fd
        self.pid = os.getpid()

    def __call__(self, record):
        if os.getpid() != self.pid:
            os._exit(1)  # the code under test forked, and its copy came back through the test runner
        data = memoryview(json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n")
        while data:
            data = data[os.write(self.fd, data) :]


def _silence():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _limit(memory, cpu):
    if memory:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[5]) * resource.getpagesize()
        try:
            resource.setrlimit(resource.RLIMIT_DATA, (used + memory, resource.RLIM_INFINITY))
        except (ValueError, OSError):
            pass
    if cpu:
        # Counts processor time, so that a busy machine does not turn a slow candidate into a hanging one.
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, cpu)


def rearm(cpu):
    """Give the running child `cpu` more seconds of processor time."""
    if cpu:
        signal.setitimer(signal.ITIMER_PROF, cpu)


def fork(*, cpu, wall, total, memory, close=(), keep=()):
    """Fork for one candidate. In the child: an `Emitter`. In the parent, when it has ended: (records, ended).

    ``cpu`` is processor seconds until the first `rearm`, ``wall`` seconds between two records, ``total`` seconds in
    all. The child ends itself with `finish`. ``ended``: ``done``, ``timeout``, ``strays``, ``exit N`` or ``signal N``.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.close(read_end)
            for fd in close:
                os.close(fd)
            _silence()
            _limit(memory, cpu)
            return Emitter(write_end)
        except BaseException:
            os._exit(70)
    os.close(write_end)
    try:
        records, ended = _gather(read_end, pid, wall, total)
    finally:
        os.close(read_end)
    _end(pid)
    if not reap_strays(keep):
        ended = "strays"
    return records, ended


def finish(emit):
    """The end of a child: whatever exit handlers the project registered are not run."""
    emit({"done": True})
    os._exit(0)


def _end(pid):
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass
    try:
        os.waitpid(pid, 0)
    except OSError:
        pass


def _gather(fd, pid, wall, total):
    end = time.monotonic() + total
    deadline = min(end, time.monotonic() + wall)
    records, buffer, gone = [], b"", None
    try:
        watch = os.pidfd_open(pid)
    except (AttributeError, OSError):
        watch = None
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return records, "timeout"
            ready = select.select([fd] if watch is None else [fd, watch], [], [], min(left, 0.05 if gone else left))[0]
            if fd in ready:
                data = os.read(fd, 1 << 16)
                if data:
                    buffer += data
                    *lines, buffer = buffer.split(b"\n")
                    for line in lines:
                        record = json.loads(line)
                        if "done" in record:
                            return records, "done"
                        records.append(record)
                    deadline = min(end, time.monotonic() + wall)
                    continue
            elif not ready and not gone:
                continue
            if gone or fd in ready:
                return records, gone or _how(pid)
            gone = _how(pid)  # it died; what is left in the pipe is read before we say so
    finally:
        if watch is not None:
            os.close(watch)


def _how(pid):
    try:
        done, status = os.waitpid(pid, 0)
    except OSError:
        return "gone"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "timeout" if number == signal.SIGPROF else "signal %d" % number
    return "exit %d" % os.WEXITSTATUS(status)


def threads():
    """How many threads this process has, native ones included."""
    try:
        native = len(os.listdir("/proc/self/task"))
    except OSError:
        native = 1
    return max(native, threading.active_count())


def keep_bytecode_as_it_is():
    """From now on, compiled modules are read and not written: a candidate's must not outlive it."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def freeze():
    """Keep the collector off everything there is now, so that children do not copy its pages."""
    gc.collect()
    gc.freeze()
