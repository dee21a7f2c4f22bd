"""Python 3.11 as a grammar: what it admits, ``ast.parse`` reads.

A grammar has no indentation tokens, so each level of nesting has rules of its own. The rules follow the language
reference, the text the usual spacing: lines break between brackets, comments and up to two blank lines may stand
between statements. What only the compiler refuses, such as a ``return`` outside a function, is admitted.

Not admitted, though it is Python: names beyond ASCII, lines that a backslash joins, formatted strings in formatted
ones. Not bounded: brackets in brackets, of which Python reads 200.
"""

from __future__ import annotations

from quantatissu.inference.constraints.grammars.expressions import COMMENT, EXPRESSIONS, parameters
from quantatissu.inference.constraints.specs import Grammar

_INDENT = 4


def python_expression() -> Grammar:
    """One expression."""
    return Grammar(f"start: expression\n{EXPRESSIONS}")


def python_statements(*, indent: int = 0, depth: int = 4) -> Grammar:
    """One statement or more. The first begins where the answer does; the lines below it stand at ``indent`` spaces, and
    blocks at up to ``depth`` levels below that, four spaces each. The last line's end is part of the answer or not.
    Raises ValueError for a negative number.
    """
    if indent < 0 or depth < 0:
        raise ValueError("indentation and depth are not negative")
    levels = (_statements(level, indent, depth) for level in range(depth + 1))
    tail = rf"TAIL: / *({COMMENT})?\n| *{COMMENT}/"
    return Grammar("\n".join(["start: lines_0 TAIL?", tail, *levels, _SIMPLE, EXPRESSIONS]))


def _statements(level: int, indent: int, depth: int) -> str:
    """What may stand at one level, and the line ends that lead there."""
    line, block, nl = f"line_{level}", f"block_{level}", f"NL_{level}"
    blank = r"\n{0,2}"
    rules = f"""
lines_{level}: {line} ({nl} {line})*
{nl}: / *({COMMENT})?\\n{blank}( *{COMMENT}\\n{blank})* {{{indent + _INDENT * level}}}/
"""
    if level == depth:
        return f'{rules}{line}: simple\n{block}: ":" " " simple\n'
    return f"""{rules}
{line}: simple
  | "if " named {block} ({nl} "elif " named {block})* ({nl} "else" {block})?
  | "while " named {block} ({nl} "else" {block})?
  | "async "? "for " targets (IN_ALL | COMMA "in" " ") values {block} ({nl} "else" {block})?
  | "async "? "with " (item (COMMA item)* | LPAR_IN item_in (COMMA_IN item_in)* COMMA_IN? RPAR_IN) {block}
  | "try" {block} handlers_{level}
  | ("@" named {nl})* "async "? "def " NAME LPAR_IN parameters? RPAR_IN (" -> " expression)? {block}
  | ("@" named {nl})* "class " NAME (LPAR_IN (arguments_in COMMA_IN?)? RPAR_IN)? {block}
  | "match " subject ":" (NL_{level + 1} "case " patterns (" if " named)? block_{level + 1})+
{block}: ":" (NL_{level + 1} lines_{level + 1} | " " simple)
handlers_{level}: ({nl} "except " expression (" as " NAME)? {block})+ ({nl} "except" {block})? endings_{level}
  | {nl} "except" {block} endings_{level}
  | ({nl} "except* " expression (" as " NAME)? {block})+ endings_{level}
  | {nl} "finally" {block}
endings_{level}: ({nl} "else" {block})? ({nl} "finally" {block})?
"""


_SIMPLE = (
    r"""
simple: small (/; ?/ small)*
small: values
  | (targets ASSIGN | MATCH_ASSIGN)+ (values | yielded)
  | (reference AUGMENT | MATCH_AUGMENT) (values | yielded)
  | (reference | LPAR_IN reference_in RPAR_IN) COLON expression (ASSIGN (values | yielded))?
  | yielded
  | "pass" | "break" | "continue"
  | "return" (" " values)?
  | "raise" (" " expression (" from " expression)?)?
  | "assert " expression (COMMA expression)?
  | "del " removed (COMMA removed)* COMMA?
  | ("global " | "nonlocal ") NAME (COMMA NAME)*
  | "import " dotted (" as " NAME)? (COMMA dotted (" as " NAME)?)*
  | "from " (DOTS? dotted | DOTS) " import " ("*" | imported (COMMA imported)*)
  | "from " (DOTS? dotted | DOTS) " import " LPAR_IN imported (COMMA_IN imported)* COMMA_IN? RPAR_IN
removed: reference | among
removed_in: reference_in | among
among: LPAR_IN (removed_in (COMMA_IN removed_in)* COMMA_IN?)? RPAR_IN
  | LSQB_IN (removed_in (COMMA_IN removed_in)* COMMA_IN?)? RSQB_IN
imported: NAME (" as " NAME)?
dotted: NAME ("." NAME)*
DOTS: /\.+/
ASSIGN: / ?= ?/
MATCH_ASSIGN: "match" ASSIGN
MATCH_AUGMENT: "match" AUGMENT
AUGMENT: / ?(\+|-|\*|\/|\/\/|%|@|&|\||\^|>>|<<|\*\*)= ?/
item: expression (" as " target)?
item_in: expression_in (" as " target_in)?
plain: NAME (COLON expression_in)?
given: NAME ("=" expression_in | COLON expression_in ASSIGN expression_in)
starred: "*" NAME (COLON (expression_in | "*" bits_in))?
doubled: "**" NAME (COLON expression_in)?
"""
    + parameters("parameters", "plain", "given", "starred", "doubled", "COMMA_IN")
    + r"""
subject: named | value COMMA (value (COMMA value)* COMMA?)?
patterns: pattern | some COMMA (some (COMMA some)* COMMA?)?
some: pattern | "*" NAME
some_in: pattern_in | "*" NAME
pattern: alternatives (" as " CAPTURED)?
alternatives: closed (" | " closed)*
pattern_in: closed (BIT_OR_IN closed)* (" as " CAPTURED)?
closed: literal | STRING (" " STRING)* | BYTES (" " BYTES)* | NAME ("." NAME)*
  | LPAR_IN (pattern_in | some_in COMMA_IN (some_in (COMMA_IN some_in)* COMMA_IN?)?)? RPAR_IN
  | LSQB_IN (some_in (COMMA_IN some_in)* COMMA_IN?)? RSQB_IN
  | LBRACE_IN (item_pattern (COMMA_IN item_pattern)* (COMMA_IN rest_pattern)? COMMA_IN?)? RBRACE_IN
  | LBRACE_IN rest_pattern COMMA_IN? RBRACE_IN
  | NAME ("." NAME)* LPAR_IN (class_patterns COMMA_IN?)? RPAR_IN
class_patterns: pattern_in (COMMA_IN pattern_in)* (COMMA_IN named_patterns)? | named_patterns
named_patterns: NAME "=" pattern_in (COMMA_IN NAME "=" pattern_in)*
item_pattern: (literal | STRING | BYTES | NAME ("." NAME)+) COLON_IN pattern_in
rest_pattern: "**" CAPTURED
literal: "None" | "True" | "False" | IMAGINARY | REAL (/ ?[+-] ?/ IMAGINARY)?
REAL: "-"? DECIMAL
IMAGINARY: "-"? DECIMAL "j"
DECIMAL: /(0|[1-9][0-9]{0,20})(\.[0-9]{0,20})?(e[+-]?[0-9]{1,3})?/
CAPTURED: NAME & ~/_/
"""
)
