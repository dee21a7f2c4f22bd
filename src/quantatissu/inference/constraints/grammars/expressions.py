"""Python's expressions as rules of a grammar, once for every place that has its own rules for blanks and quotes.

A lexeme is the longest that fits, and is never given back: none may go on with what the next one could begin with. So a
blank belongs to the operator beside it, and ``is not`` is two lexemes.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

CONTROL = r"\x00-\x08\x0b-\x1f\x7f"
COMMENT = rf"#[^{CONTROL}\n]*"

_KEYWORDS = "|".join([*sorted(keyword.kwlist), "__debug__"])
# A line break between brackets, with the comments around it.
_BREAK = rf" *({COMMENT})?\n( *{COMMENT}\n)* *"
# Names in braces, surrogates and what is beyond Unicode are left out.
_ESCAPE = r"\\([^NxuU\n]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5})"
_F_ESCAPE = _ESCAPE.replace("NxuU", "NxuU{}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an expression stands: the end of its rules' names, and of those between brackets; whether lines break."""

    name: str
    inner: str
    breaks: bool = False
    quoted: bool = False  # in a formatted string

    def rules(self) -> str:
        """What its rules are."""
        around, blank = (f"({_BREAK})?", f"( |{_BREAK})") if self.breaks else ("", " ")
        rules = _RULES.replace("LAMBDA", "" if self.quoted else " | lambda@")
        rules += _QUOTED if self.quoted else _STRINGS
        rules += "".join(f"{name}@: /{mark}{around}/\n" for name, mark in _OPENING.items())
        rules += "".join(f"{name}@: /{around}{mark}/\n" for name, mark in _CLOSING.items())
        for mark, name in (("@", self.name), ("$", self.inner)):
            rules = re.sub(rf"(?<=[A-Z]){re.escape(mark)}", name.upper(), rules).replace(mark, name)
        return rules.replace("␣", blank)


def parameters(rule: str, plain: str, given: str, more: str, last: str, comma: str) -> str:
    """Parameters of functions: those without a default before those with one, ``/`` and ``*`` where they may be."""
    both = f"({comma} ({plain} | {given}))"
    many, defaults, tail = f"{plain} ({comma} {plain})*", f"({comma} {given})", f"({comma} {rule}_tail)?"
    return f"""
{rule}: ({many} ({comma} "/" ({comma} {plain})*)? {defaults}* {tail}
  | {many} {defaults}+ {comma} "/" {defaults}* {tail}
  | {given} {defaults}* ({comma} "/" {defaults}*)? {tail}
  | {rule}_tail) {comma}?
{rule}_tail: {more} {both}* ({comma} {last})? | "*" {both}+ ({comma} {last})? | {last}
"""


