"""Licences are found by expression, metadata, text and notice, and judged by the recipe's allowlist."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import quantatissu
from quantatissu.corpus.document import Document, Drop, Origin
from quantatissu.corpus.stages import LicenceSettings, declared_licences, licence_stage
from quantatissu.corpus.stages.licence.identifiers import KNOWN
from quantatissu.corpus.stages.licence.spdx import parse_expression, permitted
from quantatissu.corpus.stages.licence.texts import recognise

MIT = """Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction. The above copyright notice and
this permission notice shall be included in all copies. THE SOFTWARE IS PROVIDED "AS IS".
"""
BSD = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that:
1. Redistributions of source code must retain the above copyright notice.
2. Redistributions in binary form must reproduce the above copyright notice.
"""
BSD3 = BSD + "3. Neither the name of the author nor those of contributors may be used to endorse or promote products.\n"
GPL_NOTICE = """This program is free software: you can redistribute it and/or modify it under the terms of the GNU {kind}
Public License as published by the Free Software Foundation, either version {version} of the License, or (at your
option) any later version.
"""


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("Apache-2.0 OR MIT", "Apache-2.0 OR MIT"),
        ("(MIT or apache-2.0) AND BSD-3-Clause", "(MIT OR Apache-2.0) AND BSD-3-Clause"),
        ("MIT OR Apache-2.0 AND ISC", "MIT OR Apache-2.0 AND ISC"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-Ours", "LicenseRef-Ours"),
    ],
)
def test_expressions_parse_into_canonical_spelling(text: str, parsed: str) -> None:
    assert str(parse_expression(text)) == parsed


@pytest.mark.parametrize("text", ["", "MIT OR", "MIT ISC", "(MIT", "MIT)", "AND", "Nonsense-9.9", "MIT WITH", "()"])
def test_what_is_no_expression_is_none(text: str) -> None:
    assert parse_expression(text) is None


def test_alternatives_need_one_and_conjunctions_all() -> None:
    def allowed(text: str, *allow: str) -> tuple[str, ...]:
        expression = parse_expression(text)
        assert expression is not None
        return permitted(expression, frozenset(allow))

    assert allowed("MIT OR GPL-3.0-only", "MIT") == ("MIT",)
    assert allowed("MIT AND GPL-3.0-only", "MIT") == ()
    assert allowed("(MIT OR GPL-3.0-only) AND ISC", "MIT", "ISC") == ("ISC", "MIT")
    assert allowed("Apache-2.0 WITH LLVM-exception", "Apache-2.0") == ("Apache-2.0 WITH LLVM-exception",)
    assert allowed("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0")
    assert allowed("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0") == ()


_identifiers = st.sampled_from(sorted(KNOWN))
_expressions = st.recursive(
    _identifiers,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(_expressions)
def test_printing_and_parsing_again_changes_nothing(text: str) -> None:
    once = parse_expression(text)
    assert once is not None
    again = parse_expression(str(once))
    assert again is not None
    for allow in (frozenset(), frozenset(["MIT"]), frozenset(sorted(KNOWN)[::2]), KNOWN):
        assert permitted(once, allow) == permitted(again, allow)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_understood_or_not_but_never_an_error(text: str) -> None:
    parse_expression(text)
    recognise(text)
    declared_licences(text, text, [text, f"License :: {text}"])


@pytest.mark.parametrize(
    ("expression", "licence", "classifiers", "found"),
    [
        ("MIT OR Apache-2.0", "ignored", ["License :: OSI Approved :: BSD License"], ("MIT OR Apache-2.0",)),
        ("", "Apache License, Version 2.0", [], ("Apache-2.0",)),
        ("", "The MIT License (MIT)", [], ("MIT",)),
        ("", "BSD 3-Clause License", [], ("BSD-3-Clause",)),
        ("", "MIT/Apache-2.0", [], ("MIT OR Apache-2.0",)),
        ("", "GPLv3+", [], ("GPL-3.0-or-later",)),
        ("", "GNU LGPL v2.1 or later", [], ("LGPL-2.1-or-later",)),
        ("", "GNU General Public License v2 (GPLv2)", [], ("GPL-2.0-only",)),
        ("", MIT, [], ("MIT",)),
        ("", "UNKNOWN", ["License :: OSI Approved :: Apache Software License"], ("Apache-2.0",)),
        ("", "", ["License :: OSI Approved :: MIT License", "Programming Language :: Python"], ("MIT",)),
        ("", "", ["License :: OSI Approved :: MIT License", "License :: OSI Approved :: Zero-Clause BSD (0BSD)"],
         ("MIT", "0BSD")),
        ("", "BSD", ["License :: OSI Approved :: BSD License"], ()),
        ("", "see the file", [], ()),
        ("", "", [], ()),
    ],
)  # fmt: skip
def test_metadata_maps_to_spdx(expression: str, licence: str, classifiers: list[str], found: tuple[str, ...]) -> None:
    assert declared_licences(expression, licence, classifiers) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MIT, "MIT"),
        (BSD, "BSD-2-Clause"),
        (BSD3, "BSD-3-Clause"),
        (BSD3 + "All advertising materials mentioning features must acknowledge us.", "BSD-4-Clause"),
        (GPL_NOTICE.format(kind="General", version=3), "GPL-3.0-or-later"),
        (GPL_NOTICE.format(kind="Lesser General", version="2.1"), "LGPL-2.1-or-later"),
        (GPL_NOTICE.format(kind="Affero General", version=3), "AGPL-3.0-or-later"),
        ("under the terms of the GNU General Public License version 2 as published by the FSF", "GPL-2.0-only"),
        ("This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.", "MPL-2.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        (
            MIT + BSD3.replace("Redistributions of source code must retain", "Copies must retain"),
            "MIT AND BSD-3-Clause",
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["", "# ", " * ", "// "])
@pytest.mark.parametrize("width", [40, 100])
def test_texts_are_recognised_however_they_are_wrapped(text: str, found: str, prefix: str, width: int) -> None:
    wrapped = "\n".join(prefix + line for line in textwrap.wrap(text, width))
    assert str(recognise(wrapped)) == found


