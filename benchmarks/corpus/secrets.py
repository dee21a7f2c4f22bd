"""The row ``corpus-secrets``: planted secrets found, innocent strings let be, and the speed beside detect-secrets.

Two hundred secrets of more than thirty kinds, made up after the services' published formats, go into real files of
this Python and its packages, each line in a file of its language where there is one. Five thousand innocent strings of
high entropy go into such files too. A secret is found when what is reported covers all of it and redaction leaves no
trace; an innocent string is a false alarm when anything reported touches it.
"""

from __future__ import annotations

import argparse
import os
import random
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from benchmarks.corpus.innocents import innocents
from benchmarks.corpus.plants import Plant, plants
from benchmarks.registry import Outcome, benchmark

BAR_FOUND, BAR_FALSE = 0.99, 0.01
PLANTS, INNOCENTS, PER_FILE = 200, 5000, 25
SEED = 20_260_101

# Languages with few files here are planted in those of a language that looks like them.
_ENDINGS = {
    "python": (".py",),
    "c": (".c", ".h"),
    "javascript": (".js",),
    "html": (".html",),
    "xml": (".xml", ".html"),
    "json": (".json",),
    "yaml": (".yaml", ".yml"),
    "toml": (".toml", ".ini", ".cfg"),
    "ini": (".ini", ".cfg", ".toml"),
    "shell": (".sh",),
    "markdown": (".md", ".rst"),
    "typescript": (".js",),
    "java": (".h", ".js"),
    "csharp": (".h", ".js"),
    "go": (".c", ".h"),
    "php": (".js",),
    "ruby": (".py",),
    "sql": (".sql", ".md"),
}


