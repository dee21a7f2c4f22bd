"""Where QuantaTissu keeps its own state: never inside the user's project."""

from __future__ import annotations

import os
from pathlib import Path


def state_dir() -> Path:
    """The folder for snapshots and undo records, ``$XDG_STATE_HOME/quantatissu``; not created here."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "quantatissu"


def cache_dir() -> Path:
    """The folder for what can be rebuilt at any time, ``$XDG_CACHE_HOME/quantatissu``; not created here."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "quantatissu"
