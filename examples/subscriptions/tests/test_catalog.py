from datetime import date

import pytest

from billing import Money, Plan, PriceList


def test_price_changes_on_the_day(prices, monthly):
    assert prices.price(monthly, date(2023, 12, 31)) == Money(3000)
    assert prices.price(monthly, date(2024, 1, 1)) == Money(3300)


def test_no_price_yet(prices, monthly):
    with pytest.raises(KeyError, match="no price on 2019-12-31"):
        prices.price(monthly, date(2019, 12, 31))


def test_steps_may_be_set_in_any_order(monthly):
    prices = PriceList()
    prices.set(monthly, date(2024, 1, 1), 20)
    prices.set(monthly, date(2023, 1, 1), 10)
    assert prices.price(monthly, date(2023, 6, 1)) == Money(1000)


def test_plan_is_billed_at_least_monthly():
    with pytest.raises(ValueError, match="at least every month"):
        Plan("Free", months=0)
