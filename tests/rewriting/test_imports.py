"""Missing, misspelt and misplaced imports; what modules offer."""

from __future__ import annotations

import pytest
from cases import lines, results

from quantatissu.rewriting import Project, Rewrite, Source, stdlib
from quantatissu.rewriting.imports import relative_to, repair_import, repair_undefined_name
from quantatissu.rewriting.modules import layout_of, undefined_names


def project(*files: tuple[str, str]) -> tuple[Source, Project]:
    sources = [Source(text, path) for path, text in files]
    return sources[0], Project(sources)


def applied(source: Source, found: list[Rewrite]) -> list[str]:
    return [rewrite.apply(source.text) for rewrite in found]


PACKAGE = [
    ("src/pack/core.py", "def load(path):\n    return read(path)\n"),
    ("src/pack/__init__.py", ""),
    ("src/pack/io/__init__.py", ""),
    ("src/pack/io/files.py", "LIMIT = 3\n\n\ndef read(path):\n    return open(path)\n"),
]


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("json", "import json"),
        ("defaultdict", "from collections import defaultdict"),
        ("partial", "from functools import partial"),
        ("Path", "from pathlib import Path"),
        ("deque", "from collections import deque"),
        ("dataclass", "from dataclasses import dataclass"),
        ("Optional", "from typing import Optional"),
        ("reduce", "from functools import reduce"),
        ("timedelta", "from datetime import timedelta"),
        ("np", "import numpy as np"),
    ],
)
def test_well_known_names(name: str, statement: str) -> None:
    source, files = project(("main.py", f"x = {name}(1)\n"))
    assert applied(source, list(repair_undefined_name(source, name, files)))[0] == f"{statement}\nx = {name}(1)\n"


def test_new_import_goes_behind_docstring_and_imports() -> None:
    text = '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os  # os\n\nx = json.loads(os.name)\n'
    assert text.replace("# os\n", "# os\nimport json\n") in results("import_missing", text)
    bare = '"""Doc."""\nx = json\n'
    assert '"""Doc."""\n\nimport json\nx = json\n' in results("import_missing", bare)


def test_import_joins_one_of_the_same_module() -> None:
    text = "from collections import (\n    deque,  # d\n)\n\nx = Counter(deque())\n"
    assert text.replace("deque,", "deque, Counter,", 1) in results("import_missing", text)


def test_the_projects_own_definitions() -> None:
    source, files = project(*PACKAGE)
    found = applied(source, list(repair_undefined_name(source, "read", files)))
    assert found[0] == "from pack.io.files import read\n" + source.text
    assert "from .io.files import read\n" + source.text in found


def test_relative_style_is_kept() -> None:
    source, files = project(("src/pack/core.py", "from . import x\n\n\ny = read(x)\n"), *PACKAGE[1:])
    assert "from .io.files import read\n" in applied(source, list(repair_undefined_name(source, "read", files)))[0]


def test_import_as_elsewhere_in_the_project() -> None:
    source, files = project(("a.py", "x = helper.run()\n"), ("b.py", "import tools.helper as helper\n"))
    assert applied(source, list(repair_undefined_name(source, "helper", files)))[0] == (
        "import tools.helper as helper\nx = helper.run()\n"
    )


def test_name_of_an_imported_module_is_qualified() -> None:
    source, files = project(("a.py", "import math\n\nx = sqrt(2) + sqrt(3)\n"))
    found = applied(source, list(repair_undefined_name(source, "sqrt", files)))
    assert "import math\n\nx = math.sqrt(2) + math.sqrt(3)\n" in found
    assert "import math\nfrom math import sqrt\n\nx = sqrt(2) + sqrt(3)\n" in found


def test_misspelt_member_of_a_standard_module() -> None:
    source, files = project(("a.py", "from collections import OrderdDict\n\nx = OrderedDict()\n"))
    found = applied(source, list(repair_import(source, 1, files, "OrderdDict")))
    assert found[0] == "from collections import OrderedDict\n\nx = OrderedDict()\n"


def test_member_and_its_uses_are_renamed() -> None:
    source, files = project(("main.py", "from lib import lod\n\nx = lod(1)\n"), ("lib.py", "def load(x):\n    pass\n"))
    found = applied(source, list(repair_import(source, source.statements[0], files, "lod")))
    assert "from lib import load\n\nx = load(1)\n" in found
    assert "from lib import load as lod\n\nx = lod(1)\n" in found


@pytest.mark.parametrize(
    ("before", "missing", "after"),
    [
        ("import jsn\n\njson.loads('')\n", "jsn", "import json\n\njson.loads('')\n"),
        ("from colections import deque\n", "colections", "from collections import deque\n"),
        ("from collections import Mapping\n", "Mapping", "from collections.abc import Mapping\n"),
        ("from collections import deque, Mapping\n", "Mapping",
         "from collections import deque\nfrom collections.abc import Mapping\n"),
        ("import ConfigParser\n", "ConfigParser", "import configparser as ConfigParser\n"),
        ("from itertools import reduce\n", "reduce", "from functools import reduce\n"),
    ],
)  # fmt: skip
def test_modules_and_members_that_are_elsewhere(before: str, missing: str, after: str) -> None:
    source, files = project(("main.py", before))
    assert after in applied(source, list(repair_import(source, 1, files, missing)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from ..files import read\n", "from .files import read\n"),
        ("from files import read\n", "from .files import read\n"),
        ("from .file import read\n", "from .files import read\n"),
        ("from pack.oi.files import read\n", "from pack.io.files import read\n"),
        ("from .files import LIMITS\n", "from .files import LIMIT\n"),
        ("import files\n", "from . import files\n"),
    ],
)
def test_paths_inside_a_package(before: str, after: str) -> None:
    source, files = project(("src/pack/io/more.py", before), *PACKAGE)
    assert after in applied(source, list(repair_import(source, 1, files)))


