"""Driving the project's own pytest, from version 6 on, through its public hooks."""

import importlib.util
import inspect
import os
import sys
import time
import unittest

import pytest
from _quanta import forking
from _quanta.failures import describe

try:
    from pytest import CallInfo
except ImportError:  # before pytest 7
    from _pytest.runner import CallInfo

_RANK = {"passed": 0, "xpassed": 1, "skipped": 2, "xfailed": 3, "failed": 4}


def prepare(config):
    """Make `sys.path` and `sys.argv` what the project's own command would have made them."""
    if config["module_form"]:
        sys.path.insert(0, os.getcwd())
    sys.argv = ["pytest", *config["arguments"]]


def _arguments(config):
    """The user's arguments, then what a warm worker needs: one process, no coverage, no early stop, no capture."""
    extra = ["-o", "cache_dir=" + os.path.join(config["scratch"], "pytest_cache"), "--maxfail=0", "--capture=no"]
    if importlib.util.find_spec("xdist"):
        extra.append("-n0")
    if importlib.util.find_spec("pytest_cov"):
        extra.append("--no-cov")
    if importlib.util.find_spec("pytest_randomly"):
        extra.append("--randomly-dont-reorganize")
    return [*config["arguments"], *extra]


def serve(config, server):
    """Run pytest up to where it would load conftest files, and let the server take over there.

    Plugins are loaded by then, and none of the project is. The server forks a child for each task; a child goes on
    with pytest's own work, collects, and does its task in place of the run loop. Returns pytest's exit status, in a
    child that never came so far or in the server when pytest refused to start.
    """
    return int(pytest.main(_arguments(config), plugins=[_Plugin(server)]))


class _Plugin:
    def __init__(self, server):
        self.server = server
        self.task = None
        self.errors = {}
        self.frames = {}
        self.only_files = None
        self.only_nodes = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self):
        if self.task is None:
            self.task = self.server.loop()
            if self.task.ids is not None:
                self.only_files = {test.split("::")[0] for test in self.task.ids}
                self.only_nodes = _nodes_by_file(self.task.ids)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        if self.only_files is not None:
            config.pluginmanager.register(_Narrow(self), "quanta-narrow")

    def ignore(self, path, config):
        if os.path.isdir(path) or os.path.basename(path) in ("conftest.py", "__init__.py"):
            return None
        root = str(getattr(config, "rootpath", None) or config.rootdir)
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        return None if relative in self.only_files else True

    def pytest_collectreport(self, report):
        if report.failed:
            self.errors[report.nodeid] = str(report.longrepr)

    def pytest_exception_interact(self, node, call, report):
        if report.when == "collect":
            error = call.excinfo.value
            if type(error).__name__ == "CollectError" and error.__cause__ is not None:
                error = error.__cause__  # pytest wraps what the import raised
            self.frames[report.nodeid] = describe(error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        items = session.items
        if self.only_files is not None:
            items = [item for item in items if item.nodeid.split("::")[0] in self.only_files]
        self.task.run(Session(session.config, items, self.errors, self.frames))
        return True


def _nodes_by_file(ids):
    """File -> the node ids of wanted tests, without their parameters, and of the classes around them.

    A file that is wanted whole is left out.
    """
    found = {}
    for test in ids:
        file, *parts = test.split("[", 1)[0].split("::")
        nodes = found.setdefault(file, set())
        nodes.update("::".join([file, *parts[: depth + 1]]) for depth in range(len(parts)))
        if not parts:
            nodes.add(file)
    return {file: nodes for file, nodes in found.items() if file not in nodes}


class _Narrow:
    """Leaves out what holds none of the wanted tests.

    Whole files, which saves importing them; in files, the other tests, which saves making items of them.
    """

    def __init__(self, plugin):
        self.plugin = plugin
        # The parameter's name changed in pytest 7; pluggy looks at the signature, so it must be the right one.
        name = "collection_path" if "collection_path" in _ignore_parameters() else "path"
        scope = {"plugin": plugin}
        exec("def hook(%s, config):\n    return plugin.ignore(str(%s), config)" % (name, name), scope)
        self.pytest_ignore_collect = scope["hook"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector, name):
        nodes = self.plugin.only_nodes.get(collector.nodeid.split("::")[0])
        if nodes is None or collector.nodeid + "::" + name in nodes:
            return None
        return []

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector):
        if not self.plugin.task.request["detail"]:
            # Most changes that need fresh imports break them, and rendering that takes longer than all the rest.
            collector.repr_failure = lambda excinfo: "failed"


