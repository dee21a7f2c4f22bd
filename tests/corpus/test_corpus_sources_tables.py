"""JSON Lines, Parquet and Hub data sets as sources."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_support import paths, read, reasons, source

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.hub_errors import explained
from quantatissu.corpus.sources.jsonl import _split
from quantatissu.corpus.sources.presets import PRESETS
from quantatissu.foundation import QuantaError

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

ROWS = [
    {"content": f"x = {number}\n" * 40, "path": f"a/{number}.py", "licences": ["MIT"], "repository": "r"}
    for number in range(50)
]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


# -- JSON Lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd)],
)
def test_json_lines_whole_and_in_parts(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / f"d.jsonl{suffix}").write_bytes(pack(lines(ROWS)))
    whole = source(tmp_path, kind="jsonl", paths=["."])
    files, skipped = read(whole)
    assert skipped == []
    assert [(file.origin.path, file.data.decode()) for file in files] == [(row["path"], row["content"]) for row in ROWS]
    assert (files[0].licences, files[0].origin.repository) == (("MIT",), "r")
    parts = source(tmp_path, kind="jsonl", paths=["d.jsonl*"], group_bytes=3000)
    if not suffix:
        assert len(parts.groups()) > 5
    assert read(parts) == (files, [])


def test_torn_and_malformed_lines_are_reported(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(
        lines(ROWS[:1])
        + b'{"content": "x", \n[1, 2]\n\n"text"\n{"path": "none.py"}\n{"content": "\\ud800", "path": "half.py"}\n'
        + b'{"content": "'
        + b"y" * 3000
        + b'", "path": "big.py"}\n'
        + b"{" * 100_000
        + b'\n{"content": "z", "path": "fine.py"}\n{"content": "torn aw'
    )
    files, skipped = read(source(tmp_path, kind="jsonl", paths=["d.jsonl"], max_file_bytes=2000))
    assert paths(files) == ["a/0.py", "fine.py"]
    assert [one.reason for one in skipped] == [
        *("bad_line", "bad_line", "bad_line", "no_text", "not_unicode", "too_large", "bad_line", "torn_line")
    ]
    assert skipped[0].origin.path.startswith("d.jsonl@")


def test_a_line_too_long_for_memory_is_passed_over(tmp_path: Path) -> None:
    long = b'{"content": "' + b"y" * (5 << 20) + b'"}\n'
    (tmp_path / "d.jsonl").write_bytes(lines(ROWS[:1]) + long + lines(ROWS[1:2]) + long[:-2])
    files, skipped = read(source(tmp_path, kind="jsonl", paths=["d.jsonl"], max_file_bytes=2000))
    assert paths(files) == ["a/0.py", "a/1.py"]
    assert [one.reason for one in skipped] == ["line_too_long", "line_too_long"]


def test_a_last_line_without_its_end_is_whole_if_it_is_json(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(lines(ROWS[:3])[:-1])
    assert len(read(source(tmp_path, kind="jsonl", paths=["d.jsonl"]))[0]) == 3


def test_torn_compressed_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(lines(ROWS))[:-20])
    for group_bytes in (1 << 20, 300):
        opened = source(tmp_path, kind="jsonl", paths=["d.jsonl.gz"], group_bytes=group_bytes)
        _, skipped = read(opened)
        assert [one.reason for one in skipped] == ["damaged_file"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=30).map(lambda part: part.replace(b"\n", b"")), max_size=12), st.integers(1, 40))
def test_ranges_part_the_lines_between_them(parts: list[bytes], step: int) -> None:
    data = b"".join(part + b"\n" for part in parts)
    found: list[tuple[int, bytes | Unreadable]] = []
    for start in range(0, len(data), step):
        begin = max(0, start - 1)
        left = [data[begin:]]

        def take(size: int, left: list[bytes] = left) -> bytes:
            chunk, left[0] = left[0][:size], left[0][size:]
            return chunk

        stop = start + step if start + step < len(data) else None
        found += _split(SimpleNamespace(read=lambda size, take=take: take(7)), begin, start, stop, 1000)
    assert [line for _, line in found] == [part for part in parts if part.strip()]
    assert all(data[offset:].startswith(line) for offset, line in found if isinstance(line, bytes))


def test_columns_are_mapped(tmp_path: Path) -> None:
    row = {
        "code": "int x;\n",
        "repo": {"name": "o/n", "sha": "c0ffee"},
        "lic": "MIT OR Apache-2.0",
        "lang": "C",
        "when": "2024-05-06",
        "url": f"https://github.com/o/n/blob/{'a' * 40}/x.c#L1",
    }
    (tmp_path / "d.jsonl").write_bytes(lines([row]))
    columns = {
        "text": "code", "repository": "repo.name", "revision": "repo.sha", "licences": "lic", "language": "lang",
        "date": "when", "path": "",
    }  # fmt: skip
    (file,), _ = read(source(tmp_path, kind="jsonl", paths=["d.jsonl"], columns=columns))
    assert file.data == b"int x;\n"
    assert (file.origin.repository, file.origin.revision, file.origin.date) == ("o/n", "c0ffee", "2024-05-06")
    assert (file.origin.path, file.licences, file.language) == ("d.jsonl@0", ("MIT OR Apache-2.0",), "C")
    by_address = {**columns, "revision": "url"}
    (file,), _ = read(source(tmp_path, kind="jsonl", paths=["d.jsonl"], columns=by_address, repository="given"))
    assert file.origin.revision == "a" * 40


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_wrong_column_is_named_before_anything_is_read(tmp_path: Path, kind: str) -> None:
    if kind == "jsonl":
        (tmp_path / "d.jsonl").write_bytes(lines(ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    with pytest.raises(QuantaError, match="no column 'contents'; did you mean 'content'") as caught:
        source(tmp_path, kind=kind, paths=[f"d.{kind}"], columns={"text": "contents"}).groups()
    assert "repository" in (caught.value.hint or "")
    with pytest.raises(QuantaError, match="no column 'when'"):
        source(tmp_path, kind=kind, paths=[f"d.{kind}"], columns={"date": "when"}).groups()


# -- Parquet ---------------------------------------------------------------------------------------------------------


def test_parquet_by_row_groups_and_parts_of_them(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{**row, "other": "z" * 100, "date": datetime.date(2024, 1, 2)} for row in ROWS])
    pq.write_table(table, tmp_path / "d.parquet", row_group_size=20, use_dictionary=False, compression="zstd")
    whole = source(tmp_path, kind="parquet", paths=["d.parquet"])
    files, skipped = read(whole)
    assert skipped == []
    assert [(file.origin.path, file.data.decode()) for file in files] == [(row["path"], row["content"]) for row in ROWS]
    assert {file.origin.date for file in files} == {"2024-01-02"}
    assert len(whole.groups()) == 1
    parts = source(tmp_path, kind="parquet", paths=["d.parquet"], group_bytes=1500)
    assert len(parts.groups()) > 3
    assert read(parts)[0] == files


def test_damaged_parquet_is_reported(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "good.parquet")
    data = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "torn.parquet").write_bytes(data[:-50])
    (tmp_path / "noise.parquet").write_bytes(b"PAR1 this is none" * 10)
    files, skipped = read(source(tmp_path, kind="parquet", paths=["."]))
    assert len(files) == len(ROWS)
    assert reasons(skipped) == {"torn.parquet": "damaged_file", "noise.parquet": "damaged_file"}


def test_rows_without_text_or_path(tmp_path: Path) -> None:
    rows = [{"content": None, "path": "none.py"}, {"content": "x" * 90, "path": None}, {"content": "y", "path": "y.py"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    files, skipped = read(source(tmp_path, kind="parquet", paths=["d.parquet"], max_file_bytes=50, repository="mine"))
    assert paths(files) == ["y.py"]
    assert files[0].origin.repository == "mine"
    assert reasons(skipped) == {"none.py": "no_text", "d.parquet@0.1": "too_large"}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_object_stores_are_read_by_address(tmp_path: Path, kind: str) -> None:
    """``file://`` goes the way of ``s3://``: the same listing, opening and identity through pyarrow."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    if kind == "jsonl":
        (tmp_path / "in" / "deep" / "d.jsonl").write_bytes(lines(ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "in" / "deep" / "d.parquet")
    local = read(source(tmp_path, kind=kind, paths=["in"]))
    root = f"file://{tmp_path}/in"
    for address in (root, f"{root}/*.{kind}", f"{root}/deep/d.{kind}"):
        assert read(source(Path("/"), kind=kind, paths=[address], group_bytes=1500)) == local
    for address in (f"{root}/*.csv", "nostore://bucket/x"):
        with pytest.raises(QuantaError, match=r"no files at|cannot be opened"):
            source(tmp_path, kind=kind, paths=[address]).groups()


def test_a_changed_table_has_another_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(lines(ROWS))
    opened = source(tmp_path, kind="jsonl", paths=["d.jsonl"])
    before = opened.groups()
    assert before == opened.groups()
    (tmp_path / "d.jsonl").write_bytes(lines(ROWS[::-1]))
    assert before[0].fingerprint != opened.groups()[0].fingerprint


# -- the Hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def datasets() -> Any:
    return pytest.importorskip("datasets")


def stack_row(number: int) -> dict[str, Any]:
    return {
        "hexsha": f"{number:040x}",
        "lang": "Python",
        "max_stars_repo_path": f"src/{number}.py",
        "max_stars_repo_name": "owner/name",
        "max_stars_repo_head_hexsha": "b" * 40,
        "max_stars_repo_licenses": ["MIT"],
        "content": f"x = {number}\n" * 30,
    }


def test_a_folder_that_datasets_saved(datasets: Any, tmp_path: Path) -> None:
    columns = PRESETS["bigcode/the-stack-dedup"].columns.model_dump()
    data = datasets.Dataset.from_list([stack_row(number) for number in range(40)])
    datasets.DatasetDict({"train": data}).save_to_disk(str(tmp_path / "saved"))
    opened = source(tmp_path, kind="hub", dataset="saved", columns=columns, group_bytes=4000)
    assert len(opened.groups()) > 2
    files, skipped = read(opened)
    assert skipped == []
    assert paths(files) == [f"src/{number}.py" for number in range(40)]
    assert files[7].data.decode() == "x = 7\n" * 30
    assert (files[7].origin.repository, files[7].origin.revision) == ("owner/name", "b" * 40)
    assert (files[7].licences, files[7].language) == (("MIT",), "Python")
    assert opened.describe()["revision"]
    with pytest.raises(QuantaError, match="no split 'test'"):
        source(tmp_path, kind="hub", dataset="saved", split="test").groups()
    with pytest.raises(QuantaError, match="no column 'content_'"):
        source(tmp_path, kind="hub", dataset="saved", columns={"text": "content_"}).groups()


def test_a_folder_of_data_files_is_streamed_by_row_group(
    datasets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "files" / "data" / "python"
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist([stack_row(number) for number in range(30)])
    pq.write_table(table, folder / "train-0.parquet", row_group_size=10)
    columns = PRESETS["bigcode/the-stack-dedup"].columns.model_dump()
    opened = source(tmp_path, kind="hub", dataset="files", columns=columns, folders=["data/python"])
    groups = opened.groups()
    assert len(groups) == 3
    assert len({group.fingerprint for group in groups}) == 3
    assert paths(read(opened)[0]) == [f"src/{number}.py" for number in range(30)]
    first = source(tmp_path, kind="hub", dataset="files", columns=columns, folders=["data/python"], most_groups=1)
    assert len(read(first)[0]) == 10


def test_texts_that_lie_elsewhere_are_fetched(datasets: Any, tmp_path: Path) -> None:
    columns = PRESETS["bigcode/the-stack-v2-dedup"].columns.model_dump()
    texts = {"a1": "x = 'é'\n".encode("latin-1"), "b2": b"y = 1\n", "c3": b"z" * 5000}
    (tmp_path / "contents").mkdir()
    for name, text in texts.items():
        (tmp_path / "contents" / name).write_bytes(gzip.compress(text))
    (tmp_path / "contents" / "d4").write_bytes(gzip.compress(b"y" * 500)[:-9])
    rows = [
        {
            "blob_id": blob, "path": f"/{blob}.py", "repo_name": "o/n", "revision_id": "r", "src_encoding": encoding,
            "detected_licenses": ["MIT"], "language": "Python", "revision_date": datetime.datetime(2023, 1, 2, 3, 4, 5),
        }
        for blob, encoding in [
            ("a1", "ISO-8859-1"), ("b2", "UTF-8"), ("c3", "UTF-8"), ("d4", ""), ("e5", ""), ("../b2", ""), ("", ""),
        ]
    ]  # fmt: skip
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    table = {"kind": "hub", "dataset": "saved", "columns": columns, "max_file_bytes": 1000}
    files, skipped = read(source(tmp_path, **table, contents="contents"))
    assert [(file.origin.path, file.data.decode()) for file in files] == [
        ("/a1.py", "x = 'é'\n"),
        ("/b2.py", "y = 1\n"),
    ]
    assert files[0].origin.date == "2023-01-02T03:04:05"
    assert [one.reason for one in skipped] == ["too_large", "damaged_blob", "missing_blob", "bad_blob_id", "no_text"]
    assert read(source(tmp_path, **table, contents=f"file://{tmp_path}/contents")) == (files, skipped)
    with pytest.raises(QuantaError, match="ids of files and not their text"):
        read(source(tmp_path, **table))


def answered(status: int) -> Exception:
    error = RuntimeError(f"{status} from the server")
    error.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
    return error


def hub_error(module: str, name: str) -> Exception:
    """A library's own error, made without the request that it would come from."""
    pytest.importorskip(module)
    kind = getattr(sys.modules[module], name)
    made: Exception = kind.__new__(kind)
    made.args = (f"{name} happened\nwith more lines",)
    return made


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: hub_error("huggingface_hub.errors", "GatedRepoError"), "is gated", "hf auth login"),
        (lambda: hub_error("datasets.exceptions", "DatasetNotFoundError"), "no data set o/d", "Check the name"),
        (lambda: hub_error("huggingface_hub.errors", "RevisionNotFoundError"), "no such revision", "commits/main"),
        (lambda: hub_error("huggingface_hub.errors", "OfflineModeIsEnabled"), "switched off", "HF_HUB_OFFLINE"),
        (lambda: hub_error("datasets.exceptions", "DataFilesNotFoundError"), "no data files", "folders"),
        (lambda: answered(401), "wants a login", "hf auth login"),
        (lambda: answered(403), "is gated", "Accept its terms"),
        (lambda: answered(429), "too many requests", "--resume"),
        (lambda: answered(503), "cannot be reached", "--resume"),
        (lambda: ConnectionError("no route"), "cannot be reached for o/d: no route", "Offline"),
        (lambda: TimeoutError(), "cannot be reached", "Offline"),
        (lambda: ValueError("Unknown split \"x\". Should be one of ['train']."), "Unknown split", "`split`"),
        (lambda: ModuleNotFoundError("no", name="datasets"), "needs the package datasets", "corpus"),
    ],
)
def test_the_hubs_failures_are_explained(make: Callable[[], Exception], message: str, hint: str) -> None:
    error = make()
    with pytest.raises(QuantaError) as caught, explained("hub", "o/d"):
        raise error
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert "\n" not in caught.value.message


def test_gated_access_is_told_from_the_cause() -> None:
    with pytest.raises(QuantaError, match="is gated"), explained("hub", "o/d"):
        try:
            raise answered(403)
        except RuntimeError as error:
            raise ValueError("could not load") from error


def test_our_own_faults_are_not_explained_away() -> None:
    with pytest.raises(KeyError), explained("hub", "o/d"):
        raise KeyError("ours")


def test_without_the_extra_the_hub_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(QuantaError, match="needs the package huggingface_hub") as caught:
        source(tmp_path, kind="hub", dataset="bigcode/the-stack-dedup").groups()
    assert "pip install" in (caught.value.hint or "")


def test_a_data_set_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: Any) -> None:
    import huggingface_hub

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("network is unreachable")

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", refuse)
    with pytest.raises(QuantaError, match="cannot be reached for bigcode/the-stack-dedup"):
        source(tmp_path, kind="hub", dataset="bigcode/the-stack-dedup").groups()
