"""Flags over ``[tool.quanta]`` over defaults, and what an untrusted repository may not set."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantatissu.cli.options import FixArguments, fix_options, project_root, require_supported
from quantatissu.foundation import QuantaError


def project(tmp_path: Path, settings: str = "") -> Path:
    (tmp_path / "pyproject.toml").write_text(f"[tool.quanta]\n{settings}\n")
    return tmp_path


def test_defaults(tmp_path: Path) -> None:
    options, warnings = fix_options(FixArguments(tmp_path))
    assert (options.path, options.test, options.python, options.max_seconds) == (tmp_path.resolve(), None, None, 60.0)
    assert (options.allow, options.environment, options.files, options.seed) == (frozenset(), (), (), 0)
    assert warnings == ()


@pytest.mark.parametrize(("typed", "model"), [(None, "tissu"), ("tissu", "tissu"), ("none", None)])
def test_the_model(tmp_path: Path, typed: str | None, model: str | None) -> None:
    assert fix_options(FixArguments(tmp_path, model=typed))[0].model == model


def test_without_its_engine_the_built_in_model_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert fix_options(FixArguments(tmp_path))[0].model is None


def test_settings_are_defaults_and_flags_win(tmp_path: Path) -> None:
    root = project(tmp_path, 'test = "pytest a"\nmax-seconds = 5\nfiles = ["src/*"]\npython = "bin/python3"')
    options, _ = fix_options(FixArguments(root))
    assert (options.test, options.max_seconds, options.files) == ("pytest a", 5.0, ("src/*",))
    assert options.python == root.resolve() / "bin/python3"
    options, _ = fix_options(
        FixArguments(root, test="pytest b", max_seconds=9, files=["lib/*"], python="python3.9", seed=4)
    )
    assert (options.test, options.max_seconds, options.files, options.seed) == ("pytest b", 9.0, ("lib/*",), 4)
    assert options.python == Path("python3.9")


def test_the_repository_cannot_open_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    root = project(tmp_path, 'allow = ["network", "home", "network-loopback"]\nenv = ["TOKEN"]')
    options, warnings = fix_options(FixArguments(root))
    assert options.allow == {"network-loopback"}
    assert options.environment == ()
    assert [name for name in ("network", "home", "TOKEN") if not any(f" {name}" in text for text in warnings)] == []

    options, warnings = fix_options(FixArguments(root, allow=["network,home"], environment=["TOKEN"]))
    assert options.allow == {"network", "home"}
    assert options.environment == ("TOKEN",)
    assert warnings == ()


def test_a_variable_that_is_not_set_is_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    assert fix_options(FixArguments(tmp_path, environment=["NO_SUCH"]))[1] == ("--env NO_SUCH: it is not set here",)


def test_allowances_may_be_repeated_and_joined(tmp_path: Path) -> None:
    options, _ = fix_options(FixArguments(tmp_path, allow=["network-loopback, home", "home"]))
    assert options.allow == {"network-loopback", "home"}


@pytest.mark.parametrize("settings", ["max-seconds = -1", "max_seconds = 3", 'test = ""', "unknown = 1"])
def test_settings_that_make_no_sense_name_the_file(tmp_path: Path, settings: str) -> None:
    with pytest.raises(QuantaError, match="pyproject"):
        fix_options(FixArguments(project(tmp_path, settings)))


def test_a_linked_folder_is_its_target(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert project_root(tmp_path / "link") == (tmp_path / "real").resolve()


@pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
def test_other_platforms_are_told_what_is_supported(platform: str) -> None:
    with pytest.raises(QuantaError, match=platform) as caught:
        require_supported(platform)
    assert caught.value.hint and "Linux" in caught.value.hint and "WSL" in caught.value.hint
    require_supported("linux")