# "@" stands at the end of a place's names, "$" of those between brackets there, and "␣" for a blank.
_RULES = (
    r"""
values@: value@ (COMMA@ value@)* COMMA@?
value@: expression@ | "*" bits@
targets@: target@ (COMMA@ target@)* COMMA@?
target@: "*"? reference@ | LPAR$ reference$ RPAR$ | LSQB$ targets$? RSQB$
  | LPAR$ (target$ COMMA$ (target$ (COMMA$ target$)* COMMA$?)?)? RPAR$
reference@: NAME | primary@ DOT@ NAME | primary@ LSQB$ slices$ RSQB$
yielded@: "yield" (BLANK@ (values@ | "from" BLANK@ expression@))?
named@: NAME WALRUS@ expression@ | expression@
expression@: disjunction@ (IF@ disjunction@ ELSE@ expression@)?LAMBDA
lambda@: "lambda" (BLANK@ lambda_parameters@)? COLON@ expression@
lambda_given@: NAME "=" expression@
"""
    + parameters("lambda_parameters@", "NAME", "lambda_given@", '"*" NAME', '"**" NAME', "COMMA@")
    + r"""
disjunction@: conjunction@ (OR@ conjunction@)*
conjunction@: inversion@ (AND@ inversion@)*
inversion@: "not" BLANK@ inversion@ | bits@ (compare@ bits@)*
compare@: COMPARE@ | IN@ | IS@ ("not" BLANK@)?
bits@: xor@ (BIT_OR@ xor@)*
xor@: conjoined@ (XOR@ conjoined@)*
conjoined@: shifted@ (BIT_AND@ shifted@)*
shifted@: sum@ (SHIFT@ sum@)*
sum@: term@ (ADD@ term@)*
term@: factor@ (MULTIPLY@ factor@)*
factor@: /[+~-]/ factor@ | ("await" BLANK@)? operand@ (POWER@ factor@)?
operand@: primary@ | NUMBER
primary@: atom@ trailer@*
trailer@: DOT@ NAME | LPAR$ (arguments$ COMMA$? | named$ clauses$)? RPAR$ | LSQB$ slices$ RSQB$
atom@: NAME | strings@ | "None" | "True" | "False" | "..."
  | LPAR$ (named$ | yielded$ | named$ clauses$)? RPAR$
  | LPAR$ element$ COMMA$ (element$ (COMMA$ element$)* COMMA$?)? RPAR$
  | LSQB$ (element$ (COMMA$ element$)* COMMA$? | named$ clauses$)? RSQB$
  | LBRACE$ (element$ (COMMA$ element$)* COMMA$? | named$ clauses$) RBRACE$
  | LBRACE$ (entry$ (COMMA$ entry$)* COMMA$? | expression$ COLON$ expression$ clauses$)? RBRACE$
element@: named@ | "*" bits@
entry@: expression@ COLON@ expression@ | "**" bits@
clauses@: (ASYNC@? FOR@ targets@ (IN_ALL@ | COMMA@ "in" BLANK@) disjunction@ (IF@ disjunction@)*)+
arguments@: positional@ (COMMA@ positional@)* (COMMA@ keywords@)? | keywords@
positional@: named@ | "*" expression@
keywords@: keyword@ (COMMA@ (keyword@ | "*" expression@))* (COMMA@ doubly@)? | doubly@
doubly@: "**" expression@ (COMMA@ (keyword@ | "**" expression@))*
keyword@: NAME "=" expression@
slices@: slice@ (COMMA@ slice@)* COMMA@?
slice@: named@ | "*" bits@ | expression@? SLICE expression@? (SLICE expression@?)?
COMMA@: /,␣?/
COLON@: /:␣?/
BLANK@: /␣/
WALRUS@: /␣?:=␣?/
IF@: /␣if␣/
ELSE@: /␣else␣/
FOR@: /␣for␣/
ASYNC@: /␣async/
OR@: /␣or␣/
AND@: /␣and␣/
IN@: /␣(not␣)?in␣/
IN_ALL@: /␣in␣/
IS@: /␣is␣/
COMPARE@: /␣?(==|!=|<=|>=|<|>)␣?/
BIT_OR@: /␣?\|␣?/
XOR@: /␣?\^␣?/
BIT_AND@: /␣?&␣?/
SHIFT@: /␣?(<<|>>)␣?/
ADD@: /␣?[+-]␣?/
MULTIPLY@: /␣?(\*|\/|\/\/|%|\x40)␣?/
POWER@: /␣?\*\*␣?/
"""
)

_OPENING = {"LPAR": r"\(", "LSQB": r"\[", "LBRACE": r"\{"}
_CLOSING = {"RPAR": r"\)", "RSQB": r"\]", "RBRACE": r"\}", "DOT": r"\."}
# A blank before an "f" may begin a "for", so both are one lexeme there.
_STRINGS = """strings@: (STRING | formatted) (BLANK@ STRING | next@)* | BYTES (BLANK@ BYTES)*
next@: NEXT_EMPTY@ | NEXT_DOUBLE@ double | NEXT_SINGLE@ single | NEXT_DOUBLES@ doubles | NEXT_SINGLES@ singles
NEXT_EMPTY@: /␣/ F_EMPTY
NEXT_DOUBLE@: /␣/ F_DOUBLE
NEXT_SINGLE@: /␣/ F_SINGLE
NEXT_DOUBLES@: /␣/ F_DOUBLES
NEXT_SINGLES@: /␣/ F_SINGLES
"""
_QUOTED = "strings@: STRING@ (BLANK@ STRING@)*\n"

