"""``quanta doctor`` on this machine: its facts, its advice, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from quantatissu.cli.checks import project_checks

EXAMPLE = Path(__file__).parents[2] / "examples" / "subscriptions"


def doctor(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quantatissu", "doctor", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


def test_a_machine_and_project_that_work() -> None:
    done = doctor(EXAMPLE, "--json")
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    assert answer["status"] == "ok"
    checks = {check["name"].strip(): check for check in answer["checks"]}
    for name in ("platform", "sandbox", "cores", "memory", "state folder", "git", "gpu", "models", "test command"):
        assert checks[name]["standing"] in {"ok", "info", "warning"}, checks[name]
        assert checks[name]["detail"]
    assert "pytest" in checks["test command"]["detail"]
    assert "pytest " in checks["interpreter"]["detail"]
    assert checks["models"]["detail"].startswith("tissu (")


def test_people_get_a_table_and_a_verdict() -> None:
    done = doctor(EXAMPLE)
    assert "sandbox" in done.stdout and "`quanta fix` can work here." in done.stdout


def test_a_folder_without_tests_is_what_is_missing(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "`quanta fix` cannot work here yet." in done.stdout
    (missing,) = [check for check in project_checks(tmp_path) if check.standing == "missing"]
    assert missing.name == "test command" and missing.advice


def test_an_interpreter_without_the_runner_is_missing_with_advice(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("import pytest\ndef test_x(): pass\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True, timeout=60)
    (check,) = [check for check in project_checks(tmp_path) if check.name == "interpreter"]
    assert check.standing == "missing" and "pytest" in check.detail
    assert check.advice and "install" in check.advice.lower()


def test_a_state_folder_that_cannot_be_written_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = doctor(EXAMPLE, "--json", XDG_STATE_HOME=str(tmp_path / "file"))
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["state folder"]["standing"] == "missing" and "XDG_STATE_HOME" in checks["state folder"]["advice"]


def test_looking_for_a_gpu_imports_no_tensor_library() -> None:
    code = """
import sys
from quantatissu.cli.checks import machine_checks

assert "gpu" in {check.name for check in machine_checks()}
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
