"""The small package's archive and baseline, made once a session."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # `benchmarks` is not installed

from bench_support import FILES, PACKAGE, write_archive

from benchmarks.repair.baseline import Baseline, baseline


@pytest.fixture(scope="session")
def python() -> Path:
    return Path(sys.executable)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive"), FILES)


@pytest.fixture(scope="session")
def base(archive: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    return baseline(PACKAGE, archive, python, cache=tmp_path_factory.mktemp("cache"))
