"""The row ``install-size``: what ``pip install quantatissu`` downloads, without extras."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, Skip, benchmark

BAR_MEGABYTES = 90
ROOT = Path(__file__).resolve().parents[1]


@benchmark(name="install-size", bar="90 MB", describe="download of the base install, dependencies and weights included")
def measure(arguments: Sequence[str]) -> Outcome:
    """Build the wheel, let pip download it with its dependencies; the value is the sum of the files in MB (10^6)."""
    from benchmarks.samples import parser

    parser("install-size", __doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-size-") as scratch:
        wheels, downloads = Path(scratch) / "wheel", Path(scratch) / "all"
        pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
        (wheel,) = wheels.glob("*.whl")
        pip("download", "--only-binary", ":all:", "--dest", str(downloads), str(wheel))
        sizes = {path.name: path.stat().st_size for path in downloads.iterdir()}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{size / 1e6:8.2f} MB  {name}")
    total = sum(sizes.values()) / 1e6
    return Outcome(f"{total:.1f} MB", total < BAR_MEGABYTES)


def pip(*arguments: str) -> None:
    """Run pip quietly. Raises Skip when it fails, for instance without a network."""
    command = [sys.executable, "-m", "pip", arguments[0], "-q", "--disable-pip-version-check", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"pip {arguments[0]} failed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
