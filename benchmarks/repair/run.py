"""Give one task to the tool and judge what comes back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.repair.baseline import Baseline, baseline
from benchmarks.repair.evaluate import judge
from benchmarks.repair.layout import build, hidden, hide
from benchmarks.repair.packages import PACKAGES, Package, fetch
from benchmarks.repair.suite import Definition, Limits, fresh_seconds, run_suite
from benchmarks.repair.tasks import Task
from benchmarks.repair.tool import Answer, apply_patch, changed, fix, snapshot

ALTERNATIVES_JUDGED = 4


@dataclass(frozen=True, slots=True)
class Result:
    """One task's outcome, as stored.

    ``verdict``: ``correct`` (every test passes that passed before the fault), ``plausible`` (every visible one does),
    ``wrong`` (neither), ``none`` (no patch). ``rank`` is the place of the first correct patch among the one offered
    (1) and its alternatives. ``false_claim``: said ``fixed`` while visible tests fail. ``touched`` are changed files
    that are not the package's source. ``found_at`` and ``operators`` are as the tool reports them, if it does.
    ``seconds`` is wall-clock time of the tool, ``limit`` what it was given, ``stages`` its own account of it;
    ``fresh_seconds`` what one candidate takes in a fresh process. ``problems`` are all other breaches.
    """

    task: str
    split: str
    source: str
    kind: str
    stage: str
    package: str
    status: str
    verdict: str
    rank: int | None
    false_claim: bool
    touched: tuple[str, ...]
    seconds: float
    limit: float
    fresh_seconds: float
    stages: Mapping[str, float]
    candidates_tried: int
    candidates_per_second: float
    found_at: int | None
    operators: tuple[str, ...]
    patch: str
    message: str
    problems: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Case:
    """A task with all that running and judging it needs. ``visible`` are the test ids the tool gets to see."""

    task: Task
    package: Package
    archive: Path
    base: Baseline
    secret: frozenset[Definition]
    visible: frozenset[str]
    python: Path

    def build(self, target: Path) -> Path:
        """The package with its faults and all its tests, unpacked at `target`."""
        return build(self.archive, self.task.faults, target)

    def build_visible(self, target: Path) -> Path:
        """The package with its faults, as the tool gets to see it."""
        self.build(target)
        hide(target, self.secret)
        return target


def load_case(task: Task, python: Path) -> Case:
    """Fetch what `task` needs. Raises FetchError when the package's archive cannot be had."""
    package = PACKAGES[task.package]
    archive = fetch(task.package, task.version, sha256=task.sha256, python=python)
    return make_case(task, package, archive, baseline(package, archive, python), python)


def make_case(task: Task, package: Package, archive: Path, base: Baseline, python: Path) -> Case:
    """The case of `task`, with its hidden and visible tests told apart."""
    all_fail = task.stage == "import"
    secret = hidden(task.id, base.definitions, task.failing, task.shown, package, all_fail=all_fail)
    visible = frozenset(test for test in base.passing if base.definitions.get(test) not in secret)
    return Case(task, package, archive, base, secret, visible, python)


def run_task(task: Task, tool: Sequence[str], python: Path, *, seconds: float) -> Result:
    """Fetch, build, run and judge one task; see `run_case`. Raises FetchError when its archive cannot be had."""
    return run_case(load_case(task, python), tool, seconds=seconds)


def run_case(case: Case, tool: Sequence[str], *, seconds: float) -> Result:
    """Build a fresh copy of the case, run `tool` on it for at most `seconds`, and judge the outcome."""
    task, python = case.task, case.python
    with tempfile.TemporaryDirectory(prefix="bench-repair-") as scratch:
        copy = case.build_visible(Path(scratch) / task.package)
        fresh = fresh_seconds(case.package, case.build_visible(Path(scratch) / "fresh"), python, limit=seconds)
        answer, written = tried(tool, copy, case.package.command(python), seconds=seconds)
        verdict = judge_written(case, written)
        false_claim = False
        if answer.status == "fixed" and verdict in ("none", "wrong"):
            seen = run_suite(case.package, copy, python, limits=Limits.after(case.base.seconds))
            false_claim = not seen.passed >= case.visible
        problems = breaches(case, answer, {path: new or b"" for path, new in written.items()}, limit=seconds)
    rank = 1 if verdict == "correct" else rank_of_correct(case, answer) if verdict == "plausible" else None
    data = answer.data
    return Result(
        task=task.id,
        split=task.split,
        source=task.source,
        kind=task.kind,
        stage=task.stage,
        package=task.package,
        status=answer.status,
        verdict=verdict,
        rank=rank,
        false_claim=false_claim,
        touched=tuple(path for path in written if not case.package.is_source(path)),
        seconds=round(answer.seconds, 3),
        limit=seconds,
        fresh_seconds=round(fresh, 3),
        stages=dict(data.get("seconds") or {}),
        candidates_tried=int(data.get("candidates_tried") or 0),
        candidates_per_second=float(data.get("candidates_per_second") or 0.0),
        found_at=data.get("found_at"),
        operators=tuple(data.get("operators") or ()),
        patch=str(data.get("patch") or ""),
        message=str(data.get("message") or ""),
        problems=tuple(problems),
    )


