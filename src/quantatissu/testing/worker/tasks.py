"""What a forked child of the server does once the tests are collected: serve as the session, or run once and end."""

import os
import sys

from _quanta import channel, forking
from _quanta.hotpatch import Functions, NotHot
from _quanta.tracer import Tracer


def fork_for(request, close, keep):
    """`forking.fork` with the limits of a request. Traced runs have no processor limit: tracing is what takes long."""
    cpu, wall = request["limits"]["*"]
    return forking.fork(
        cpu=None if request["trace"] else cpu + request["startup"],
        wall=wall + request["startup"],
        total=request["total"],
        memory=request["memory"],
        close=close,
        keep=keep,
    )


def run_tests(session, ids, request, emit, tracer):
    session.run(ids, emit, stop=request["stop"], detail=request["detail"], tracer=tracer, limits=request["limits"])


def make_tracer(config, request, emit):
    wanted = request["trace"]
    if not wanted:
        return None

    def stop():
        frames, frame = [], sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename.startswith(tracer.root):
                frames.insert(0, [frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name])
            frame = frame.f_back
        record = {"id": tracer.current, "outcome": "budget", "seconds": 0.0, "lines": tracer.take()}
        record.update(type="Timeout", message="still running when it was stopped", frames=frames[-120:])
        emit(record)
        forking.finish(emit)

    tracer = Tracer(config["root"], wanted.get("files"), wanted.get("budget"), stop)
    tracer.current = None
    return tracer


class Collect:
    """A cold run: collect what is wanted from fresh imports, run it, end."""

    def __init__(self, config, request, emit):
        forking.keep_bytecode_as_it_is()
        self.request, self.emit = request, emit
        self.ids = request["ids"]
        self.tracer = make_tracer(config, request, emit)

    def run(self, session):
        for name, text in session.errors.items():
            record = {"id": name, "outcome": "failed", "seconds": 0.0, "collection": True, "text": text[-20000:]}
            record.update(session.frames.get(name, {}))
            self.emit(record)
        self.emit({"ids": session.ids if self.ids is None else []})
        ids = session.ids if self.ids is None else _expand(self.ids, session)
        run_tests(session, ids, self.request, self.emit, self.tracer)
        forking.finish(self.emit)

    def gave_up(self, status):
        self.emit({"unusable": status})
        forking.finish(self.emit)


def _expand(ids, session):
    """Test ids as they are; the id of a module that failed to import before stands for every test in it."""
    wanted = set(ids)
    modules = tuple(name + mark for name in ids if name not in session.items for mark in ("::", "."))
    return [name for name in session.ids if name in wanted or (modules and name.startswith(modules))]


class Warm:
    """The session: everything is imported and collected; each request is one fork from here.

    Which lines run meanwhile is traced when the request asks for it.
    """

    ids = None

    def __init__(self, config, request, requests, replies):
        self.config = config
        self.requests, self.replies = requests, replies
        self.before = set(sys.modules)
        self.tracer = Tracer(config["root"]) if request["trace"] else None
        forking.become_subreaper()
        if self.tracer is not None:
            self.tracer.start()

    def gave_up(self, status):
        channel.send(self.replies, {"error": "collection", "status": status})
        os._exit(0)

    def run(self, session):
        if self.tracer is not None:
            self.tracer.stop()
        functions = Functions(os.path.join(self.config["root"], ""))
        channel.send(self.replies, self._collected(session))
        forking.keep_bytecode_as_it_is()
        forking.freeze()
        while True:
            try:
                request = channel.receive(self.requests)
            except channel.Closed:
                os._exit(0)
            outcome = fork_for(request, [self.requests, self.replies], [])
            if isinstance(outcome, forking.Emitter):
                self._candidate(session, functions, request, outcome)
            records, ended = outcome
            channel.send(self.replies, {"records": records, "ended": ended})

    def _collected(self, session):
        root = os.path.join(self.config["root"], "")
        files, outside = [], []
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None) or ""
            if path.startswith(root) and "site-packages" not in path:
                files.append(path)
            elif name not in self.before and not name.startswith(("_pytest", "pytest", "_quanta", "conftest")):
                outside.append(name)
        errors = [
            dict(session.frames.get(name, {}), id=name, text=text[-20000:]) for name, text in session.errors.items()
        ]
        return {
            "ids": session.ids,
            "errors": errors,
            "modules": files,
            "outside": outside,
            "imports": self.tracer.take() if self.tracer is not None else {},
            "threads": forking.threads(),
        }

    def _candidate(self, session, functions, request, emit):
        """In the child: swap the changed functions in, run, end."""
        try:
            for unit in request["units"]:
                functions.patch(unit)
        except SyntaxError:
            emit({"invalid": True})
            forking.finish(emit)
        except (NotHot, ValueError) as reason:
            emit({"cold": str(reason)})
            forking.finish(emit)
        try:
            ids = session.ids if request["ids"] is None else request["ids"]
            run_tests(session, ids, request, emit, make_tracer(self.config, request, emit))
            forking.finish(emit)
        finally:
            os._exit(70)
