"""Which lines of the project ran: `sys.monitoring` where there is one (3.12), `sys.settrace` before."""

import os
import sys
import threading


class OutOfBudget(BaseException):
    """The traced code ran more lines than it was allowed to."""


class Tracer:
    """Collects executed lines below `root`, or only of `files` when given.

    ``budget`` is a number of line events, after which ``on_budget()`` is called once; None for no bound.
    Excluded folders (site-packages, virtual environments below the root) are not the project's.
    """

    def __init__(self, root, files=None, budget=None, on_budget=None):
        self.root = os.path.join(root, "")
        self.files = None if files is None else frozenset(files)
        self.budget = budget
        self.on_budget = on_budget
        self.lines = {}  # path -> set of line numbers
        self.events = 0
        self.wanted = {}  # code -> set to fill, or None
        self._monitoring = getattr(sys, "monitoring", None)
        self._tool = None

    def start(self):
        if self._monitoring is not None:
            for tool in (4, 3, 5, 2):
                try:
                    self._monitoring.use_tool_id(tool, "quanta")
                except ValueError:
                    continue
                self._tool = tool
                events = self._monitoring.events
                self._monitoring.register_callback(tool, events.LINE, self._on_line)
                self._monitoring.set_events(tool, events.LINE)
                return
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def stop(self):
        if self._tool is not None:
            self._monitoring.set_events(self._tool, 0)
            self._monitoring.register_callback(self._tool, self._monitoring.events.LINE, None)
            self._monitoring.free_tool_id(self._tool)
            self._tool = None
        else:
            sys.settrace(None)
            threading.settrace(None)

    def take(self):
        """What ran since the last call: {path: sorted lines}."""
        taken = {path: sorted(lines) for path, lines in self.lines.items() if lines}
        self.lines.clear()
        self.wanted.clear()
        if self._tool is not None:
            self._monitoring.restart_events()
        return taken

    def _lines_of(self, code):
        try:
            return self.wanted[code]
        except KeyError:
            pass
        path = code.co_filename
        inside = path in self.files if self.files is not None else self._is_project(path)
        found = self.lines.setdefault(path, set()) if inside else None
        self.wanted[code] = found
        return found

    def _is_project(self, path):
        return (
            path.startswith(self.root)
            and "site-packages" not in path
            and os.sep + ".venv" + os.sep not in path
            and os.sep + ".tox" + os.sep not in path
        )

    def _spend(self):
        self.events += 1
        if self.budget is not None and self.events > self.budget:
            self.budget = None
            self.on_budget()

    def _on_line(self, code, line):
        found = self._lines_of(code)
        if found is None:
            return self._monitoring.DISABLE
        found.add(line)
        if self.budget is None:
            return self._monitoring.DISABLE
        self._spend()
        return None

    def _on_call(self, frame, event, arg):
        found = self._lines_of(frame.f_code)
        if found is None:
            return None
        add = found.add
        if self.budget is None:

            def on_line(frame, event, arg):
                if event == "line":
                    add(frame.f_lineno)
                return on_line
        else:

            def on_line(frame, event, arg):
                if event == "line":
                    add(frame.f_lineno)
                    self._spend()
                return on_line

        return on_line
