"""A package of two small modules as a source archive, and a task manifest, for tests that need real ones."""

from __future__ import annotations

import tarfile
from pathlib import Path

from benchmarks.repair.packages import Package
from benchmarks.repair.tasks import Fault, Task

FILES = {
    "coins/__init__.py": "from coins.count import total\nfrom coins.show import show\n",
    "coins/count.py": (
        "def total(coins):\n"
        "    result = 0\n"
        "    for coin in coins:\n"
        "        result += coin\n"
        "    return result\n"
        "\n\n"
        "def drain(coins):\n"
        "    while coins:\n"
        "        coins.pop()\n"
        "    return coins\n"
    ),
    "coins/show.py": 'def show(amount, unit="c"):\n    return f"{amount} {unit}"\n',
    "tests/test_count.py": (
        "import pytest\n"
        "from coins.count import drain, total\n"
        "\n\n"
        '@pytest.mark.parametrize("coins", [[1], [2, 2]])\n'
        "def test_sum(coins):\n"
        "    assert total(coins) == sum(coins)\n"
        "\n\n"
        "def test_three():\n"
        "    assert total([1, 2, 3]) == 6\n"
        "\n\n"
        "def test_none():\n"
        "    assert total([]) == 0\n"
        "\n\n"
        "def test_drain():\n"
        "    assert drain([1, 2]) == []\n"
    ),
    "tests/test_show.py": (
        "import unittest\n"
        "from coins import show\n"
        "\n\n"
        "class Shared:\n"
        "    def test_unit(self):\n"
        "        self.assertEqual(show(1), '1 c')\n"
        "\n\n"
        "class TestShow(Shared, unittest.TestCase):\n"
        "    def test_other(self):\n"
        "        self.assertEqual(show(2, 'p'), '2 p')\n"
    ),
}
PACKAGE = Package("coins", ("1.0",), source=("coins/*",))


def write_archive(folder: Path, files: dict[str, str], name: str = "coins-1.0") -> Path:
    tree = folder / name
    for path, text in files.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    archive = folder / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree, arcname=name)
    return archive


FAULT = Fault("a.py", 1, 4, "x + y", "x - y", "cosmic-ray:Add_Sub", "arithmetic")
TASK = Task(
    "a-1.0-m01", "a", "1.0", "0" * 64, "dev", "mutant", "arithmetic", "test", (FAULT,), ("t.py::t",), ("t.py::t",), 1, 2
)
