"""Where other programs are."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def find_program(name: str) -> str | None:
    """The path of a program: the one installed beside this Python, else on PATH; None when there is none."""
    beside = Path(sys.executable or "python").with_name(name)
    return str(beside) if beside.is_file() else shutil.which(name)
