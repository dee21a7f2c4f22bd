"""The row ``corpus-throughput``: megabytes a second on one core, against datatrove and in full.

Both read the same JSON Lines, this machine's standard library and installed packages, and do the same: read, filter
by the same rule, exact and near duplicates, write. What is compared is processor time, of all processes together, less
that of the same program over one tiny file: start-up is not counted, and neither is what else the machine does. Then
the full pipeline over the same files where they lie: licence, quality, parse, secrets, decontamination (with
--benchmarks), duplicates, tokens, shards, report.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, Skip, benchmark

BAR_RATIO, BAR_SPEED = 5.0, 2.0
LEAST_MEGABYTES = 200.0
REQUIREMENTS = ("datatrove==0.10.1", "orjson", "xxhash<4", "regex", "nltk", "pyarrow", "tokenizers")
_PART_BYTES = 16_000_000


@benchmark(
    name="corpus-throughput", bar="5x, 2 MB/s", describe="against datatrove, same stages; full pipeline, one core"
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Run both sides and the full pipeline; the value is the ratio and the full pipeline's MB a processor second."""
    from benchmarks.corpus.builds import build_command, watch, write_modules, write_recipe
    from benchmarks.corpus.default import read_megabytes
    from benchmarks.samples import parser

    options = parser("corpus-throughput", __doc__)
    options.add_argument("--megabytes", type=float, default=LEAST_MEGABYTES, help="for the comparison")
    options.add_argument("--benchmarks", type=Path, help="a folder of benchmark files to decontaminate against")
    options.add_argument("--all", action="store_true", help="take as long as it takes")
    chosen = options.parse_args(arguments)
    peer = peer_python()
    with tempfile.TemporaryDirectory(prefix="quanta-throughput-") as name:
        folder = Path(name)
        megabytes = write_files(folder / "all", chosen.megabytes)
        write_files(folder / "tiny", 0.2)
        (folder / "log").touch()
        speeds = []
        for side, command in (
            ("datatrove", [str(peer), str(Path(__file__).with_name("peers") / "datatrove_side.py")]),
            ("quantatissu", [sys.executable, "-m", "benchmarks.corpus.same_stages"]),
        ):
            seconds = []
            for size in ("tiny", "all"):
                source, work = folder / size, folder / f"{side}-{size}"
                parts = len(list(source.iterdir()))
                end = [str(source), str(work), str(parts)] if side == "datatrove" else [f"{source}/*.jsonl", str(work)]
                seconds.append(watch([*command, *end], folder / "log").processor_seconds)
            speeds.append(megabytes / (seconds[1] - seconds[0]))
            print(
                f"{side}: {megabytes:.0f} MB in {seconds[1]:.1f} processor seconds, {seconds[0]:.1f} of them start-up"
            )
        extra = f'[decontaminate]\nfolder = "{chosen.benchmarks.resolve()}"\n' if chosen.benchmarks else ""
        tiny = write_modules(folder / "modules", 0.2, seed=1)
        small = write_recipe(folder / "small.toml", [f'kind = "jsonl"\npaths = ["{tiny}"]\n'], extra)
        recipe = write_recipe(folder / "full.toml", ['kind = "stdlib"\n', 'kind = "installed"\n'], extra)
        started = watch(build_command(small, folder / "small"), folder / "log").processor_seconds
        spent = watch(build_command(recipe, folder / "full"), folder / "log").processor_seconds
        read = read_megabytes(folder / "full")
    full = read / (spent - started)
    print(f"full pipeline: {read:.0f} MB in {spent:.1f} processor seconds, {started:.1f} of them start-up")
    ratio = speeds[1] / speeds[0]
    value = f"{ratio:.1f}x ({speeds[1]:.1f} against {speeds[0]:.2f} MB/s), {full:.1f} MB/s in full"
    return Outcome(value, ratio >= BAR_RATIO and full >= BAR_SPEED)


def write_files(folder: Path, megabytes: float) -> float:
    """This machine's own source files as JSON Lines, up to some megabytes; returns how many there are."""
    from benchmarks.corpus.files import code_files

    folder.mkdir(parents=True)
    rows: list[str] = []
    size = total = number = 0
    for path in code_files():
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        rows.append(json.dumps({"content": text, "path": path.as_posix()}))
        size += len(text)
        if size >= min(_PART_BYTES, megabytes * 1e6 - total):
            (folder / f"part-{number:03d}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
            total, size, number, rows = total + size, 0, number + 1, []
            if total >= megabytes * 1e6:
                break
    return total / 1e6


def peer_python() -> Path:
    """The interpreter that has datatrove, made on first use below ``.benchmarks``. Raises Skip without it."""
    folder = Path(__file__).parents[2] / ".benchmarks" / "datatrove"
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS) + "\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *REQUIREMENTS]
            subprocess.run(install, check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            raise Skip("datatrove cannot be installed here") from error
        stamp.write_text(wanted)
    return python
