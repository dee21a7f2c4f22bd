"""State and cache folders of their own for every test here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from workspace_trees import folder


@pytest.fixture(autouse=True)
def private_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with folder() as base:
        monkeypatch.setenv("XDG_STATE_HOME", str(base / "state"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(base / "cache"))
        yield
