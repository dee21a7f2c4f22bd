"""Words that a rename leaves alone, because the language or its built-in types own them."""

from __future__ import annotations

import builtins
import keyword

# Keywords of the other languages of the corpus that have functions with bodies in braces or blocks.
# fmt: off
_OTHER_KEYWORDS = (
    "abstract", "auto", "begin", "bool", "boolean", "break", "byte", "case", "catch", "chan", "char", "const",
    "constexpr", "continue", "default", "defer", "delete", "do", "double", "elif", "else", "elsif", "end", "enum",
    "export", "extends", "extern", "fallthrough", "false", "final", "finally", "fn", "float", "fmt", "for", "foreach",
    "fn", "func", "function", "go", "goto", "if", "impl", "implements", "import", "in", "instanceof", "int",
    "interface", "lambda", "let", "long", "loop", "map", "match", "module", "mut", "namespace", "new", "nil", "none",
    "null", "nullptr", "operator", "package", "private", "protected", "pub", "public", "range", "rescue", "return",
    "select", "self", "short", "signed", "sizeof", "static", "string", "struct", "super", "switch", "template",
    "then", "this", "throw", "throws", "trait", "true", "try", "type", "typedef", "typeof", "undefined", "union",
    "unless", "unsigned", "until", "use", "using", "var", "vec", "virtual", "void", "when", "where", "while", "yield",
)
# fmt: on

BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_METHODS = frozenset(
    name
    for kind in (str, bytes, list, dict, set, tuple, int, float, complex)
    for name in dir(kind)
    if not name.startswith("_")
)
PYTHON_KEYWORDS = frozenset(keyword.kwlist) - {"pass"}  # what is left where a docstring was
KEYWORDS = PYTHON_KEYWORDS | frozenset(_OTHER_KEYWORDS)
FIXED = KEYWORDS | BUILTINS | _METHODS