def test_our_own_licence_file_is_recognised() -> None:
    root = next(parent for parent in Path(quantatissu.__file__).parents if (parent / "LICENSE").exists())
    assert str(recognise((root / "LICENSE").read_text())) == "Apache-2.0"


def document(text: str, *licences: str, texts: tuple[str, ...] = ()) -> Document:
    return Document("0" * 32, Origin("t", "p", "", "a.py"), text, len(text), "python", licences, texts)


CODE = "import os\n\nprint(os.name)\n"
STAGE = licence_stage(LicenceSettings())


def test_declared_licences_are_recorded_and_texts_put_away() -> None:
    kept = STAGE(document(CODE, "License :: OSI Approved :: MIT License", texts=(MIT,)))
    assert isinstance(kept, Document)
    assert kept.licences == ("MIT",)
    assert kept.licence_texts == ()


def test_a_text_decides_where_metadata_is_vague() -> None:
    kept = STAGE(document(CODE, "BSD", texts=(BSD3,)))
    assert isinstance(kept, Document)
    assert kept.licences == ("BSD-3-Clause",)


@pytest.mark.parametrize(
    "head",
    [
        "# SPDX-License-Identifier: GPL-3.0-only\n",
        "/* SPDX-License-Identifier: GPL-3.0-only */\n",
        '"""Tool.\n\n' + GPL_NOTICE.format(kind="General", version=3) + '"""\n',
        "# Released under the GPLv3.\n",
        "# License: GPL v3\n",
        "__license__ = 'GPLv3'\n",
    ],
)
def test_a_file_under_another_licence_than_its_package_is_dropped(head: str) -> None:
    drop = STAGE(document(head + CODE, "MIT"))
    assert isinstance(drop, Drop)
    assert drop.reason == "licence_not_allowed"
    assert re.match(r"GPL-3.0-(only|or-later) \(the file's own notice\)", drop.detail)


def test_a_file_may_be_freer_than_its_package() -> None:
    kept = STAGE(document("// SPDX-License-Identifier: MIT OR Apache-2.0\n" + CODE, "GPL-3.0-only"))
    assert isinstance(kept, Document)
    assert kept.licences == ("Apache-2.0", "MIT")


def test_an_identifier_in_a_string_is_not_the_files_own() -> None:
    kept = STAGE(document("HEADER = 'SPDX-License-Identifier: GPL-3.0-only'\n", "MIT"))
    assert isinstance(kept, Document)
    assert kept.licences == ("MIT",)


def test_an_unknown_identifier_is_not_allowed() -> None:
    drop = STAGE(document("# SPDX-License-Identifier: Strange-1.0\n" + CODE, "MIT"))
    assert isinstance(drop, Drop)
    assert drop.reason == "licence_not_allowed"


def test_texts_that_contradict_what_is_declared_are_a_conflict() -> None:
    drop = STAGE(document(CODE, "MIT", texts=(GPL_NOTICE.format(kind="General", version=3),)))
    assert drop == Drop("licence", "licence_conflict", "declared MIT, texts of GPL-3.0-or-later")


def test_unknown_is_dropped_unless_the_recipe_keeps_it() -> None:
    assert STAGE(document(CODE)) == Drop("licence", "licence_unknown", "nothing says")
    assert STAGE(document(CODE, "ask me")) == Drop("licence", "licence_unknown", "not understood: ask me")
    kept = licence_stage(LicenceSettings(unknown="keep"))(document(CODE))
    assert isinstance(kept, Document)
    assert kept.licences == ()


def test_the_allowlist_is_the_recipes() -> None:
    stage = licence_stage(LicenceSettings(allow=("gpl-3.0-only",)))
    assert isinstance(stage(document(CODE, "GPL-3.0-only")), Document)
    assert isinstance(stage(document(CODE, "MIT")), Drop)


def test_a_misspelt_licence_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match=r"did you mean Apache-2\.0"):
        LicenceSettings(allow=("Apache2.0",))
