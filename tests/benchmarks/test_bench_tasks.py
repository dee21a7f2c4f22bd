"""Faults and manifests: the format, and what the shipped set promises."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from bench_support import FAULT, TASK

from benchmarks.repair.packages import PACKAGES
from benchmarks.repair.tasks import FOLDER, load, load_all, save


def test_a_fault_replaces_just_its_characters():
    assert FAULT.apply("z = x + y  # sum\r\n") == "z = x - y  # sum\r\n"


def test_a_fault_refuses_other_source():
    with pytest.raises(ValueError, match=r"a\.py:1"):
        FAULT.apply("z = x * y\n")


def test_a_manifest_comes_back_as_it_was(tmp_path):
    assert load(save(TASK, tmp_path)) == TASK


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1, "faults": [], "shown": [], "failing": []}'])
def test_what_is_no_manifest_is_named(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        load(path)


def test_an_unknown_id_is_named(tmp_path):
    save(TASK, tmp_path)
    assert load_all(tmp_path, ids=[TASK.id]) == [TASK]
    with pytest.raises(ValueError, match="a-9"):
        load_all(tmp_path, ids=["a-9"])


def test_the_shipped_set_is_what_the_readme_says():
    tasks = load_all()
    assert len(tasks) >= 120
    assert len({task.id for task in tasks}) == len(tasks) == len(list(FOLDER.glob("*.json")))
    assert len({task.package for task in tasks}) >= 6
    splits = Counter(task.split for task in tasks)
    assert min(splits["dev"], splits["test"]) >= 40
    pairs = [task for task in tasks if task.source == "pair"]
    assert len(pairs) >= 20
    assert all(len({fault.file for fault in task.faults}) == 2 == len(task.shown) for task in pairs)
    assert sum(task.source == "release" for task in tasks) >= 20
    for task in tasks:
        package = PACKAGES[task.package]
        assert task.version in package.releases and re.fullmatch("[0-9a-f]{64}", task.sha256)
        assert task.failing_count > 0 and task.shown
        assert all(package.is_source(fault.file) for fault in task.faults)


def test_no_fault_is_in_both_splits():
    where: dict[tuple[str, str, int, str, str], set[str]] = {}
    for task in load_all():
        for fault in task.faults:
            key = (task.package + task.version, fault.file, fault.start, fault.before, fault.after)
            where.setdefault(key, set()).add(task.split)
    assert not [key for key, splits in where.items() if len(splits) > 1]


def test_packages_kept_apart_have_no_task_for_tuning():
    assert not [task.id for task in load_all(split="dev") if PACKAGES[task.package].apart]
