"""What a benchmark folder holds: one `Problem` for each task, with the texts that must not reach a training corpus.

Records of the published forms of HumanEval and HumanEval+, MBPP and MBPP+, the infilling sets and CRUXEval are put
together from their fields; any other record gives all of its longer strings, any other file its text.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError

TABLES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
TEXTS = (
    *(".txt", ".md", ".py", ".js", ".ts", ".java", ".go", ".rs"),
    *(".c", ".cc", ".cpp", ".h", ".cs", ".rb", ".php", ".sh"),
)
SHORTEST = 20  # characters of a field that says something


@dataclass(frozen=True, slots=True)
class Problem:
    """A task: ``name`` for people ("HumanEval/12"), ``family`` equal for records about the same task, ``prose`` the
    statement and tests as texts, ``code`` the solution as it would stand in a file.
    """

    name: str
    family: str
    prose: tuple[str, ...]
    code: tuple[str, ...]


def read_problems(folder: Path) -> Iterator[Problem]:
    """Every problem below `folder`, in order of file names and records. A benchmark that its files spell in several
    ways goes by the first of them.

    Raises QuantaError when the folder is missing, holds no benchmark file, or a file cannot be read.
    """
    if not folder.is_dir():
        hint = "Give the folder that holds the benchmark files."
        raise QuantaError(f"there is no benchmark folder {folder}", hint=hint)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name.endswith(TABLES + TEXTS))
    files = [path for path in files if path.name != "README.md"]
    if not files:
        raise QuantaError(f"{folder} holds no benchmark file", hint=f"Known endings: {' '.join(TABLES + TEXTS)}")
    spellings: dict[str, str] = {}
    for problem in _read(files, folder):
        benchmark, slash, task = problem.name.partition("/")
        spelling = spellings.setdefault(benchmark.lower(), benchmark)
        yield replace(problem, name=f"{spelling}{slash}{task}")


def _read(files: Iterable[Path], folder: Path) -> Iterator[Problem]:
    for path in files:
        benchmark = path.name.split(".", 1)[0]
        try:
            if path.name.endswith(TABLES):
                for number, record in enumerate(_records(path)):
                    yield _problem(record, benchmark, number)
            else:
                yield _from_text(path.read_text("utf-8", "replace"), path, folder)
        except (OSError, ValueError, EOFError) as error:
            raise QuantaError(f"cannot read the benchmark file {path}: {error}") from error


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet

        for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
        return
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".jsonl" in path.name:
        yield from (json.loads(line) for line in data.splitlines() if line.strip())
        return
    whole = json.loads(data)
    rows = whole if isinstance(whole, list) else list(whole.values()) if isinstance(whole, dict) else []
    yield from (row for row in rows if isinstance(row, Mapping))


def _from_text(text: str, path: Path, folder: Path) -> Problem:
    name = path.relative_to(folder).as_posix()
    code = path.suffix not in {".txt", ".md"}
    return Problem(name, name, () if code else (text,), (text,) if code else ())


def _problem(record: Mapping[str, Any], benchmark: str, number: int) -> Problem:
    task = str(record.get("task_id", record.get("id", record.get("name", number))))
    name = task if "/" in task else f"{benchmark}/{task}"
    known = record.keys()
    if known >= {"prompt", "canonical_solution"}:
        return _completion(record, name)
    if known >= {"text", "code", "test_list"}:
        tests = "\n".join([*record["test_list"], *record.get("challenge_test_list", ())])
        return Problem(name, name.lower(), (record["text"], tests), (record["code"],))
    if known >= {"code", "input", "output"}:
        call = f"assert f({record['input']}) == {record['output']}"
        return Problem(name, name, (call,), (record["code"],))
    return Problem(name, name, tuple(text for text in _strings(record) if len(text) >= SHORTEST), ())


def _completion(record: Mapping[str, Any], name: str) -> Problem:
    """A record whose solution completes its prompt, or, where the prompt is a mere docstring, stands alone."""
    prompt, solution = record["prompt"], record["canonical_solution"]
    alone = solution.lstrip("\n").startswith(("def ", "import ", "from ", "class ", "@"))
    code = solution if alone else prompt + solution + record.get("suffix", "")
    family = "/".join(re.sub(r"^\w+Infilling/", "", name).split("/")[:2]).lower()
    tests = [record[key] for key in ("test", "assertion", "test_code") if isinstance(record.get(key), str)]
    whole = "suffix" in record  # an infilling task: its prompt is a piece of the code and of the task it was made from
    return Problem(name, family, tuple(tests) if whole else (prompt, *tests), (code,))


def _strings(value: Any) -> Iterator[str]:
    """Every string inside a decoded JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
