"""What confinement this machine allows, found out by building it once, and what to do about what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.sandbox.confine import Mechanism, Sandbox
from quantatissu.sandbox.process import LaunchError

_UNCONFINED_HINT = "Nothing is run without it."


@dataclass(frozen=True, slots=True)
class Capability:
    """One part of the confinement: is it there, in which form, and if not, what to do (``advice``)."""

    name: str
    present: bool
    detail: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What `open_sandbox` will use here (``mechanism``, None when nothing works) and the parts one by one."""

    mechanism: Mechanism | None
    user_namespaces: Capability
    bubblewrap: Capability
    landlock: Capability
    seccomp: Capability
    private_proc: Capability
    limits: Capability

    @property
    def parts(self) -> tuple[Capability, ...]:
        """All parts, in the order a person wants to read them."""
        return (
            self.user_namespaces,
            self.bubblewrap,
            self.seccomp,
            self.landlock,
            self.private_proc,
            self.limits,
        )


def open_sandbox(*, unconfined: bool = False) -> Sandbox:
    """The strongest sandbox this machine allows.

    The first call builds one to see that it works (about 50 ms); the answer is kept for the process. Raises
    QuantaError that names what is missing and how to get it. Only ``unconfined=True`` gives a `Sandbox` without
    confinement, whose ``mechanism`` says so.
    """
    if unconfined:
        return Sandbox("unconfined")
    capabilities = available()
    if capabilities.mechanism == "bubblewrap":
        return Sandbox("bubblewrap", _bubblewrap())
    if capabilities.mechanism == "namespaces":
        return Sandbox("namespaces")
    missing = capabilities.user_namespaces
    raise QuantaError(
        f"code cannot be confined on this machine: {missing.detail}. {_UNCONFINED_HINT}", hint=missing.advice
    )


@lru_cache(maxsize=1)
def available() -> Capabilities:
    """Probe this machine. Never raises; the answer is kept for the process."""
    own, own_error = _attempt(Sandbox("namespaces"))
    executable = _bubblewrap()
    wrapped: dict[str, Any] | None = None
    wrapped_error = ""
    if own is None and executable is not None:
        wrapped, wrapped_error = _attempt(Sandbox("bubblewrap", executable))
    facts = own or wrapped or {}
    mechanism: Mechanism | None = "namespaces" if own is not None else "bubblewrap" if wrapped is not None else None
    return Capabilities(
        mechanism=mechanism,
        user_namespaces=_user_namespaces(own, own_error, mechanism),
        bubblewrap=_describe_bubblewrap(executable, own is not None, wrapped is not None, wrapped_error),
        landlock=_landlock(facts),
        seccomp=_seccomp(mechanism, own_error),
        private_proc=_proc(facts),
        limits=Capability(
            "limits",
            sys.platform == "linux",
            "per process by resource limits, per tree by sampling every 10 to 50 ms; no control group is needed",
        ),
    )


def _attempt(sandbox: Sandbox) -> tuple[dict[str, Any] | None, str]:
    if sys.platform != "linux":
        return None, "this is not Linux"
    try:
        return sandbox.probe(), ""
    except LaunchError as error:
        return None, str(error)
    except QuantaError as error:
        return None, error.message
    except OSError as error:
        return None, str(error)


def _bubblewrap() -> Path | None:
    found = shutil.which("bwrap", path="/usr/bin:/usr/local/bin:/bin:/run/current-system/sw/bin")
    return Path(found) if found else None


def _user_namespaces(facts: dict[str, Any] | None, error: str, mechanism: Mechanism | None) -> Capability:
    if facts is not None:
        return Capability("user namespaces", True, "allowed")
    if mechanism is not None:
        return Capability("user namespaces", False, error)
    return Capability("user namespaces", False, error, _advice())


def _advice() -> str:
    """The one change most likely to help on this machine."""
    if sys.platform != "linux":
        return "Linux is supported, and Windows through WSL 2."
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor keeps user namespaces from programs without a profile. Install bubblewrap (it has one), or run "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return "Run `sudo sysctl kernel.unprivileged_userns_clone=1`, or install bubblewrap."
    if _setting("user/max_user_namespaces") == "0":
        return "Run `sudo sysctl user.max_user_namespaces=10000`, or install bubblewrap."
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):  # noqa: PTH110
        return (
            "In a container, start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined`."
        )
    return "Install bubblewrap (`apt install bubblewrap`, `dnf install bubblewrap`)."


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""


def _describe_bubblewrap(executable: Path | None, not_needed: bool, works: bool, error: str) -> Capability:
    if executable is None:
        advice = None if not_needed else "Install it: `apt install bubblewrap`, `dnf install bubblewrap`."
        return Capability("bubblewrap", False, "not installed" + (", not needed" if not_needed else ""), advice)
    if not_needed:
        return Capability("bubblewrap", True, f"{executable}, not needed")
    return Capability("bubblewrap", works, str(executable) if works else f"{executable}: {error}")


def _landlock(facts: dict[str, Any]) -> Capability:
    version = int(facts.get("landlock", 0))
    if version:
        return Capability("Landlock", True, f"version {version}")
    return Capability(
        "Landlock",
        False,
        "not offered by the kernel; mounts alone guard files",
        "Optional: Linux 5.19 or later with `landlock` in the kernel's `lsm=` list adds a second layer.",
    )


def _seccomp(mechanism: Mechanism | None, error: str) -> Capability:
    if mechanism is not None:
        return Capability("system call filter", True, "on")
    broken = error.startswith("seccomp")
    return Capability(
        "system call filter",
        False,
        error if broken else "not tried",
        "Use a kernel with CONFIG_SECCOMP_FILTER." if broken else None,
    )


def _proc(facts: dict[str, Any]) -> Capability:
    form = str(facts.get("proc", "none"))
    return Capability(
        "private /proc",
        form == "fresh",
        form,
        None
        if form in ("fresh", "none")
        else "The kernel refuses a full one inside this container; some programs miss it. Docker: "
        "`--security-opt systempaths=unconfined`.",
    )
