"""Messages over pipes: four bytes of length, then JSON."""

import json
import os
import select
import struct
import time


class Closed(Exception):
    """The other end is gone."""


def send(fd, message):
    send_raw(fd, json.dumps(message, separators=(",", ":")).encode("ascii"))


def send_raw(fd, data):
    view = memoryview(struct.pack("<I", len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]


def _read_exactly(fd, size, deadline):
    chunks = []
    while size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise TimeoutError
        chunk = os.read(fd, min(size, 1 << 20))
        if not chunk:
            raise Closed
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def receive_raw(fd, timeout=None):
    """The next message as its bytes. Raises Closed at the end of the stream, TimeoutError after `timeout` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    (size,) = struct.unpack("<I", _read_exactly(fd, 4, deadline))
    return _read_exactly(fd, size, deadline)


def receive(fd, timeout=None):
    """The next message; see `receive_raw`."""
    return json.loads(receive_raw(fd, timeout))
