"""What a file's name alone says: never source code, a licence file, or worth opening."""

from __future__ import annotations

import re

# Compiled code, pictures, sounds, fonts, archives and stored arrays. They are not inputs at all: nobody wants a line
# in the report for every .pyc. What else is no code is for the stages to find out and to account for.
_NEVER_CODE = re.compile(
    r"""(?ix) .+ \. (?:
      pyc | pyo | so(?:\.[\d.]+)? | pyd | dll | dylib | a | o | obj | lib | exe | class | jar | wasm | elc | beam | pdb
    | png | jpe?g | gif | bmp | ico | icns | tiff? | webp | psd | xcf | mp[34] | m4a | wav | aiff? | aif | au | ogg
    | flac | avi | mov | webm | mkv | swf | ttf | otf | woff2? | eot | pdf | ps | docx? | xlsx? | pptx? | odt
    | zip | t?gz | bz2 | xz | zst | lz4 | 7z | rar | tar | whl | egg | deb | rpm | dmg | iso
    | npy | npz | mat | h5 | hdf5 | pkl | pickle | parquet | arrow | feather | onnx | pth? | safetensors | gguf
    | db | sqlite3? | g?mo )"""
)
_CACHES = frozenset(("__pycache__", ".git", ".hg", ".svn", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox"))

_DRIVE = re.compile(r"[A-Za-z]:|\\")
_LICENCE = re.compile(r"(?i)(?:un)?(?:licen[cs]es?|copying|copyright)(?:[-_. ].*)?")
_CODE = re.compile(
    r"(?i).*\.(?:py[iwx]?|[cm]?[jt]sx?|c|h|cc|cpp|hpp|cs|go|rs|java|kt|rb|php|sh|sql|html?|css|json|ya?ml|toml|xml|csv|tmpl)"
)


def may_be_code(path: str) -> bool:
    """Whether a POSIX path is worth reading, judged by its name and the names of its folders."""
    *folders, name = path.split("/")
    if not _CACHES.isdisjoint(folders):
        return False
    return _NEVER_CODE.fullmatch(name) is None


def path_text(path: bytes) -> str:
    """A path as text that every format can store: bytes that are no UTF-8 appear as ``\\xNN``."""
    return path.decode("utf-8", "backslashreplace")


def inside(path: str) -> str | None:
    """An archive's or repository's path in normal form, or None when it is absolute, empty or leads out (``..``)."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or not parts or ".." in parts or "\0" in path or _DRIVE.match(path):
        return None
    return "/".join(parts)


def is_licence_file(name: str) -> bool:
    """Whether a file of this name (no folders) holds a licence's text: LICENSE, LICENCE-MIT.txt, COPYING.LESSER."""
    return _LICENCE.fullmatch(name) is not None and _CODE.fullmatch(name) is None
