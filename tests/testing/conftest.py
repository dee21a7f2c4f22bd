"""Projects to run tests in, each with a slot: a branch in the sandbox, with a warm worker on request."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from quantatissu.sandbox import open_sandbox
from quantatissu.testing.command import parse_command
from quantatissu.testing.interpreter import probe
from quantatissu.testing.slot import Setup, Slot, base_environment
from quantatissu.workspace import Workspace


@pytest.fixture
def make_slot(tmp_path):
    """``make_slot({path: text}, "python -m pytest")`` -> a slot on a fresh project with these files."""
    with ExitStack() as stack:

        def make(files, command="python -m pytest", python=sys.executable, name="project"):
            root = tmp_path / name
            for path, text in files.items():
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            sandbox = open_sandbox()
            parsed = parse_command(command, root)
            environment = base_environment((), parsed.environment)
            interpreter = probe(sandbox, Path(python), root, environment)
            setup = Setup(
                root, parsed.with_interpreter(interpreter.path), interpreter, sandbox, environment, interpreter.readable
            )
            slot = Slot(setup, Workspace(root).branch())
            stack.callback(slot.close)
            return slot

        yield make
