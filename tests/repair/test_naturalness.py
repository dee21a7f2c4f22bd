"""Code that reads like its surroundings is less surprising."""

from hypothesis import given
from hypothesis import strategies as st

from quantatissu.repair.naturalness import TokenModel, tokens

TEXT = """\
def same(self, other):
    return self.parts == other.parts

def less(self, other):
    return self.parts < other.parts

def more(self, other):
    return self.parts > other.parts  # not ==
"""


def test_tokens_are_code_and_nothing_else():
    assert tokens("x = f('a  b', 1.5)  # why\n\n\n    y //= x") == [
        "x", "=", "f", "(", "<string>", ",", "1.5", ")", "\n", "y", "//=", "x",
    ]  # fmt: skip


def test_what_stands_elsewhere_surprises_less_than_what_does_not():
    model = TokenModel([TEXT])
    line = "    return self.parts == other.parts\n"
    lead = "def same(self, other):\n"
    usual = model.surprise(line, "    return self.parts < other.parts\n", lead)
    odd = model.surprise(line, "    return self.parts == other\n", lead)
    assert usual < odd


def test_a_text_does_not_surprise_where_it_stands():
    assert TokenModel([TEXT]).surprise("return x", "return x", "") == 0.0


def test_what_is_replaced_is_no_evidence_for_itself():
    once = "a = b\nc = d\n"
    assert TokenModel([once]).surprise("c = d\n", "c = b\n") < TokenModel([once + "c = d\n" * 9]).surprise(
        "c = d\n", "c = b\n"
    )


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_measured_and_leaves_the_model_as_it_was(before, after, lead):
    model = TokenModel([TEXT])
    usual = model.surprise("return self", "return other")
    assert isinstance(model.surprise(before, after, lead), float)
    assert model.surprise("return self", "return other") == usual
