"""The worker: a server that has the test runner in memory, and a session that has the project's tests as well."""

import importlib
import os
import signal
import sys

from _quanta import channel, forking
from _quanta.tasks import Collect, Warm, fork_for


def main():
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path if entry != home]
    config = channel.receive(requests)
    name = "_quanta.pytest_driver" if config["kind"] == "pytest" else "_quanta.unittest_driver"
    driver = importlib.import_module(name)
    driver.prepare(config)
    server = Server(config, requests, replies)
    status = driver.serve(config, server)
    # Only a child whose runner never came to its task returns, or the server itself when the runner did not start.
    if server.task is not None:
        server.task.gave_up(status)
    else:
        channel.send(replies, {"error": "runner", "status": status})


class Server:
    """Answers requests one at a time: forks the session and relays to it, forks a child for each cold run."""

    def __init__(self, config, requests, replies):
        self.config = config
        self.requests, self.replies = requests, replies
        self.session = None  # (pid, write end, read end)
        self.task = None

    def loop(self):
        """Serve until the client goes away. Returns only in forked children, with the child's task."""
        forking.become_subreaper()
        channel.send(self.replies, {"ready": True})
        while True:
            try:
                request = channel.receive(self.requests)
            except channel.Closed:
                self._end_session()
                os._exit(0)
            reply = getattr(self, "do_" + request["op"])(request)
            if self.task is not None:
                return self.task
            if isinstance(reply, bytes):
                channel.send_raw(self.replies, reply)
            else:
                channel.send(self.replies, reply)

    def do_preload(self, request):
        """Import modules that are not the project's, so that cold runs find them in memory."""
        for name in request["modules"]:
            try:
                importlib.import_module(name)
            except BaseException:
                continue
        forking.freeze()
        return {"threads": forking.threads()}

    def do_open(self, request):
        """Fork the session and let it collect."""
        self._end_session()
        ask_read, ask_write = os.pipe()
        tell_read, tell_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            for fd in (ask_write, tell_read, self.requests, self.replies):
                os.close(fd)
            os.setsid()
            self.task = Warm(self.config, request, ask_read, tell_write)
            return None
        os.close(ask_read)
        os.close(tell_write)
        self.session = (pid, ask_write, tell_read)
        return self._hear(request["timeout"])

    def do_run(self, request):
        if not request["hot"]:
            return self._run_cold(request)
        if self.session is None:
            return {"error": "closed"}
        try:
            channel.send(self.session[1], request)
        except OSError:
            self._end_session()
            return {"error": "died"}
        return self._hear(request["total"] + 5)

    def _run_cold(self, request):
        keep = [self.session[0]] if self.session else []
        fds = [self.requests, self.replies, *(self.session[1:] if self.session else ())]
        outcome = fork_for(request, fds, keep)
        if isinstance(outcome, forking.Emitter):
            self.task = Collect(self.config, request, outcome)
            return None
        records, ended = outcome
        return {"records": records, "ended": ended}

    def _hear(self, timeout):
        """The session's answer, passed on as it is."""
        try:
            return channel.receive_raw(self.session[2], timeout)
        except channel.Closed:
            self._end_session()
            return {"error": "died"}
        except TimeoutError:
            self._end_session()
            return {"error": "timeout"}

    def _end_session(self):
        if self.session is None:
            return
        pid, ask, tell = self.session
        self.session = None
        os.close(ask)
        os.close(tell)
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except OSError:
            pass
        forking.reap_strays()
