"""Archives as a source: what they hold, and archives that would do harm."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_support import APACHE, MIT, paths, read, reasons, source, tar_bytes, zip_bytes

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.tar import tar_members
from quantatissu.corpus.sources.unpack import Bounds, members
from quantatissu.foundation import QuantaError

SDIST = {
    "demo-1.5/PKG-INFO": b"Metadata-Version: 2.1\nName: Demo_Kit\nVersion: 1.5\nLicense: MIT License\n\nLicense: GPL\n",
    "demo-1.5/demo/core.py": b"x = 1\n",
    "demo-1.5/demo/vendor/other.py": b"y = 1\n",
    "demo-1.5/demo/vendor/LICENSE": APACHE.encode(),
    "demo-1.5/demo/data.png": b"\x89PNG",
    "demo-1.5/LICENSE": MIT.encode(),
}
BOUNDS = Bounds(members=1000, unpacked=64 << 20, ratio=200)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip"])
def test_a_source_distribution(tmp_path: Path, suffix: str) -> None:
    mode = "w:" + suffix.removeprefix(".tar").removeprefix(".")
    data = zip_bytes(SDIST) if suffix == ".zip" else tar_bytes(SDIST, mode)
    (tmp_path / f"anything{suffix}").write_bytes(data)
    files, skipped = read(source(tmp_path, kind="archives", paths=["*"]))
    assert skipped == []
    assert paths(files) == ["PKG-INFO", "demo/core.py", "demo/vendor/other.py", "demo/vendor/LICENSE", "LICENSE"]
    core, vendored = files[1], files[2]
    assert (core.origin.repository, core.origin.revision, core.data) == ("demo-kit", "1.5", b"x = 1\n")
    assert (core.licences, core.licence_texts) == (("MIT",), (MIT,))
    assert (vendored.licences, vendored.licence_texts) == ((), (APACHE,))


def test_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "w.whl").write_bytes(
        zip_bytes(
            {
                "demo/__init__.py": b"x = 1\n",
                "demo-2.dist-info/METADATA": b"Name: demo\nVersion: 2\nLicense-Expression: Apache-2.0\n",
                "demo-2.dist-info/licenses/LICENSE": APACHE.encode(),
                "demo-2.dist-info/RECORD": b"",
            }
        )
    )
    files, _ = read(source(tmp_path, kind="archives", paths=["w.whl"]))
    assert paths(files) == ["demo/__init__.py"]
    assert (files[0].origin.revision, files[0].licences, files[0].licence_texts) == ("2", ("Apache-2.0",), (APACHE,))


@pytest.mark.parametrize(
    ("manifest", "text", "expected"),
    [
        (
            "Cargo.toml",
            '[package]\nname = "c"\nversion = "3"\nlicense = "MIT OR Apache-2.0"',
            ("c", "3", ("MIT OR Apache-2.0",)),
        ),
        (
            "pyproject.toml",
            '[project]\nname = "P.q"\nversion = "1"\nlicense = {text = "BSD 2-Clause"}',
            ("p-q", "1", ("BSD-2-Clause",)),
        ),
        ("package.json", '{"name": "@a/b", "version": "4", "license": "ISC"}', ("@a/b", "4", ("ISC",))),
        ("package.json", '{"name": "b", "licenses": [{"type": "MIT"}, {"type": "0BSD"}]}', ("b", "", ("MIT OR 0BSD",))),
        ("package.json", '{"name": 3, "license": [', ("kit", "9.1", ())),
        ("pyproject.toml", "not = [toml", ("kit", "9.1", ())),
        ("pyproject.toml", "project = 3", ("kit", "9.1", ())),
    ],
)
def test_other_manifests(tmp_path: Path, manifest: str, text: str, expected: tuple[object, ...]) -> None:
    (tmp_path / "kit-v9.1.tar.gz").write_bytes(tar_bytes({f"top/{manifest}": text.encode(), "top/a.c": b"int x;\n"}))
    files, _ = read(source(tmp_path, kind="archives", paths=["."]))
    code = next(file for file in files if file.origin.path == "a.c")
    assert (code.origin.repository, code.origin.revision, code.licences) == expected


def info(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_links_devices_and_paths_that_lead_out(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(
        tar_bytes(
            {
                "good.py": b"x = 1\n",
                "../escape.py": b"x",
                "/etc/absolute.py": b"x",
                "a/../../up.py": b"x",
                "C:\\windows.py": b"x",
                "soft.py": info("soft.py", tarfile.SYMTYPE, "/etc/passwd"),
                "hard.py": info("hard.py", tarfile.LNKTYPE, "../../secret"),
                "pipe.py": info("pipe.py", tarfile.FIFOTYPE),
                "device.py": info("device.py", tarfile.CHRTYPE),
                "folder.py": info("folder.py", tarfile.DIRTYPE),
                "./also/./good.py": b"y = 1\n",
            },
            "w",
        )
    )
    files, skipped = read(source(tmp_path, kind="archives", paths=["bad.tar"]))
    assert paths(files) == ["good.py", "also/good.py"]
    assert reasons(skipped) == {
        **dict.fromkeys(("../escape.py", "/etc/absolute.py", "a/../../up.py", "C:\\windows.py"), "unsafe_path"),
        **dict.fromkeys(("soft.py", "hard.py"), "link"),
        **dict.fromkeys(("pipe.py", "device.py"), "device"),
    }


def zip_link(name: str, target: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        archive.writestr(entry, target)
        archive.writestr("../out.py", b"x")
        archive.writestr("in.py", b"x = 1\n")
    return stream.getvalue()


def test_a_zip_with_a_link_and_a_path_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_link("link.py", b"/etc/passwd"))
    files, skipped = read(source(tmp_path, kind="archives", paths=["a.zip"]))
    assert paths(files) == ["in.py"]
    assert reasons(skipped) == {"link.py": "link", "../out.py": "unsafe_path"}


def pax(records: bytes, announced: int | None = None) -> bytes:
    header = info("pax", tarfile.XHDTYPE)
    header.size = len(records) if announced is None else announced
    return header.tobuf(tarfile.GNU_FORMAT) + records + bytes(-len(records) % 512)


def bomb_zip() -> bytes:
    return zip_bytes({f"{number}.py": bytes(4 << 20) for number in range(8)})


def many_members() -> bytes:
    return zip_bytes({f"{number}.py": b"" for number in range(1100)})


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("ratio.tar.gz", tar_bytes({"big.py": bytes(32 << 20)}), "compression_ratio"),
        ("ratio.tar.bz2", tar_bytes({"big.py": bytes(32 << 20)}, "w:bz2"), "compression_ratio"),
        ("ratio.tar.xz", tar_bytes({"big.py": bytes(32 << 20)}, "w:xz", preset=0), "compression_ratio"),
        ("ratio.zip", bomb_zip(), "compression_ratio"),
        ("size.tar", tar_bytes({"big.py": bytes(9 << 20)}, "w"), "too_large"),
        ("members.zip", many_members(), "too_many_members"),
        ("members.tar", tar_bytes({f"{number}.py": b"" for number in range(1100)}, "w"), "too_many_members"),
        ("header.tar.gz", gzip.compress(pax(bytes(4 << 20))), "header_too_large"),
        ("announced.tar", pax(b"", announced=1 << 40), "header_too_large"),
        ("pax.tar", pax(b"999999 path=x\n"), "damaged_archive"),
        ("paxsize.tar", pax(b"12 size=-99\n") + tar_bytes({"a.py": b"x"}, "w"), "damaged_archive"),
        ("torn.tar.gz", tar_bytes(SDIST)[:-40], "damaged_archive"),
        ("torn.tar.xz", tar_bytes(SDIST, "w:xz")[:-40], "damaged_archive"),
        ("torn.zip", zip_bytes(SDIST)[:-30], "damaged_archive"),
        ("torn.tar", tar_bytes(SDIST, "w")[:1300], "damaged_archive"),
        ("noise.zip", b"PK\3\4" + bytes(range(256)) * 8, "damaged_archive"),
        ("noise.tgz", b"\x1f\x8b" + bytes(range(256)) * 8, "damaged_archive"),
        ("text.tar", b"this is no archive " * 100, "damaged_archive"),
    ],
)
def test_bombs_and_damage_give_nothing_and_stay_small(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    opened = source(tmp_path, kind="archives", paths=[name], max_archive_bytes=8 << 20, max_members=1000)
    tracemalloc.start()
    files, skipped = read(opened)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert files == []
    assert [one.reason for one in skipped] == [reason]
    assert peak < 24 << 20


def test_an_xz_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    data = bytearray(lzma.compress(tar_bytes(SDIST, "w"), preset=0))
    size = 4 * (
        data[12] + 1
    )  # of the block header: itself, flags, then the filter's id, its length and dictionary size
    assert data[14:16] == b"\x21\x01"
    data[16] = 40  # 4 GiB
    data[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(data[12 : 12 + size - 4]))
    (tmp_path / "a.tar.xz").write_bytes(data)
    files, skipped = read(source(tmp_path, kind="archives", paths=["a.tar.xz"]))
    assert files == []
    assert [(one.reason, one.detail) for one in skipped] == [("damaged_archive", "Memory usage limit exceeded")]


def test_zip_members_that_lie_or_are_locked(tmp_path: Path) -> None:
    data = bytearray(zip_bytes({"a.py": b"x = 1\n" * 100, "b.py": b"y = 1\n"}))
    directory = data.index(b"PK\1\2")
    data[directory + 24 : directory + 28] = struct.pack("<I", 50)  # announces less than there is
    (tmp_path / "lies.zip").write_bytes(data)
    locked = bytearray(zip_bytes({"c.py": b"z = 1\n", "d.py": b"z = 2\n"}))
    directory = locked.index(b"PK\1\2")
    locked[directory + 8] |= 1
    second = locked.index(b"PK\1\2", directory + 4)
    locked[second + 10] = zipfile.ZIP_LZMA
    (tmp_path / "locked.zip").write_bytes(locked)
    files, skipped = read(source(tmp_path, kind="archives", paths=["lies.zip", "locked.zip"]))
    assert paths(files) == ["b.py"]
    assert reasons(skipped) == {"a.py": "damaged_member", "c.py": "encrypted", "d.py": "unsupported_compression"}


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "latin.tar").write_bytes(
        tar_bytes(
            {"caf\udce9.py": b"x = 1\n", "na\u00efve.py": b"x"},
            "w",
            format=tarfile.GNU_FORMAT,
            errors="surrogateescape",
        )
    )
    files, _ = read(source(tmp_path, kind="archives", paths=["latin.tar"]))
    assert paths(files) == ["caf\\xe9.py", "na\u00efve.py"]
    data = zip_bytes({"naXXve.py": b"x"}).replace(b"naXXve", "na\u00efve".encode())
    (tmp_path / "unmarked.zip").write_bytes(data)
    files, _ = read(source(tmp_path, kind="archives", paths=["unmarked.zip"]))
    assert paths(files) == ["na\u00efve.py"]


def test_large_archives_come_in_parts(tmp_path: Path) -> None:
    content = {f"top/{number:02}.py": bytes([number]) * 3000 for number in range(20)}
    (tmp_path / "large.tar").write_bytes(tar_bytes({**content, "top/LICENSE": MIT.encode()}, "w"))
    (tmp_path / "large.zip").write_bytes(zip_bytes({**content, "top/LICENSE": MIT.encode()}))
    for name in ("large.tar", "large.zip"):
        whole = source(tmp_path, kind="archives", paths=[name])
        parts = source(tmp_path, kind="archives", paths=[name], group_bytes=10_000 if name.endswith("r") else 500)
        assert len(parts.groups()) > 3
        assert read(parts) == read(whole)
        assert {file.licence_texts for file in read(parts)[0]} == {(MIT,)}


def test_a_large_damaged_archive_is_reported_once(tmp_path: Path) -> None:
    content = {f"{number:02}.py": bytes([number]) * 3000 for number in range(20)}
    (tmp_path / "large.tar").write_bytes(tar_bytes(content, "w")[:-20_000])
    opened = source(tmp_path, kind="archives", paths=["large.tar"], group_bytes=10_000)
    files, skipped = read(opened)
    assert (files, len(skipped)) == ([], 1)


def test_where_archives_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "b.tar").write_bytes(tar_bytes({"b.py": b"x"}, "w"))
    (tmp_path / "in" / "a.zip").write_bytes(zip_bytes({"a.py": b"x"}))
    (tmp_path / "in" / "notes.txt").write_text("no archive")
    assert paths(read(source(tmp_path, kind="archives", paths=["in", "in/*.zip"]))[0]) == ["a.py", "b.py"]
    assert paths(read(source(tmp_path, kind="archives", paths=["**/*.tar"]))[0]) == ["b.py"]
    for missing in ("nowhere", "*.rar"):
        with pytest.raises(QuantaError, match="nothing at"):
            source(tmp_path, kind="archives", paths=[missing]).groups()
    (tmp_path / "empty").mkdir()
    with pytest.raises(QuantaError, match="no files found"):
        source(tmp_path, kind="archives", paths=["empty"]).groups()


def test_a_changed_archive_has_another_fingerprint(tmp_path: Path) -> None:
    opened = source(tmp_path, kind="archives", paths=["a.zip"])
    (tmp_path / "a.zip").write_bytes(zip_bytes({"a.py": b"x"}))
    before = opened.groups()
    (tmp_path / "a.zip").write_bytes(zip_bytes({"a.py": b"y"}))
    after = opened.groups()
    assert before[0].items == after[0].items
    assert before[0].fingerprint != after[0].fingerprint


NAMES = st.text(st.characters(exclude_characters="\0/", codec="utf-8"), min_size=1, max_size=140)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(NAMES.filter(lambda name: name not in (".", "..")), st.binary(max_size=1500), max_size=6),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_the_tar_reader_agrees_with_the_standard_library(content: dict[str, bytes], format: int) -> None:
    try:
        data = tar_bytes(content, "w", format=format)
    except ValueError:
        return  # too long a name for ustar
    found = [(member.path, member.kind, member.take()) for member in tar_members(io.BytesIO(data))]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [(one.name, "file", archive.extractfile(one).read()) for one in archive]
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_archives_end_in_an_answer(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    make = data.draw(
        st.sampled_from([lambda: tar_bytes(SDIST, "w"), lambda: tar_bytes(SDIST), lambda: zip_bytes(SDIST)])
    )
    raw = bytearray(make())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    try:
        for member in members(path, BOUNDS):
            if member.kind == "file":
                try:
                    assert len(member.take()) == member.size
                except Unreadable:
                    pass
    except Unreadable as error:
        assert error.reason
