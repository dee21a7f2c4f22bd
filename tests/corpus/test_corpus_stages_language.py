"""A file's language is told from its name, a shebang, and its content where an extension is shared."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from quantatissu.corpus.document import Document, Drop, Origin
from quantatissu.corpus.languages import BY_NAME, LANGUAGES, find
from quantatissu.corpus.stages import LanguageSettings, installed_grammars, language_stage
from quantatissu.corpus.stages.detect import detect
from quantatissu.corpus.stages.lexing import lex


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("src/a.py", "", "python"),
        ("a.PYI", "", "python"),
        ("a.jsx", "", "javascript"),
        ("a.tsx", "export const a = 1", "typescript"),
        ("A.java", "", "java"),
        ("a.go", "", "go"),
        ("a.rs", "", "rust"),
        ("a.cs", "namespace A {}", "c#"),
        ("a.rb", "", "ruby"),
        ("Rakefile", "", "ruby"),
        ("a.php", "", "php"),
        ("a.sh", "", "shell"),
        (".bashrc", "", "shell"),
        ("a.sql", "", "sql"),
        ("README.md", "# A", "markdown"),
        ("Dockerfile.dev", "", "dockerfile"),
        ("run", "#!/usr/bin/env python3\n", "python"),
        ("run", "#!/usr/bin/env -S uv run --script\n", "python"),
        ("run", "#!/bin/bash -e\n", "shell"),
        ("run", "#! /usr/local/bin/node\n", "javascript"),
        ("run", "#!/usr/bin/python2.7\n", "python"),
        ("index", "<?php echo 1;", "php"),
        ("run", "nothing", ""),
        ("a.xyz", "#!/bin/sh\n", ""),
        ("a.h", "#ifndef A\nint f(int);\n#endif\n", "c"),
        ("a.h", "namespace a {\nint f(int);\n}\n", "c++"),
        ("a.h", "#include <vector>\nvoid f();\n", "c++"),
        ("a.h", "class Widget : public Base {\n", "c++"),
        ("a.h", "#import <UIKit/UIKit.h>\n@interface A : NSObject\n@end\n", "objective-c"),
        ("a.m", "#import <UIKit/UIKit.h>\n@implementation A\n", "objective-c"),
        ("a.m", "function y = f(x)\n% doubles\ny = 2 * x;\nend\n", "matlab"),
        ("a.m", "(* Mathematica *)\nf[x_] := 2 x\n", ""),
        ("a.ts", "export type A = string\n", "typescript"),
        ("de.ts", '<?xml version="1.0"?>\n<!DOCTYPE TS>\n', "xml"),
        ("a.pl", "use strict;\nmy $x = 1;\n", "perl"),
        ("a.pl", ":- module(a, [b/1]).\nb(X) :- c(X).\n", "prolog"),
        ("mips.md", '(define_insn "addsi3"\n', ""),
    ],
)
def test_detects(path: str, text: str, language: str) -> None:
    assert detect(path, text) == language


def document(path: str, text: str = "x = 1\n", language: str = "") -> Document:
    return Document("0" * 32, Origin("test", "package", "", path), text, len(text), language)


def test_the_stage_fills_in_the_language_and_trusts_the_source() -> None:
    stage = language_stage(LanguageSettings())
    found = stage(document("a.py"))
    assert isinstance(found, Document)
    assert found.language == "python"
    said = stage(document("a.txt", language="rust"))
    assert isinstance(said, Document)
    assert said.language == "rust"


def test_the_stage_drops_what_is_unknown_or_unwanted() -> None:
    stage = language_stage(LanguageSettings(keep=("Python", "C#")))
    assert stage(document("a.xyz")) == Drop("language", "unknown_language", ".xyz")
    assert stage(document("a.go")) == Drop("language", "unwanted_language", "go")
    assert isinstance(stage(document("a.cs")), Document)


def test_settings_refuse_a_language_nobody_knows() -> None:
    with pytest.raises(ValidationError, match="no language is called klingon"):
        LanguageSettings(keep=("python", "klingon"))


def test_names_and_aliases_are_unambiguous() -> None:
    assert len(BY_NAME) == len(LANGUAGES)
    assert all(find(language.name) is language and find(language.label) is language for language in LANGUAGES)


def test_every_required_language_but_sql_and_markdown_has_a_grammar() -> None:
    wanted = set(LanguageSettings().keep) - {"sql", "markdown"}
    assert wanted <= installed_grammars().keys()


@pytest.mark.parametrize(
    ("language", "text", "comments", "strings"),
    [
        ("python", 'x = 1  # one\ny = "# no"\n', len("# one"), len('"# no"')),
        ("python", 'def f():\n    """Doc."""\n    return """a"""\n', len('\n    """Doc."""'), len('"""a"""')),
        ("c", 'int a; // one\n/* two */ char *s = "//";\n', len("// one") + len("/* two */"), len('"//"')),
        ("rust", "fn f<'a>(x: &'a str) {} // one\n", len("// one"), 0),
        ("shell", "echo $# 'a # b' # one\n", len("# one"), len("'a # b'")),
        ("sql", "select 'it' -- one\n", len("-- one"), len("'it'")),
        ("csv", "a,b # c\n", 0, 0),
    ],
)
def test_comments_and_strings_are_told_apart(language: str, text: str, comments: int, strings: int) -> None:
    found = lex(text, language)
    assert (found.comment_characters, found.string_characters) == (comments, strings)
