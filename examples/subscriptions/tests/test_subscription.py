from datetime import date

import pytest

from billing import Plan, Subscription
from billing.dates import Period


def test_period_counts_from_the_first_day(acme, monthly):
    subscription = Subscription(acme, monthly, date(2023, 1, 31))
    assert subscription.period(1) == Period(date(2023, 2, 28), date(2023, 3, 31))
    assert subscription.period(2).start == date(2023, 3, 31)


def test_trial_comes_before_the_first_period(acme):
    subscription = Subscription(acme, Plan("Trial", trial_days=14), date(2024, 5, 1))
    assert subscription.period(0).start == date(2024, 5, 15)
    assert subscription.period_on(date(2024, 5, 10)) is None


def test_periods_until(acme, quarterly):
    subscription = Subscription(acme, quarterly, date(2023, 1, 1))
    starts = [period.start for period in subscription.periods(date(2023, 10, 1))]
    assert starts == [date(2023, 1, 1), date(2023, 4, 1), date(2023, 7, 1)]


def test_no_period_begins_after_cancelling(acme, monthly):
    subscription = Subscription(acme, monthly, date(2023, 1, 1)).cancel(date(2023, 3, 1))
    assert len(list(subscription.periods(date(2024, 1, 1)))) == 2


def test_period_on(acme, quarterly):
    subscription = Subscription(acme, quarterly, date(2023, 1, 1))
    assert subscription.period_on(date(2023, 5, 5)) == subscription.period(1)


def test_cannot_cancel_before_the_start(acme, monthly):
    with pytest.raises(ValueError, match="before it begins"):
        Subscription(acme, monthly, date(2023, 1, 1)).cancel(date(2022, 12, 31))


def test_needs_a_seat(acme, monthly):
    with pytest.raises(ValueError, match="at least one seat"):
        Subscription(acme, monthly, date(2023, 1, 1), seats=0)
