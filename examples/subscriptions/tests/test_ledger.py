from datetime import date

import pytest

from billing import Ledger, Money, Subscription, bill_until
from billing.ledger import bucket


@pytest.fixture
def ledger(acme, monthly, prices, taxes):
    ledger = Ledger()
    ledger.add(*bill_until(Subscription(acme, monthly, date(2023, 5, 1)), date(2023, 7, 15), prices, taxes))
    return ledger


def test_balance_is_billed_less_paid(ledger, acme):
    ledger.pay(acme, Money(5000))
    assert ledger.balance(acme) == Money(3 * 3570 - 5000)


def test_payment_settles_the_oldest_invoice_first(ledger, acme):
    ledger.pay(acme, Money(5000))
    assert [(invoice.number, amount) for invoice, amount in ledger.open(acme)] == [
        ("R0002", Money(2140)),
        ("R0003", Money(3570)),
    ]


def test_overdue_only_after_the_due_date(ledger, acme):
    assert ledger.overdue(acme, date(2023, 5, 15)) == []
    assert [invoice.number for invoice, _ in ledger.overdue(acme, date(2023, 5, 16))] == ["R0001"]


def test_aging(ledger, acme):
    assert ledger.aging(acme, date(2023, 7, 14)) == {
        "not due": Money(3570),
        "1-30 days": Money(3570),
        "31-60 days": Money(3570),
        "over 60 days": Money(0),
    }


@pytest.mark.parametrize(("days", "name"), [(0, "not due"), (1, "1-30 days"), (30, "1-30 days"), (61, "over 60 days")])
def test_bucket(days, name):
    assert bucket(days) == name


def test_a_payment_is_positive(ledger, acme):
    with pytest.raises(ValueError, match="positive"):
        ledger.pay(acme, Money(0))
