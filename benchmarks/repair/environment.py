"""The interpreters the benchmark uses: one that runs the packages' tests, one that holds the mutators.

They are kept apart so that the mutators' own dependencies never shadow a package under test.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.repair.packages import CACHE

TEST_REQUIREMENTS = ("pytest==8.4.2", "hypothesis==6.135.0")
MUTATOR_REQUIREMENTS = ("cosmic-ray==8.7.0", "mutmut==3.8.1")


def test_python() -> Path:
    """The interpreter that has pytest and nothing of ours; made on first use below ``.benchmarks``."""
    return _environment(CACHE / "venv", TEST_REQUIREMENTS)


def mutator_python() -> Path:
    """The interpreter that has the mutators; made on first use."""
    return _environment(CACHE / "mutators", MUTATOR_REQUIREMENTS)


def _environment(folder: Path, requirements: tuple[str, ...]) -> Path:
    python = folder / "bin" / "python"
    stamp = folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        stamp.write_text(wanted)
    return python
