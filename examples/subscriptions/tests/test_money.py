import pytest

from billing import Money


def test_of_rounds_half_up():
    assert Money.of("0.125") == Money(13)
    assert Money.of(12) == Money(1200)


def test_floats_are_refused():
    with pytest.raises(TypeError):
        Money.of(0.1)


def test_arithmetic():
    assert Money(500) + Money(25) - Money(5) == Money(520)
    assert Money(250) * 3 == Money(750)
    assert -Money(5) < Money(0)


def test_share_rounds_half_up():
    assert Money(1000).share(1, 3) == Money(333)
    assert Money(5).share(1, 2) == Money(3)


def test_split_loses_no_cent():
    parts = Money(1000).split([1, 1, 1])
    assert parts == [Money(333), Money(334), Money(333)]
    assert Money.total(parts) == Money(1000)


def test_text_has_thousands_and_sign():
    assert str(Money(1234567)) == "12,345.67"
    assert str(Money(-5)) == "-0.05"
