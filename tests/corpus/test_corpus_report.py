"""Reports on builds: every figure against the rows it was made of, the same bytes each time, and nothing run on the way."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from corpus_report_build import BuildSample, identity, realistic

from quantatissu.corpus.report import Report, build, summary, write_report
from quantatissu.corpus.report.model import Amount
from quantatissu.foundation import QuantaError


def small() -> BuildSample:
    sample = BuildSample("small")
    first = sample.keep("a.py", tokens=250, redactions='{"email": 2, "private_key": 1}')
    sample.keep("b.py", tokens=50, size=200, redactions='{"email": 1}', licences=["MIT", "Apache-2.0"])
    sample.keep("c.rs", tokens=100, size=400, language="rust", repository="other", split="validation", source="git")
    sample.repeat("a_copy.py", first)
    sample.repeat("a_like.py", first, "near", 0.9, size=900, revision="2.0")
    sample.drop("d.py", "licence", "licence_unknown", "nothing says", "import os\n", size=10)
    sample.drop("e.py", "licence", "licence_not_allowed", "GPL-3.0-only", size=20, source="git", date="")
    sample.drop("f.bin", "decode", "binary", "4 NUL bytes", size=3000, language="")
    sample.drop("g.py", "decontaminate", "same_function", "HumanEval/12", "def f():\n", size=7)
    sample.drop("h.py", "decontaminate", "same_function", "HumanEval/12, mbpp/3", size=7)
    sample.drop("i.py", "decontaminate", "ngram_overlap", "notes.txt", size=7)
    sample.manifest = {"recipe_hash": "abc", "versions": {"python": "3.11"}, "sources": {"git": {"kind": "git"}}}
    return sample


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return summary(small().write(tmp_path_factory.mktemp("build")))


def test_totals(report: Report) -> None:
    assert (report.name, report.recipe_hash) == ("small", "abc")
    assert report.read == Amount(11, 1000 + 200 + 400 + 1000 + 900 + 10 + 20 + 3000 + 21)
    assert report.kept == Amount(3, 1600)
    assert report.tokens == 400


def test_the_funnel_is_in_the_order_of_the_stages(report: Report) -> None:
    steps = [(step.stage, step.dropped.documents, step.left.documents) for step in report.funnel]
    assert steps == [
        ("decode", 1, 10),
        ("licence", 2, 8),
        ("decontaminate", 3, 5),
        ("exact duplicates", 1, 4),
        ("near duplicates", 1, 3),
    ]
    assert report.funnel[-1].left == report.kept


def test_languages_with_tokens_and_losses(report: Report) -> None:
    python, rust, unknown = report.languages
    assert (python.language, python.read.documents, python.kept, python.tokens) == ("python", 9, Amount(2, 1200), 300)
    assert python.bytes_per_token == 4.0
    assert python.dropped["licence"] == Amount(2, 30)
    assert list(python.dropped) == ["licence", "decontaminate", "exact duplicates", "near duplicates"]
    assert (rust.language, rust.kept, rust.tokens) == ("rust", Amount(1, 400), 100)
    assert (unknown.language, unknown.read, unknown.kept) == ("unknown", Amount(1, 3000), Amount(0, 0))


def test_reasons_with_examples(report: Report) -> None:
    by_reason = {reason.reason: reason for reason in report.reasons}
    assert [reason.dropped.documents for reason in report.reasons] == [2, 1, 1, 1, 1]
    example = by_reason["licence_unknown"].examples[0]
    assert (example.path, example.detail, example.excerpt) == ("d.py", "nothing says", "import os\n")


def test_licences_repositories_and_sources_of_what_is_in_the_shards(report: Report) -> None:
    assert [(line.licences, line.kept) for line in report.licences] == [
        (("MIT",), Amount(2, 1400)),
        (("MIT", "Apache-2.0"), Amount(1, 200)),
    ]
    assert [(line.name, line.kept) for line in report.repositories] == [
        ("left-pad", Amount(2, 1200)),
        ("other", Amount(1, 400)),
    ]
    git, packages = report.sources
    assert (git.name, git.described, git.read, git.kept, git.groups) == (
        "git",
        {"kind": "git"},
        Amount(2, 420),
        Amount(1, 400),
        1,
    )
    assert (packages.oldest, packages.newest) == ("2026-01-02", "2026-01-02")


def test_duplicates(report: Report) -> None:
    found = report.duplicates
    assert (found.exact, found.near, found.clusters, found.sizes) == (Amount(1, 1000), Amount(1, 900), 1, ((2, 1),))
    (cluster,) = found.largest
    assert cluster.documents == 3
    assert cluster.members[0].path == "a.py"
    others = {member.path: (member.kind, member.jaccard) for member in cluster.members[1:]}
    assert others == {"a_copy.py": ("exact", 1.0), "a_like.py": ("near", 0.9)}


def test_benchmark_hits_by_task(report: Report) -> None:
    hits = [(hit.benchmark, hit.task, hit.documents, sorted(each.path for each in hit.examples)) for hit in report.hits]
    assert hits == [
        ("HumanEval", "12", 2, ["g.py", "h.py"]),
        ("mbpp", "3", 1, ["h.py"]),
        ("notes.txt", "", 1, ["i.py"]),
    ]


def test_functions_cut_out_are_hits_and_no_secrets(tmp_path: Path) -> None:
    sample = BuildSample()
    cut = {"benchmark:HumanEval/7": 1, "benchmark:Single/HumanEval/7/L0": 2, "email": 1}
    sample.keep("a.py", tokens=5, redactions=json.dumps(cut))
    sample.drop("b.py", "decontaminate", "same_function", "HumanEval/7")
    found = summary(sample.write(tmp_path))
    assert [(hit.benchmark, hit.task, hit.reason, hit.examples[0].path) for hit in found.hits] == [
        ("HumanEval", "7", "function_cut_out", "a.py"),
        ("HumanEval", "7", "same_function", "b.py"),
        ("Single", "HumanEval/7/L0", "function_cut_out", "a.py"),
    ]
    assert [line.kind for line in found.redactions] == ["email"]
    assert "Function cut out" in write_report(tmp_path).read_text()


@pytest.mark.parametrize("folder", ["", "benchmarks"])
def test_no_hits_is_told_apart_from_not_compared(tmp_path: Path, folder: str) -> None:
    sample = BuildSample()
    sample.keep("a.py", tokens=5)
    sample.manifest = {"recipe": {"name": "x", "decontaminate": {"folder": folder}}}
    shown = write_report(sample.write(tmp_path)).read_text()
    assert ("were not compared with any benchmark" in shown) == (not folder)
    assert ("No problem of the benchmarks in benchmarks was found" in shown) == bool(folder)


def test_a_file_that_was_read_twice_is_counted_once(tmp_path: Path) -> None:
    sample = BuildSample()
    sample.keep("a.py", tokens=5)
    sample.keep("a.py")
    found = summary(sample.write(tmp_path, group_rows=1))
    assert (found.read.documents, found.kept.documents, found.tokens) == (2, 1, 5)
    assert found.duplicates.exact == Amount(1, 1000)


def test_synthetic_records(tmp_path: Path) -> None:
    sample = BuildSample()
    sample.keep("a.py", tokens=5)
    for number in range(5):
        sample.spoil(
            f"a{number}.py", "bug", "tests", "off by one", "1 != 2", before="return n - 1\n", after="return n\n"
        )
    sample.spoil("b.py", "lint", "linter", "unused", "`os` imported but unused", before="import os\n", after="")
    found = summary(sample.write(tmp_path))
    bug, lint = found.synthetic
    assert (bug.kind, bug.method, bug.records, bug.operators, len(bug.examples)) == (
        "bug",
        "tests",
        5,
        {"off by one": 5},
        3,
    )
    assert (lint.kind, lint.method, lint.records) == ("lint", "linter", 1)
    assert bug.examples[0].evidence == "AssertionError: 1 != 2"
    shown = write_report(tmp_path).read_text()
    assert "Synthetic records" in shown and "- return n - 1\n+ return n" in shown


def test_redactions_and_splits(report: Report) -> None:
    assert [(line.kind, line.found, line.documents) for line in report.redactions] == [
        ("email", 3, 2),
        ("private_key", 1, 1),
    ]
    splits = [(split.name, split.kept, split.tokens, split.shards) for split in report.splits]
    assert splits == [("train", Amount(2, 1200), 300, 1), ("validation", Amount(1, 400), 100, 1)]
    assert [(split.repositories, split.largest) for split in report.splits] == [(1, ("left-pad",)), (1, ("other",))]


def test_both_files_are_written_and_agree(tmp_path: Path) -> None:
    page = write_report(small().write(tmp_path))
    assert page == tmp_path / "report.html"
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["kept"] == {"documents": 3, "bytes": 1600}
    assert data["funnel"][0]["stage"] == "decode"
    markup = page.read_text()
    for expected in (
        "Corpus small",
        "HumanEval",
        "private_key",
        "a_like.py",
        "Licence not allowed",
    ):
        assert expected in markup, expected
    assert sorted(path.name for path in tmp_path.glob("*report*")) == ["report.html", "report.json"]


def test_realistic_builds_add_up(tmp_path: Path) -> None:
    sample = realistic(3000)
    found = summary(sample.write(tmp_path))
    everything = Amount(len(sample.kept) + len(sample.dropped), sum(r["size"] for r in [*sample.kept, *sample.dropped]))
    assert found.read == everything
    assert found.kept.documents == len(sample.provenance)
    assert found.tokens == sum(row["tokens"] for row in sample.provenance)
    assert sum((line.read for line in found.languages), Amount()) == everything
    assert sum((line.kept for line in found.languages), Amount()) == found.kept
    assert sum((line.kept for line in found.licences), Amount()) == found.kept
    assert sum((split.kept for split in found.splits), Amount()) == found.kept
    assert sum(documents for _, documents in found.file_bytes.bins) == found.kept.documents
    sizes = Counter(row["kept"] for row in sample.duplicates)
    assert found.duplicates.clusters == len(sizes)
    assert [c.documents for c in found.duplicates.largest] == sorted((n + 1 for n in sizes.values()), reverse=True)[:12]
    assert all(1 <= len(reason.examples) <= 3 for reason in found.reasons)


def test_the_same_build_gives_the_same_bytes(tmp_path: Path) -> None:
    outputs = set()
    for name in ("one", "other"):
        page = write_report(realistic(500).write(tmp_path / name))
        outputs.add((page.read_bytes(), page.with_name("report.json").read_bytes()))
    assert len(outputs) == 1


def test_a_report_does_not_depend_on_the_pieces_it_was_read_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = summary(realistic(800).write(tmp_path / "whole"))
    monkeypatch.setattr(build, "_ROWS_AT_ONCE", 40)
    monkeypatch.setattr(build, "_BATCH", 7)
    pieces = summary(realistic(800).write(tmp_path / "pieces", group_rows=13))
    sources = tuple(replace(line, groups=0) for line in pieces.sources)
    assert replace(pieces, sources=sources) == replace(
        whole, sources=tuple(replace(line, groups=0) for line in whole.sources)
    )


def test_an_empty_corpus_has_a_report(tmp_path: Path) -> None:
    sample = BuildSample("empty")
    sample.drop("a.bin", "decode", "binary")
    found = summary(sample.write(tmp_path))
    assert (found.read.documents, found.kept, found.tokens) == (1, Amount(), 0)
    assert "No file repeats another one" in write_report(tmp_path).read_text()
    shutil.rmtree(tmp_path / "groups")
    assert "0\xa0files" in write_report(tmp_path).read_text()


def test_a_build_that_lacks_a_table_is_refused(tmp_path: Path) -> None:
    small().write(tmp_path)
    (tmp_path / "provenance.parquet").unlink()
    with pytest.raises(QuantaError, match=r"provenance\.parquet is missing"):
        write_report(tmp_path)


@pytest.mark.parametrize("manifest", [None, "", "{", "[]"])
def test_a_folder_without_a_finished_build_is_refused(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(QuantaError, match="manifest"):
        write_report(tmp_path)
    assert not list(tmp_path.glob("report*"))


HOSTILE = (
    "<script>alert(1)</script>",
    "</code></pre></details></section><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "\x1b]0;owned\x07\x00\x08\u202egpj.exe\u2066",
    "a\nb\tc\r\n&amp;<!--",
)


class Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def hostile_sample(texts: tuple[str, ...]) -> BuildSample:
    """A build that says `texts` wherever a document can say something."""
    sample = BuildSample(texts[0])
    for place, text in enumerate(texts):
        told = {"repository": text, "revision": text, "language": text, "date": text}
        kept = sample.keep(f"{text}{place}", tokens=3, licences=[text], redactions=json.dumps({text: 1}), **told)
        for copy in range(2):
            sample.repeat(f"{text}{place}/{copy}", kept, "near", 0.9, **told)
        sample.keep(f"{text}{place} cut", tokens=3, redactions=json.dumps({f"benchmark:{text}": 1}), **told)
        sample.spoil(f"{text}{place}", text, text, text, text, before=text, after=text)
        for stage in ("quality", "decontaminate", text):
            sample.drop(f"{text}{place}", stage, text, text, text, **told)
    sample.manifest = {
        "recipe": {"name": texts[0], "deep": [{texts[1]: texts[2]}]},
        "recipe_hash": texts[0],
        "versions": {texts[1]: texts[2]},
        "sources": {"packages": {"kind": texts[3], "location": texts[4]}},
    }
    return sample


def test_what_documents_say_is_shown_and_does_nothing(tmp_path: Path) -> None:
    page = write_report(hostile_sample(HOSTILE).write(tmp_path / "hostile"))
    plain = write_report(hostile_sample(tuple(f"text {n}" for n in range(len(HOSTILE)))).write(tmp_path / "plain"))
    markup = page.read_bytes().decode("utf-8")
    hostile, harmless = Tags(markup), Tags(plain.read_text(encoding="utf-8"))
    assert hostile.found - {"wbr"} == harmless.found - {"wbr"}
    assert hostile.attributes == harmless.attributes
    assert not {"script", "img", "iframe"} & hostile.found and not {a for a in hostile.attributes if a.startswith("on")}
    shown = "".join(hostile.text)
    assert (
        "<script>alert(1)</script>" in shown and "\\x1b]0;owned\\x07\\x00" in shown and "\\u202egpj.exe\\u2066" in shown
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", markup)


def test_files_left_out_for_their_secrets_are_never_quoted(tmp_path: Path) -> None:
    sample = BuildSample()
    secret = "AKIA" + identity("key")[:16].upper()
    sample.drop("keys.py", "secrets", "too_many_secrets", "41 secrets, at most 20", f"KEY = '{secret}'\n")
    write_report(sample.write(tmp_path))
    for name in ("report.html", "report.json"):
        text = (tmp_path / name).read_text()
        assert "keys.py" in text and "41 secrets" in text
        assert secret not in text
