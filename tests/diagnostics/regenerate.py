"""Rewrites `outputs/`: the real text that real runners print over small failing projects.

    python tests/diagnostics/regenerate.py ENVIRONMENTS

``ENVIRONMENTS`` is a folder of virtual environments whose names become the output's folder, such as
``py39-pytest62``; each has pytest and pytest-xdist. Machine paths are written as ``/project``, ``/lib`` and ``/env``.
The tests only read what this stored; they run no other interpreter.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from failing_environments import ENVIRONMENT
from failing_projects import (
    BAD_INI,
    BANK,
    COLLECT,
    CONFTEST,
    CRASH,
    DOCTEST,
    GROUPS,
    INNER,
    SCRIPTS,
    SUBTESTS,
    UNIT,
    USAGE,
)

OUTPUTS = Path(__file__).parent / "outputs"

# These run without any network interface up, as in a sandbox.
UNPLUGGED = ["unshare", "--user", "--map-root-user", "--net"]

PYTEST_RUNS: dict[str, tuple[dict[str, str], list[str]]] = {
    "default": (BANK, []),
    "quiet": (BANK, ["-q"]),
    "quieter": (BANK, ["-qq"]),
    "verbose": (BANK, ["-vv"]),
    "short": (BANK, ["--tb=short"]),
    "long_locals": (BANK, ["--tb=long", "-l"]),
    "line": (BANK, ["--tb=line"]),
    "native": (BANK, ["--tb=native"]),
    "no": (BANK, ["--tb=no"]),
    "no_summary": (BANK, ["-rN"]),
    "colour": (BANK, ["--color=yes"]),
    "all_reports": (BANK, ["-rA", "--tb=short"]),
    "workers": (BANK, ["-n", "2"]),
    "workers_verbose": (BANK, ["-n", "2", "-v", "--tb=short"]),
    "junit": (BANK, ["-q", "--junitxml=/dev/stdout", "-o", "junit_family=xunit2"]),
    "junit1": (BANK, ["-q", "--junitxml=/dev/stdout", "-o", "junit_family=xunit1"]),
    "collect": (COLLECT, []),
    "collect_no": (COLLECT, ["--tb=no"]),
    "collect_junit": (COLLECT, ["-q", "--junitxml=/dev/stdout"]),
    "conftest": (CONFTEST, []),
    "group": (GROUPS, []),
    "group_short": (GROUPS, ["--tb=short"]),
    "crash": (CRASH, ["-v"]),
    "crash_workers": (CRASH, ["-n", "2"]),
    "doctest": (DOCTEST, ["--doctest-modules"]),
    "subtests": (SUBTESTS, []),
    "inner": (INNER, []),
    "no_file": (USAGE, ["nope.py"]),
    "no_test": (USAGE, ["test_x.py::test_nope"]),
    "no_option": (USAGE, ["--no-such-option"]),
    "no_plugin": (USAGE, ["-p", "no_such_plugin"]),
    "bad_ini": (BAD_INI, []),
}
# What an old pytest has not, and what one version is enough for.
ONE_VERSION = {
    "long_locals",
    "colour",
    "all_reports",
    "workers",
    "quieter",
    "quiet",
    "crash_workers",
    "inner",
    "junit1",
}
SKIPPED = {
    "py39-pytest62": ONE_VERSION | {"subtests", "group", "group_short"},
    "py310-pytest74": ONE_VERSION | {"subtests"},
    "py312-pytest84": {"subtests"},
    "py313-pytest9": ONE_VERSION - {"colour", "workers"},
}


def write(project: Path, files: dict[str, str]) -> None:
    shutil.rmtree(project, ignore_errors=True)
    for name, text in files.items():
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def scrub(text: str, project: Path, environment: Path, home: str) -> str:
    text = text.replace(str(project), "/project").replace(str(environment), "/env").replace(home, "/lib")
    text = text.replace(str(project.parent), "/tmp")
    text = re.sub(r"0x[0-9a-f]{6,}", "0x7f0000000000", text)
    text = re.sub(r"pytest-of-\w+", "pytest-of-user", text)
    return re.sub(r'(timestamp|hostname)="[^"]*"', r'\1="scrubbed"', text)


def run(command: list[str], project: Path, environment: Path, home: str) -> str:
    clean = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/user",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(project.parent),
    }
    finished = subprocess.run(
        command, cwd=project, env=clean, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return scrub(finished.stdout.decode(errors="replace"), project, environment, home)


def shorten(text: str) -> str:
    """Drops most of the plugins' and the platform's own listings, which say nothing about failures."""
    return "\n".join(
        line for line in text.split("\n") if not line.startswith(("plugins: ", "created: ", ">       available"))
    )


def main(environments: Path) -> None:
    for environment in sorted(environments.glob("py*")):
        python = str(environment / "bin" / "python")
        home = subprocess.run(
            [python, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True
        ).stdout.strip()
        target = OUTPUTS / environment.name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="outputs-") as folder:
            project = Path(folder) / "project"

            def keep(name: str, command: list[str], project: Path = project, target: Path = target) -> None:
                text = run(command, project, environment, home)
                suffix = ".xml" if "junit" in name else ".txt"
                if suffix == ".xml":
                    text = text[text.index("<?xml") : text.rindex("</testsuites>")] + "</testsuites>\n"
                (target / f"{name}{suffix}").write_text(shorten(text))

            for name, (files, options) in PYTEST_RUNS.items():
                if name not in SKIPPED.get(environment.name, ()):
                    write(project, files)
                    keep(f"pytest_{name}", [python, "-m", "pytest", "-p", "no:cacheprovider", *options])
            if environment.name in {"py39-pytest62", "py312-pytest84"}:
                write(project, ENVIRONMENT)
                pytest = [python, "-m", "pytest", "-p", "no:cacheprovider"]
                keep("environment_unplugged", [*UNPLUGGED, *pytest, "test_environment.py"])
                keep("environment_service", [*pytest, "test_service.py"])
                keep("environment_bugs", [*pytest, "test_bugs.py"])
                for name in ("newer", "typing", "union", "module", "old_module"):
                    keep(f"environment_{name}", [*pytest, f"test_{name}.py"])
            write(project, UNIT)
            keep("unittest_quiet", [python, "-m", "unittest"])
            keep("unittest_verbose", [python, "-m", "unittest", "-v", "test_unit"])
            write(project, SCRIPTS)
            for script in sorted(SCRIPTS):
                if "/" not in script:
                    keep(f"script_{script.removesuffix('.py')}", [python, script])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
