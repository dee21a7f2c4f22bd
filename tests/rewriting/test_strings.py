"""Contents, prefixes and escapes of string literals, patterns, f-strings and formats."""

from __future__ import annotations

import sys

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("change_case", "x = 'Name'\n", "x = 'name'\n"),
    ("pad_string", "x = 'a'\n", "x = 'a/'\n"),
    ("pad_string", "x = 'a'\n", "x = 'a\\n'\n"),
    ("pad_string", "x = ''\n", "x = ' '\n"),
    ("pad_string", "x = b'a'\n", "x = b'a '\n"),
    ("loosen_string", "x = ''.join(y)\n", "x = ' '.join(y)\n"),
    ("change_prefix", "x = 'a'\n", "x = b'a'\n"),
    ("change_prefix", "x = '\\d'\n", "x = r'\\d'\n"),
    ("change_escape", "x = '\\n'\n", "x = '\\\\n'\n"),
    ("change_escape", "x = 'n'\n", "x = '\\n'\n"),
    ("split_string", "x = ['a' 'b']\n", "x = ['a', 'b']\n"),
    ("split_string", "x = ['a'\n     'b']\n", "x = ['a',\n     'b']\n"),
    ("change_pattern", "re.match('a+', x)\n", "re.match('a*', x)\n"),
    ("change_pattern", "re.match(r'\\d', x)\n", "re.match(r'\\w', x)\n"),
    ("change_pattern", "re.match(r'ab', x)\n", "re.match(r'ab$', x)\n"),
    ("change_pattern", "x = r'\\.txt'\n", "x = r'.txt'\n"),
    ("add_f_prefix", "def f(name):\n    return 'a {name}'\n", "def f(name):\n    return f'a {name}'\n"),
    ("add_f_prefix", "def f(name):\n    return 'a {name.x!r:>5}'\n", "def f(name):\n    return f'a {name.x!r:>5}'\n"),
    ("change_field", "x = f'{y:.1f}'\n", "x = f'{y:.2f}'\n"),
    ("change_field", "x = '{:>5}'.format(y)\n", "x = '{:<5}'.format(y)\n"),
    ("change_field", "x = f'{y}'\n", "x = f'{y!r}'\n"),
    ("change_field", "x = f'{y:5d}'\n", "x = f'{y:05d}'\n"),
    ("change_percent", "x = '%d' % y\n", "x = '%s' % y\n"),
    ("change_percent", "x = '%.1f' % y\n", "x = '%.2f' % y\n"),
    ("wrap_format", "x = 'a %s' % y\n", "x = 'a %s' % (y,)\n"),
]  # fmt: skip

ONE_WAY = [
    ("trim_string", "x = ' a '\n", "x = 'a'\n"),
    ("trim_string", "x = 'a\\n'\n", "x = 'a'\n"),
    ("tighten_string", "x = ', '.join(y)\n", "x = ','.join(y)\n"),
    ("seen_string", "def f(d):\n    d['name'] = 1\n    return d['nmae']\n",
     "def f(d):\n    d['name'] = 1\n    return d['name']\n"),
    ("merge_strings", "x = f('a', 'b')\n", "x = f('a' 'b')\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


@pytest.mark.parametrize(("operator", "before", "after"), ONE_WAY)
def test_there(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("change_case", "def f():\n    'Docstring'\n"),
        ("pad_string", "x: 'Annotation'\n"),
        ("pad_string", "x = f'text'\n"),
        ("add_f_prefix", "x = 'a {unknown}'\n"),
        ("add_f_prefix", "name = 1\nx = b'{name}'\n"),
        ("add_f_prefix", "name = 1\nx = '{name'\n"),
        ("change_prefix", "x = '''é'''\n"),
        ("split_string", "x = 'a' 'b'\n"),  # not among elements
        ("wrap_format", "x = y % z\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_a_key_of_another_file_is_found_by_its_spelling() -> None:
    made = results("seen_string", "x = d['colour_nmae']\n", ("other.py", "y['colour_name'] = 1\n"))
    assert made == ["x = d['colour_name']\n"]


def test_quotes_and_backslashes_at_the_ends_stay_closed() -> None:
    for text in ("x = '\\\\'\n", "x = '\\''\n", "x = r'\\a'\n", 'x = """a\\""""\n'):
        for operator in ("trim_string", "pad_string", "change_escape", "change_prefix"):
            for made in results(operator, text):
                compile(made, "made", "exec")


def test_the_missing_prefix_is_the_first_thing_to_try() -> None:
    assert OPERATORS["add_f_prefix"].prior > OPERATORS["pad_string"].prior


# -- inside f-strings -------------------------------------------------------------------------------------------------


def test_code_inside_an_f_string_is_rewritten_in_place() -> None:
    assert "x = f'é {a - b} {a}'\n" in results("swap_operator", "x = f'é {a + b} {a}'\n")
    assert "def f(a, b):\n    return f'{a}{b}'\n" in results("replace_name", "def f(a, b):\n    return f'{a}{a}'\n")


def test_a_rewrite_that_would_break_the_f_string_is_not_offered() -> None:
    made = results("wrap_element", "x = f'{f(y)}'\n")
    assert "x = f'{f([y])}'\n" in made
    made = results("replace_attribute", "x = f'{y.lower()}'\n")
    assert "x = f'{y.upper()}'\n" in made


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="positions inside nested f-strings are sure from 3.12")
def test_where_positions_are_unsure_nested_f_strings_are_left_alone() -> None:
    assert results("swap_operator", "x = f'{f\"{a + b}\"}'\n") == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="positions inside nested f-strings are sure from 3.12")
def test_where_positions_are_sure_nested_f_strings_are_rewritten() -> None:
    assert "x = f'{f\"{a - b}\"}'\n" in results("swap_operator", "x = f'{f\"{a + b}\"}'\n")
