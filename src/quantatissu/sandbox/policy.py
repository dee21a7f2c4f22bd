"""What a confined process may see and use, and what became of it. Plain data; no mechanism here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class Network(enum.Enum):
    """``NONE``: no interface is up. ``LOOPBACK``: a private 127.0.0.1, not the host's. ``HOST``: the host's network."""

    NONE = "none"
    LOOPBACK = "loopback"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Bind:
    """The host's ``source`` appears inside at ``target``, read-only unless ``writable``.

    A target may lie inside another bind's target; binds are made outermost first.
    """

    source: Path
    target: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits. Seconds, bytes and counts; ``None`` means no limit of our own."""

    wall_seconds: float | None = None
    cpu_seconds: int | None = None
    memory_bytes: int | None = 4 << 30
    processes: int | None = 256
    file_bytes: int | None = 1 << 30
    output_bytes: int = 4 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a confined process is given. What is not named here is not there.

    ``readable`` host paths are visible read-only at their own place (system folders such as /usr are always there);
    ``environment`` is the whole environment, not an addition. The home folder is an empty private one unless
    ``home_readable``; /tmp and /dev/shm are private and empty.
    """

    readable: tuple[Path, ...] = ()
    binds: tuple[Bind, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Network = Network.NONE
    home_readable: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Usage:
    """Resources used by the whole process tree: wall and CPU seconds, peak resident bytes of the largest process."""

    wall_seconds: float
    cpu_seconds: float
    max_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """How a confined command ended.

    Exactly one of ``exit_code`` and ``signal`` is set. ``limit`` names the limit that ended it (``wall``, ``cpu``,
    ``memory``, ``processes``, ``output``), if one did. ``stdout`` and ``stderr`` keep both ends when they were longer
    than ``Limits.output_bytes``, with a line in the middle that says how much is missing.
    """

    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    usage: Usage
    limit: str | None = None

    @property
    def ok(self) -> bool:
        return self.exit_code == 0