def tried(
    tool: Sequence[str], copy: Path, test: str, *, seconds: float, options: Sequence[str] = ()
) -> tuple[Answer, dict[str, bytes | None]]:
    """The answer of `fix`, and what the files that it changed below `copy` now hold; None for those that are gone."""
    before = snapshot(copy)
    answer = fix(tool, copy, test, seconds=seconds, options=options)
    after = snapshot(copy)
    return answer, {path: after[path][1] if path in after else None for path in changed(before, after)}


def judge_written(case: Case, written: Mapping[str, bytes | None]) -> str:
    """The verdict on what `tried` found changed; ``none`` where that is nothing."""
    if not written:
        return "none"
    return judge_files(case, {path: content for path, content in written.items() if content is not None})


def judge_files(case: Case, contents: Mapping[str, bytes]) -> str:
    """The verdict on a patch given as new contents of files; only those of source files are taken over."""
    with tempfile.TemporaryDirectory(prefix="bench-judge-") as scratch:
        root = case.build(Path(scratch) / case.package.name)
        for path, content in contents.items():
            if case.package.is_source(path):
                (root / path).write_bytes(content)
        return judge(case.package, root, case.base, case.visible, case.python)


def rank_of_correct(case: Case, answer: Answer) -> int | None:
    """The place of the first correct patch among the alternatives (the first has place 2); None when there is none."""

    def right(root: Path) -> bool:
        return judge(case.package, root, case.base, case.visible, case.python) == "correct"

    offered = list(answer.data.get("alternatives") or ())[:ALTERNATIVES_JUDGED]
    return place_of_right(offered, lambda scratch: case.build(scratch / case.package.name), right)


def place_of_right(
    alternatives: Sequence[Any], build: Callable[[Path], Path], right: Callable[[Path], bool]
) -> int | None:
    """The place of the first alternative with which what is built in a new folder is right; the first has place 2."""
    for place, alternative in enumerate(alternatives, start=2):
        patch = alternative if isinstance(alternative, str) else str(alternative.get("patch", ""))
        with tempfile.TemporaryDirectory(prefix="bench-judge-") as scratch:
            root = build(Path(scratch))
            if apply_patch(root, patch) and right(root):
                return place
    return None


def breaches(case: Case, answer: Answer, written: Mapping[str, bytes], *, limit: float) -> list[str]:
    """What the run did against its contract, apart from false claims and touched tests.

    `written` are the changed files and what they now hold.
    """
    found = [answer.trouble] if answer.trouble else []
    if answer.seconds > limit + 15:
        found.append(f"took {answer.seconds:.0f} s of {limit:.0f}")
    if answer.status in ("error", "nothing_to_fix"):
        found.append(f"{answer.status}: {answer.data.get('message')}")
    if answer.status == "fixed" and not written:
        found.append("said fixed and changed nothing")
    if written and answer.status != "fixed":
        found.append(f"changed {', '.join(written)} without a fix")
    elif written and not patch_matches(case, str(answer.data.get("patch") or ""), written):
        found.append("the patch printed is not what was written")
    return found


def patch_matches(case: Case, patch: str, written: Mapping[str, bytes]) -> bool:
    """Whether ``git apply`` of the patch on a fresh copy gives exactly the files written."""
    with tempfile.TemporaryDirectory(prefix="bench-patch-") as scratch:
        root = case.build_visible(Path(scratch) / case.package.name)
        before = snapshot(root)
        if not apply_patch(root, patch):
            return False
        after = snapshot(root)
        return {path: after.get(path, (0, b""))[1] for path in changed(before, after)} == dict(written)