def test_import_cycle_is_broken_by_a_later_import() -> None:
    text = lines(
        '''
        from pack.io.files import read


        def load(path):
            """Doc."""
            return read(path)
        '''
    )
    found = results("import_inside", text, *PACKAGE[1:], path="src/pack/core.py")
    assert found == ['\n\ndef load(path):\n    """Doc."""\n    from pack.io.files import read\n    return read(path)\n']
    top_level = "from pack.io.files import LIMIT\n\nx = LIMIT\n"
    assert results("import_inside", top_level, *PACKAGE[1:], path="src/pack/core.py") == []


def test_import_forms() -> None:
    assert "from os import path\n" in results("import_style", "import os.path\n")
    assert "from datetime import datetime\n" in results("import_style", "import datetime\n")
    assert "import datetime\n" in results("import_style", "from datetime import datetime\n")


def test_sound_imports_are_left_alone() -> None:
    source, files = project(("src/pack/io/more.py", "from .files import read, LIMIT\nimport os\n"), *PACKAGE)
    assert list(repair_import(source, 1, files)) == []
    assert list(repair_import(source, 2, files)) == []
    assert list(repair_import(source, 99, files)) == []


def test_undefined_names() -> None:
    source = Source(
        lines(
            """
            import a.b
            def f(x, *y, z=1, **w):
                global g
                g = [i for i in x]
                match x:
                    case {"k": k, **rest}:
                        return k, rest, y, z, w, a, f, len, __name__
                    case [first, *others] as whole:
                        return first, others, whole, missing
                return lambda q: q + g
            print(g, later)
            """
        )
    )
    assert set(undefined_names(source)) == {"missing", "later"}
    assert undefined_names(Source("from os import *\nprint(whatever)\n")) == {}


def test_modules_by_the_layout_of_files() -> None:
    _, files = project(*PACKAGE)
    layout = layout_of(files)
    assert set(layout.sources) == {"pack", "pack.core", "pack.io", "pack.io.files"}
    assert layout.members("pack") == {"core", "io"}
    _, bare = project(("__init__.py", ""), ("core.py", ""))  # a package seen from inside has no name
    assert "core" in layout_of(bare).sources
    _, flat = project(("/tmp/p/main.py", ""), ("/tmp/p/util/text.py", ""))
    assert set(layout_of(flat).sources) == {"main", "util.text"}


def test_relative_spelling() -> None:
    assert relative_to("pack", "pack.core") == ".core"
    assert relative_to("pack.io", "pack.core") == "..core"
    assert relative_to("pack.io", "pack") == ".."


def test_members_of_the_standard_library() -> None:
    assert {"path", "getcwd", "environ"} <= stdlib.members("os")
    assert {"join", "splitext"} <= stdlib.members("os.path")
    assert "sqrt" in stdlib.members("math")
    assert "abc" in stdlib.members("collections")
    assert "ThreadPoolExecutor" in stdlib.members("concurrent.futures")
    assert stdlib.members("no_such_module") == frozenset()


def test_every_home_of_a_well_known_name_has_it() -> None:
    missing = [
        (module, name) for module, names in stdlib._HOMES.items() for name in names.split()
        if name not in stdlib.members(module)
    ]  # fmt: skip
    assert missing == []


def test_names_that_one_module_offers_are_imported_together() -> None:
    source, files = project(
        ("pack/use.py", "x = read(LIMIT)\n"), ("pack/files.py", "LIMIT = 3\n\n\ndef read(n):\n    return n\n")
    )
    assert "from files import LIMIT, read\nx = read(LIMIT)\n" in applied(
        source, list(repair_undefined_name(source, "read", files))
    )


def test_a_definition_that_other_files_repeat_is_repeated_with_what_it_needs() -> None:
    other = 'import re\nfrom typing import TypeVar\n\nT = TypeVar("T")\nWORD = re.compile(r"\\w+")\n'
    source, files = project(("use.py", "import re\n\nx: T\ny = WORD\n"), ("other.py", other))
    assert 'import re\nfrom typing import TypeVar\n\nT = TypeVar("T")\n\nx: T\ny = WORD\n' in applied(
        source, list(repair_undefined_name(source, "T", files))
    )
    assert 'import re\n\nWORD = re.compile(r"\\w+")\n\nx: T\ny = WORD\n' in applied(
        source, list(repair_undefined_name(source, "WORD", files))
    )


def test_a_definition_that_leans_on_its_own_file_is_not_repeated() -> None:
    source, files = project(("use.py", "import os\n\nx = LIMIT\n"), ("other.py", "BASE = 2\nLIMIT = BASE + 1\n"))
    assert not [text for text in applied(source, list(repair_undefined_name(source, "LIMIT", files))) if "BASE" in text]
