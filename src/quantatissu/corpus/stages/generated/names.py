"""What a path alone gives away: vendored code, test fixtures, lock files, outputs of generators."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

VENDORED_FOLDERS: Final = (
    "_vendor", "_vendored", "_vendored_packages", "vendor", "vendored", "vendors", "third_party", "third-party",
    "thirdparty", "3rdparty", "3rd_party", "external", "externals", "extern", "node_modules", "bower_components",
    "godeps", "jspm_packages", "site-packages", "dist-packages", "carthage", "pods", ".yarn", "_bundled", "bundled",
)  # fmt: skip
"""Folders of other people's code, in lower case: it has origins and licences of its own."""

FIXTURE_FOLDERS: Final = (
    "fixtures", "fixture", "__fixtures__", "testdata", "test_data", "test-data", "testfiles", "test_files",
    "snapshots", "__snapshots__", "golden", "goldens", "cassettes", "testcases", "samples_for_tests",
)  # fmt: skip
"""Folders of inputs and expected outputs of tests, in lower case."""

_TEST_FOLDERS = frozenset(["test", "tests", "testing", "__tests__", "spec", "specs"])
_BELOW_TESTS = frozenset(["data", "inputs", "input", "outputs", "output", "expected", "cases", "samples"])
_DISTRIBUTED = frozenset(["dist", "build", "bundle", "bundles", "static"])
_SCRIPTS = (".js", ".css", ".mjs", ".cjs")
_LOCK_FILES = frozenset(
    [
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "deno.lock",
        "poetry.lock", "pdm.lock", "uv.lock", "pixi.lock", "pipfile.lock", "conda-lock.yml", "cargo.lock",
        "cargo.toml.orig", "gemfile.lock", "composer.lock", "go.sum", "mix.lock", "podfile.lock", "pubspec.lock",
        "flake.lock", "packages.lock.json", "gradle.lockfile", "package.resolved", "cabal.project.freeze",
        "stack.yaml.lock",
    ]
)  # fmt: skip
_GENERATED_NAME = re.compile(
    r"_pb2(?:_grpc)?\.pyi?\Z|\.pb(?:\.gw)?\.(?:go|cc|h|c|swift)\Z|\.g\.(?:dart|cs)\Z|\.(?:freezed|mocks)\.dart\Z"
    r"|\.designer\.(?:cs|vb)\Z|\.(?:gen|generated)\.\w+\Z|_generated\.\w+\Z|\Azz_generated"
    r"|\A(?:parsetab|lextab|yacctab)\.py\Z"
    r"|\Amoc_\w+\.c(?:pp|xx)\Z|\.tab\.[ch]\Z|\Alex\.yy\.c\Z|_string\.go\Z",
)
_MINIFIED_NAME = re.compile(r"[.-]min\.(?:js|mjs|cjs|css)\Z|\.(?:bundle|packed|chunk)\.(?:js|css)\Z|-bundle\.js\Z")


@lru_cache(maxsize=8_192)
def vendored(folder: str, names: frozenset[str]) -> str:
    """The part of a lower-case folder path that says what is below is somebody else's; empty if none does."""
    return next((part for part in folder.split("/") if part in names), "")


@lru_cache(maxsize=8_192)
def fixture(folder: str, names: frozenset[str]) -> str:
    """The part of a lower-case folder path that says what is below are data of tests (``tests/data``); or empty."""
    below_tests = False
    for part in folder.split("/"):
        if part in names or (below_tests and part in _BELOW_TESTS):
            return part
        below_tests = below_tests or part in _TEST_FOLDERS
    return ""


def is_lock_file(filename: str) -> bool:
    """Whether a lower-case file name is that of a package manager's record of what it resolved."""
    return filename in _LOCK_FILES


def is_generated_name(filename: str) -> bool:
    """Whether a lower-case file name is one that generators give."""
    return _GENERATED_NAME.search(filename) is not None


def is_minified_name(folder: str, filename: str) -> bool:
    """Whether a lower-case name is that of a minified or bundled script, or it lies in a root folder for such."""
    if _MINIFIED_NAME.search(filename):
        return True
    return filename.endswith(_SCRIPTS) and folder.partition("/")[0] in _DISTRIBUTED
