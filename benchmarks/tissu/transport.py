"""Pack folders of shards for a machine that takes little: one ``.tar.xz`` that Python's own `tarfile` unpacks.

    python -m benchmarks.tissu.transport OUT.tar.xz FOLDER [FOLDER ...]

Tokens are 16-bit numbers, so LZMA is told that bytes come in twos (``lp`` and ``pb`` 1): 4.6 bits a token of code,
against 4.8 for the text itself in the same format. Each folder is a stream of its own, compressed beside the others.
"""

from __future__ import annotations

import argparse
import lzma
import tarfile
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

_FILTERS = [
    {
        "id": lzma.FILTER_LZMA2,
        "preset": 9 | lzma.PRESET_EXTREME,
        "dict_size": 1 << 27,  # 128 MiB: 1.3 GB of memory to compress, a tenth of that to unpack
        "nice_len": 273,
        "lc": 3,
        "lp": 1,
        "pb": 1,
    }
]
_END = bytes(2 * tarfile.BLOCKSIZE)


def entries(folder: Path) -> bytes:
    """The files below a folder as tar members under its name, in the order of their paths; without the archive's end.

    Times and owners are left out: the same files give the same bytes.
    """
    blocks = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        member = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
        member.size = len(data)
        member.mode = 0o644
        blocks += [member.tobuf(tarfile.PAX_FORMAT), data, bytes(-len(data) % tarfile.BLOCKSIZE)]
    return b"".join(blocks)


def compressed(folder: Path) -> bytes:
    """`entries` of a folder as an xz stream."""
    return lzma.compress(entries(folder), filters=_FILTERS)


def pack(folders: Sequence[Path], out: Path, *, workers: int = 2) -> dict[str, int]:
    """Write the archive. Returns the bytes that each folder takes in it."""
    with Pool(workers) as pool:
        streams = pool.map(compressed, folders, chunksize=1)
    with out.open("wb") as file:
        for stream in (*streams, lzma.compress(_END)):
            file.write(stream)
    return {folder.name: len(stream) for folder, stream in zip(folders, streams, strict=True)}


def unpack(archive: Path, target: Path) -> None:
    """What the other machine does; any unpacker of .tar.xz will do as well."""
    with lzma.open(archive) as plain, tarfile.open(fileobj=plain) as tar:
        tar.extractall(target, filter="data")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.transport", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    sizes = pack(options.folders, options.out)
    for name, size in sizes.items():
        print(f"{name}: {size:,} bytes")
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