_LEXEMES = rf"""
NAME: /[A-Za-z_][A-Za-z0-9_]*/ & ~/{_KEYWORDS}/
SLICE: / ?: ?/
NUMBER: /0|[1-9](_?[0-9]){{0,30}}|0[xX](_?[0-9a-fA-F]){{1,40}}|0[bB](_?[01]){{1,64}}|0[oO](_?[0-7]){{1,30}}/
  | /((0|[1-9](_?[0-9]){{0,20}})\.[0-9]{{0,30}}|\.[0-9]{{1,30}})([eE][+-]?[0-9]{{1,3}})?j?/
  | /(0|[1-9](_?[0-9]){{0,20}})([eE][+-]?[0-9]{{1,3}}j?|j)/
STRING: /[uU]?("([^"\\\n{CONTROL}]|{_ESCAPE})*"|'([^'\\\n{CONTROL}]|{_ESCAPE})*')/
  | /[rR]("([^"\\\n{CONTROL}]|\\[^\n{CONTROL}])*"|'([^'\\\n{CONTROL}]|\\[^\n{CONTROL}])*')/
  | /\"\"\"("?"?([^"\\{CONTROL}]|{_ESCAPE}|\\\n))*\"\"\"|'''('?'?([^'\\{CONTROL}]|{_ESCAPE}|\\\n))*'''/
  | /[rR](\"\"\"("?"?([^"\\{CONTROL}]|\\[^{CONTROL}]))*\"\"\"|'''('?'?([^'\\{CONTROL}]|\\[^{CONTROL}]))*''')/
BYTES: /[bB]("([ !#-\[\]-~]|\\[ -wy-~]|\\x[0-9a-fA-F]{{2}})*"|'([ -&(-\[\]-~]|\\[ -wy-~]|\\x[0-9a-fA-F]{{2}})*')/
  | /([rR][bB]|[bB][rR])("([ !#-\[\]-~]|\\[ -~])*"|'([ -&(-\[\]-~]|\\[ -~])*')/
STRING_D: /'[^'"\\\n{CONTROL}]*'/
STRING_S: /"[^'"\\\n{CONTROL}]*"/
formatted: F_EMPTY | F_DOUBLE double | F_SINGLE single | F_DOUBLES doubles | F_SINGLES singles
double: (TEXT_DOUBLE | BRACES | filled_d)* "\""
single: (TEXT_SINGLE | BRACES | filled_s)* "'"
doubles: (TEXT_DOUBLES | /\"{{1,2}}/ | BRACES | filled_d)* "\"\"\""
singles: (TEXT_SINGLES | /'{{1,2}}/ | BRACES | filled_s)* "'''"
F_EMPTY: /[fF](""|'')/
F_DOUBLE: /([fF][rR]?|[rR][fF])"/
F_SINGLE: /([fF][rR]?|[rR][fF])'/
F_DOUBLES: /([fF][rR]?|[rR][fF])\"\"\"/
F_SINGLES: /([fF][rR]?|[rR][fF])'''/
TEXT_DOUBLE: /([^"\\\n{{}}{CONTROL}]|{_F_ESCAPE})+/
TEXT_SINGLE: /([^'\\\n{{}}{CONTROL}]|{_F_ESCAPE})+/
TEXT_DOUBLES: /([^"\\{{}}{CONTROL}]|{_F_ESCAPE}|\\\n)+/
TEXT_SINGLES: /([^'\\{{}}{CONTROL}]|{_F_ESCAPE}|\\\n)+/
BRACES: /\{{\{{|\}}\}}/
filled_d: "{{" expression_d "="? ("!r" | "!s" | "!a")? (/:/ (SPEC | "{{" primary_d "}}")*)? "}}"
filled_s: "{{" expression_s "="? ("!r" | "!s" | "!a")? (/:/ (SPEC | "{{" primary_s "}}")*)? "}}"
SPEC: /[^'"\\\n{{}}{CONTROL}]+/
"""

_PLACES = (
    _Place("", "_in"),
    _Place("_in", "_in", True),
    _Place("_d", "_d", quoted=True),
    _Place("_s", "_s", quoted=True),
)

EXPRESSIONS = "".join(place.rules() for place in _PLACES) + _LEXEMES
"""Rules for ``expression``, ``values``, ``targets`` and the like; their names end in ``_in`` between brackets."""