@benchmark(name="corpus-secrets", bar="99% found, <1% false", describe="planted secrets and innocent strings")
def measure(arguments: Sequence[str]) -> Outcome:
    """Plant, search, count; then the speed over the standard library's files against detect-secrets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks corpus-secrets", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of the plants and the innocent strings")
    parser.add_argument("--plants", type=int, default=PLANTS)
    parser.add_argument("--innocents", type=int, default=INNOCENTS)
    parser.add_argument("--no-speed", action="store_true", help="leave the timing out")
    options = parser.parse_args(arguments)
    found, planted = _search_plants(options.seed, options.plants)
    false, innocent = _search_innocents(options.seed, options.innocents)
    print(f"seed {options.seed}: found {found} of {planted} planted secrets, {false} of {innocent} innocent strings")
    if not options.no_speed:
        _print_speed()
    share, alarms = found / planted, false / innocent
    passed = share >= BAR_FOUND and alarms < BAR_FALSE
    return Outcome(f"{share:.1%} found, {alarms:.2%} false", passed)


@cache
def files() -> tuple[Path, ...]:
    """The files to plant in, by size and name so that their order does not depend on where they lie.

    Python files come from the standard library alone: packages beside it differ from one machine to the next.
    """
    wanted = {ending for endings in _ENDINGS.values() for ending in endings}
    found: dict[Path, int] = {}
    for folder in sorted({sysconfig.get_path(name) for name in ("stdlib", "purelib", "include")}):
        for base, _, names in os.walk(folder):
            for name in names:
                path = Path(base, name)
                if path.suffix not in wanted or (path.suffix == ".py" and "site-packages" in path.parts):
                    continue
                size = path.stat().st_size if path.is_file() else 0
                if 500 < size < 60_000:
                    found[path] = size
    return tuple(sorted(found, key=lambda path: (found[path], path.name, str(path))))


@cache
def hosts(language: str) -> tuple[Path, ...]:
    """Those of `files` that lines of `language` may be planted in."""
    chosen = tuple(path for path in files() if path.suffix in _ENDINGS[language])
    return chosen or hosts("python")


def planted_in(rng: random.Random, text: str, snippets: Sequence[str]) -> str:
    """`text` with each snippet on lines of its own, at places drawn for them."""
    lines = text.split("\n")
    for snippet in snippets:
        at = rng.randrange(len(lines) + 1)
        before = lines[at - 1] if at else ""
        indent = before[: len(before) - len(before.lstrip())]
        lines[at:at] = [indent + snippet if "\n" not in snippet else snippet]
    return "\n".join(lines)


def host_text(rng: random.Random, language: str) -> str:
    """The text of a real file of `language`."""
    return rng.choice(hosts(language)).read_text(encoding="utf-8", errors="replace")


def is_found(text: str, plant: Plant) -> bool:
    """Whether what is reported in `text` covers the planted secret, and redaction leaves it nowhere."""
    from quantatissu.corpus.secrets import find_secrets, redact

    start = text.index(plant.secret)
    end = start + len(plant.secret)
    covered = any(secret.start <= start and end <= secret.end for secret in find_secrets(text))
    return covered and plant.secret not in redact(text).text


def _search_plants(seed: int, count: int) -> tuple[int, int]:
    rng = random.Random(seed)
    drawn = plants(rng, count)
    missed = [
        plant
        for plant in drawn
        if not is_found(planted_in(rng, host_text(rng, plant.language), [plant.snippet]), plant)
    ]
    print(f"{len({plant.kind for plant in drawn})} kinds, {len({plant.language for plant in drawn})} languages")
    for plant in missed:
        shown = plant.snippet.replace(plant.secret, "…").replace("\n", "\\n")[:100]
        print(f"  missed: {plant.kind} in {plant.language}: {shown}")
    return len(drawn) - len(missed), len(drawn)


def _search_innocents(seed: int, count: int) -> tuple[int, int]:
    from quantatissu.corpus.secrets import find_secrets

    rng = random.Random(seed)
    drawn = innocents(rng, count)
    false = 0
    alarms: Counter[str] = Counter()
    for first in range(0, len(drawn), PER_FILE):
        batch = drawn[first : first + PER_FILE]
        host = host_text(rng, rng.choice(["python", "javascript", "c", "yaml", "json"]))
        text = planted_in(rng, host, [line for line, _ in batch])
        found = find_secrets(text)
        for line, string in batch:
            # The host file could hold a short string itself: look for it inside its own line.
            start = text.index(line) + line.index(string)
            touching = [secret for secret in found if secret.start < start + len(string) and start < secret.end]
            if touching:
                false += 1
                alarms[f"{touching[0].kind}: {line.replace(string, '…')[:80]!r}"] += 1
    for what, times in alarms.most_common(20):
        print(f"  false alarm, {times} times: {what}")
    return false, len(drawn)


def _print_speed() -> None:
    """Megabytes a second on one core, over the standard library, and over a share of it for detect-secrets."""
    from quantatissu.corpus.secrets import find_secrets

    files = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if "site-packages" not in path.parts]
    started = time.process_time()
    for text in texts:
        find_secrets(text)
    ours = sum(map(len, texts)) / (time.process_time() - started) / 1e6
    print(f"this package: {ours:.1f} MB/s over {sum(map(len, texts)) / 1e6:.1f} MB of the standard library")
    try:
        from detect_secrets.core.secrets_collection import SecretsCollection
        from detect_secrets.settings import default_settings
    except ImportError:
        print("detect-secrets is not installed beside this interpreter: no comparison")
        return
    sample = texts[:: max(1, len(texts) // 60)]
    with tempfile.TemporaryDirectory() as folder, default_settings():
        for number, text in enumerate(sample):
            Path(folder, f"{number}.py").write_text(text, encoding="utf-8")
        paths = sorted(str(path) for path in Path(folder).iterdir())
        started = time.process_time()
        for path in paths:
            SecretsCollection().scan_file(path)
        theirs = sum(map(len, sample)) / (time.process_time() - started) / 1e6
    print(f"detect-secrets: {theirs:.2f} MB/s over {sum(map(len, sample)) / 1e6:.1f} MB; ratio {ours / theirs:.0f}")
