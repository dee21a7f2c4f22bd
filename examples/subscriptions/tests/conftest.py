from datetime import date

import pytest

from billing import Customer, Plan, PriceList, TaxTable


@pytest.fixture
def acme():
    return Customer("Acme", "DE")


@pytest.fixture
def monthly():
    return Plan("Team", months=1)


@pytest.fixture
def quarterly():
    return Plan("Studio", months=3)


@pytest.fixture
def prices(monthly, quarterly):
    prices = PriceList()
    prices.set(monthly, date(2020, 1, 1), "30.00")
    prices.set(monthly, date(2024, 1, 1), "33.00")
    prices.set(quarterly, date(2020, 1, 1), "90.00")
    return prices


@pytest.fixture
def taxes():
    return TaxTable("DE", {"DE": "19", "FR": "20"})
