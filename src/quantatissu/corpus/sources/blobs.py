"""Files that a data set names only by id, as The Stack v2 does: one gzipped object each, in a folder or a store."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.stores import filesystem, is_remote
from quantatissu.foundation import QuantaError


class Blobs:
    """Call it with an id for the file's bytes. ``contents``: a folder (relative to ``base``) or an address."""

    def __init__(self, source: str, contents: str, base: Path, most: int) -> None:
        self._source, self._contents, self._base, self._most = source, contents, base, most
        self._opened: tuple[Any, str] | None = None

    def __call__(self, blob: str) -> bytes:
        """Raises `Unreadable` for this one, QuantaError when the store refuses them all."""
        if not blob.isalnum():
            raise Unreadable("bad_blob_id")
        try:
            with self._open(blob) as raw, gzip.GzipFile(fileobj=raw, mode="rb") as file:
                data = file.read(self._most + 1)
        except FileNotFoundError as error:
            raise Unreadable("missing_blob", blob) from error
        except PermissionError as error:
            raise self._refused(str(error)) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Unreadable("damaged_blob", blob) from error
        except OSError as error:
            raise self._refused(str(error).strip().splitlines()[0]) from error
        if len(data) > self._most:
            raise Unreadable("too_large", f"at most {self._most} bytes", len(data))
        return data

    def _open(self, blob: str) -> Any:
        if not self._contents:
            raise QuantaError(
                f"source {self._source}: the data set holds ids of files and not their text",
                hint="Say with `contents` where the files lie.",
            )
        if not is_remote(self._contents):
            return (self._base / self._contents / blob).open("rb")
        if self._opened is None:
            self._opened = filesystem(self._source, self._contents)
        system, path = self._opened
        return system.open_input_stream(f"{path}/{blob}", compression=None)

    def _refused(self, said: str) -> QuantaError:
        return QuantaError(
            f"source {self._source}: {self._contents} refuses or cannot be reached: {said}",
            hint="Software Heritage's store wants an AWS identity in the environment (AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY), and bulk downloads an agreement: see the data set's page.",
        )
