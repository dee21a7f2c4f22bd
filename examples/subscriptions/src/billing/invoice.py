"""Invoices: what a subscription costs in one period, with credit for the days it did not run."""

from dataclasses import dataclass
from datetime import date

from billing.dates import Period, add_business_days
from billing.money import Money
from billing.tax import Customer

PAYMENT_DAYS = 10


@dataclass(frozen=True)
class Line:
    text: str
    amount: Money


@dataclass(frozen=True)
class Invoice:
    number: str
    customer: Customer
    issued: date
    due: date
    lines: tuple
    tax: Money

    @property
    def net(self):
        return Money.total(line.amount for line in self.lines)

    @property
    def gross(self):
        return self.net + self.tax


def bill(subscription, period, prices, taxes, number, holidays=frozenset()):
    """The invoice for one period, issued on its first day."""
    price = prices.price(subscription.plan, period.start) * subscription.seats
    seats = f", {subscription.seats} seats" if subscription.seats > 1 else ""
    lines = [Line(f"{subscription.plan.name}{seats}, {period}", price)]
    credit = unused(subscription, period, price)
    if credit.cents:
        lines.append(Line("Credit for unused days", -credit))
    net = Money.total(line.amount for line in lines)
    return Invoice(
        number=number,
        customer=subscription.customer,
        issued=period.start,
        due=add_business_days(period.start, PAYMENT_DAYS, holidays),
        lines=tuple(lines),
        tax=taxes.tax(net, subscription.customer),
    )


def unused(subscription, period, price):
    """The part of `price` for the days of the period after the subscription was cancelled."""
    if subscription.cancelled_on is None or subscription.cancelled_on not in period:
        return Money(0)
    rest = Period(subscription.cancelled_on, period.end)
    return price.share(rest.days, period.days)


def bill_until(subscription, until, prices, taxes, prefix="R"):
    """All invoices for periods that have begun before `until`, numbered in order."""
    return [
        bill(subscription, period, prices, taxes, f"{prefix}{index:04d}")
        for index, period in enumerate(subscription.periods(until), start=1)
    ]
