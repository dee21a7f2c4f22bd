"""Among patches that all pass, the natural one."""

from quantatissu.repair.candidates import Candidate
from quantatissu.repair.choose import literals
from quantatissu.repair.choose import score as score_of
from quantatissu.repair.localise import Place
from quantatissu.repair.naturalness import TokenModel
from quantatissu.rewriting import Edit, Rewrite, Source

TEXT = "def f(n):\n    if n > 3:\n        n = n - 1\n    return n\n"
TESTS = frozenset(literals([Source("assert f(7) == 41").tree]))


def score(old, new, operator="none"):
    start = TEXT.index(old)
    rewrite = Rewrite(operator, (Edit(start, start + len(old), new),), 1)
    candidate = Candidate("/m.py", rewrite, Place("/m.py", 1, 1.0, ""), -1.0)
    return score_of([(candidate, TEXT, rewrite.apply(TEXT))], TESTS, TokenModel([TEXT]))


def test_a_literal_learnt_from_the_test_counts_against_a_patch():
    assert score("return n", "return 41") < score("return n", "return 40") < score("return n", "return -n")


def test_small_constants_are_not_held_against_it():
    assert score("n > 3", "n > 0") > score("n > 3", "n > 7")


def test_a_condition_made_constant_counts_against_it():
    assert score("n > 3", "True") < score("n > 3", "n < 3")


def test_a_thing_compared_or_joined_with_itself_counts_against_it():
    assert score("n > 3", "n > n") < score("n > 3", "n > f")
    assert score("n > 3", "n or n") < score("n > 3", "n or f")


def test_a_type_test_of_self_counts_against_it():
    assert score("n > 3", "isinstance(self, int)") < score("n > 3", "isinstance(n, int)")


def test_a_number_made_negative_is_new():
    assert score("n > 3", "n > -3") < score("n > 3", "n > 1")
