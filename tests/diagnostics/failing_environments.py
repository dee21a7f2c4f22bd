"""A project whose tests fail by where they run, and beside them the bugs that look alike."""

from __future__ import annotations

from failing_projects import CORE

ENVIRONMENT = {
    "bank/__init__.py": "",
    "bank/core.py": CORE,
    "test_environment.py": """\
import asyncio
import http.server
import os
import pathlib
import socket
import subprocess
import urllib.request


class StoreError(Exception):
    pass


def test_dependency():
    import yaml


def test_namespace():
    import google.cloud.storage


def test_name():
    socket.getaddrinfo("example.org", 80)


def test_url():
    urllib.request.urlopen("http://example.org/list")


def test_unreachable():
    socket.create_connection(("192.0.2.1", 80), timeout=2)


def test_loopback():
    socket.create_connection(("127.0.0.1", 8000), timeout=2)


def test_listen():
    http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)


def test_carried():
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=2)
    except OSError as error:
        raise StoreError("cannot load the list") from error


def test_home():
    (pathlib.Path.home() / ".aws" / "credentials").read_text()


def test_variable():
    os.environ["SERVICE_TOKEN"]


def test_program():
    subprocess.run(["ffprobe", "-version"])


def test_async_program():
    asyncio.run(asyncio.create_subprocess_exec("terraform"))


def test_read_only():
    open("/sys/kernel/uevent_seqnum", "w")
""",
    "test_service.py": """\
import asyncio
import socket


def test_service():
    socket.create_connection(("127.0.0.1", 5432), timeout=2)


def test_async_service():
    asyncio.run(asyncio.open_connection("localhost", 6379))


def test_own_port():
    socket.create_connection(("127.0.0.1", 48231), timeout=2)
""",
    "test_newer.py": "from bank.newer import f\n\n\ndef test_f():\n    f(1)\n",
    "bank/newer.py": "def f(x):\n    match x:\n        case 1:\n            return 2\n",
    "test_typing.py": "from typing import Self\n\n\ndef test_x():\n    pass\n",
    "test_union.py": "def f(x: int | None):\n    pass\n\n\ndef test_x():\n    pass\n",
    "test_module.py": "import tomllib\n\n\ndef test_x():\n    pass\n",
    "test_old_module.py": "import imp\n\n\ndef test_x():\n    pass\n",
    "test_bugs.py": """\
import os
import socket
import subprocess
import unittest.mock

import pytest


class Fake:
    def connect(self):
        raise ConnectionError("the server is down")

    def refuse(self):
        raise ConnectionRefusedError(111, "Connection refused")


def test_dict():
    {"HOST": 1}["HSOT"]


def test_submodule():
    import bank.coer


def test_misspelt_import():
    import colections


def test_misspelt_dependency():
    import reqests


def test_standard_submodule():
    import json.decodr


def test_fake():
    Fake().connect()


def test_fake_refusal():
    Fake().refuse()


def test_mock():
    server = unittest.mock.Mock()
    server.connect.side_effect = ConnectionRefusedError(111, "Connection refused")
    server.connect()


def test_bug_while_handling():
    try:
        socket.create_connection(("127.0.0.1", 5432), timeout=2)
    except OSError:
        undefined_fallback()


def test_prepared_variable(monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "x")
    os.environ["SERVICE_TOKN"]


def test_usual_variable():
    os.environ["HOEM"]


def test_own_file():
    open("data/missing.txt")


def test_misspelt_program():
    subprocess.run(["gti", "status"])


def test_unsplit_command():
    subprocess.run("ls -l")


def test_own_script():
    subprocess.run(["./run.sh"])


def test_permission():
    raise PermissionError("not allowed to do that")


def test_text():
    assert "Connection refused" == "connected"


def test_import_by_hand():
    raise ModuleNotFoundError("No module named \'yaml\'")


def test_name_import():
    from typing import Slef


def test_type():
    int | "x" | 3


def test_attribute():
    os.enviorn["HOME"]


def test_missing_fixture_name(mockerr):
    pass
""",
}
