"""A sandbox, and a short way to run Python in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sandbox_support import PYTHON, policy, processes_with

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Finished, Limits, Sandbox, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        return open_sandbox()
    except QuantaError as error:
        pytest.skip(f"no confinement on this machine: {error.message}")


@pytest.fixture
def python(sandbox: Sandbox) -> Callable[..., Finished]:
    """Run a piece of Python inside; keyword arguments are the policy's, plus ``cwd`` and ``stdin``."""

    def run(code: str, *args: str, cwd: Path = Path("/"), stdin: bytes | None = None, **changes: object) -> Finished:
        changes.setdefault("limits", Limits(wall_seconds=20))
        return sandbox.run([PYTHON, "-I", "-c", code, *args], cwd=cwd, policy=policy(**changes), stdin=stdin)

    return run


@pytest.fixture
def marker() -> Iterator[str]:
    """A variable for the environment inside by which its processes can be found from outside."""
    text = f"QUANTA_TEST_MARK={os.getpid()}-{time.monotonic_ns()}"
    yield text
    for pid in processes_with(text):
        os.kill(pid, 9)
