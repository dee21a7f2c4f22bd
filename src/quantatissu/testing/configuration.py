"""``[tool.quanta]`` in a project's pyproject.toml."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quantatissu.foundation import QuantaError
from quantatissu.testing.reading import read_toml

Permission = Literal["network-loopback", "network", "home"]


class Settings(BaseModel):
    """The project's own defaults; an option on the command line goes before each.

    ``test`` is a test command, ``python`` an interpreter (a path, or a name on PATH), ``max-seconds`` the budget in
    seconds, ``files`` globs of the files that may be edited. ``allow``, ``env`` and ``readable`` ask for more than the
    sandbox gives: see `requests`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    test: str | None = Field(default=None, min_length=1)
    python: str | None = Field(default=None, min_length=1)
    max_seconds: float | None = Field(default=None, alias="max-seconds", gt=0, allow_inf_nan=False)
    files: tuple[str, ...] = ()
    allow: tuple[Permission, ...] = ()
    env: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()

    @property
    def requests(self) -> tuple[str, ...]:
        """What the settings ask for beyond the sandbox's defaults, as command line words, for a person to grant.

        The settings come with the repository, which is untrusted: it may ask, and only its user may say yes. A
        private loopback (``network-loopback``) reaches nothing of the host, so it is no request.
        """
        permissions = [f"--allow {name}" for name in self.allow if name != "network-loopback"]
        return (*permissions, *(f"--env {name}" for name in self.env), *(f"readable {path}" for path in self.readable))


def load_settings(root: Path) -> Settings:
    """The project's ``[tool.quanta]``, or the defaults when it has none.

    Raises QuantaError for a pyproject.toml that is not TOML, an unknown key (with the nearest known one), a value of
    the wrong type or range.
    """
    path = root / "pyproject.toml"
    data = read_toml(path)
    tool = data.get("tool", {})
    section = tool.get("quanta", {}) if isinstance(tool, dict) else {}
    if not isinstance(section, dict):
        raise QuantaError(f"{path}: tool.quanta must be a table.", hint="Write its settings below [tool.quanta].")
    try:
        return Settings.model_validate(section)
    except ValidationError as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: ValidationError) -> QuantaError:
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        known = sorted(field.alias or name for name, field in Settings.model_fields.items())
        near = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else f"Known settings: {', '.join(known)}."
        return QuantaError(f"{path}: [tool.quanta] has no setting {key}.", hint=hint)
    return QuantaError(f"{path}: [tool.quanta] {key}: {first['msg']}.", hint=f"It is {first['input']!r} now.")