def _ignore_parameters():
    from _pytest import hookspec

    return inspect.signature(hookspec.pytest_ignore_collect).parameters


def _nothing():
    pass


class Session:
    """Collected tests, ready to run in a forked child."""

    def __init__(self, config, items, errors, frames):
        self.config = config
        self.items = {}
        for item in items:
            self.items.setdefault(item.nodeid, item)
        self.errors = errors
        self.frames = frames
        self.recorder = _Recorder()
        config.pluginmanager.register(self.recorder, "quanta-recorder")

    @property
    def ids(self):
        return list(self.items)

    def _known(self, ids):
        """The ids that exist here. One that every process makes anew (from a set, say) stands for its function."""
        known = {}
        for test in ids:
            if test in self.items:
                known[test] = None
            elif test.endswith("]"):
                start = test.split("[", 1)[0] + "["
                known.update(dict.fromkeys(name for name in self.items if name.startswith(start)))
        return list(known)

    def run(self, ids, emit, *, stop, detail, tracer, limits):
        """Run tests in order, emitting one record each: id, outcome, seconds, and when asked text, frames, lines."""
        recorder = self.recorder
        recorder.detail = detail
        # The short way leaves a failed test's fixtures as they are: only where nothing runs after it.
        recorder.short = not detail and (stop or len(ids) == 1)
        wanted = [(i, self.items[i]) for i in self._known(ids)]
        for number, (test, item) in enumerate(wanted):
            following = wanted[number + 1][1] if number + 1 < len(wanted) else None
            forking.rearm(limits.get(test, limits["*"])[0])
            recorder.begin(item)
            crash = None
            if tracer is not None:
                tracer.current = test
                tracer.start()
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except BaseException as error:
                crash = error
            finally:
                if tracer is not None:
                    tracer.stop()
            record = recorder.end(test, crash)
            if tracer is not None:
                record["lines"] = tracer.take()
            emit(record)
            if crash is not None or (stop and record["outcome"] == "failed"):
                return


class _Recorder:
    """Takes down each test's outcome; when nobody will read the details, it also runs the test the short way."""

    detail = False
    short = False

    def begin(self, item):
        self.outcome, self.seconds, self.text, self.error = None, 0.0, "", None
        if not self.detail:
            # Rendering a failure takes far longer than running most tests, and nobody will read this one.
            item.repr_failure = item._repr_failure_py = lambda *args, **kwargs: "failed"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        """Set-up, call and tear-down through pytest's own hooks, without making and rendering reports.

        A report of a failure takes several times as long as most tests, and a failed candidate is only thrown away.
        Wrappers around this hook (warning filters, time limits) work as always. Expected failures need the reports.
        """
        if not self.short or item.get_closest_marker("xfail") is not None:
            return None
        began = time.perf_counter()
        outcome = self._short(item, nextitem)
        self.seconds = time.perf_counter() - began
        if self.outcome is None or _RANK[outcome] > _RANK[self.outcome]:
            self.outcome = outcome
        return True

    def _short(self, item, nextitem):
        try:
            item.ihook.pytest_runtest_setup(item=item)
            item.ihook.pytest_runtest_call(item=item)
            kept = getattr(item, "_excinfo", None)  # where unittest's test cases keep what they caught
            if kept:
                raise kept[0].value
            for phase in ("setup", "call"):  # fixtures look at the reports when they are torn down
                item.ihook.pytest_runtest_makereport(item=item, call=CallInfo.from_call(_nothing, phase))
            item.ihook.pytest_runtest_teardown(item=item, nextitem=nextitem)
        except (pytest.skip.Exception, unittest.SkipTest):
            return "skipped"
        except pytest.xfail.Exception:
            return "xfailed"
        except Exception:
            return "failed"
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException:
            return "failed"
        return "passed"

    def end(self, test, crash):
        outcome = "failed" if crash is not None else self.outcome or "failed"
        record = {"id": test, "outcome": outcome, "seconds": round(self.seconds, 4)}
        if self.detail and outcome == "failed":
            record["text"] = self.text[-20000:] or repr(crash)
            record.update(describe(crash) if crash is not None else self.error or {})
        return record

    def pytest_runtest_logreport(self, report):
        self.seconds += report.duration
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
        else:
            outcome = report.outcome
        if outcome == "failed" and self.detail:
            self.text += str(report.longrepr) + "\n"
        if outcome == "passed" and report.when != "call":
            return
        if self.outcome is None or _RANK[outcome] > _RANK[self.outcome]:
            self.outcome = outcome

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, node, call, report):
        if self.detail and self.error is None and call.excinfo is not None:
            self.error = describe(call.excinfo.value)
