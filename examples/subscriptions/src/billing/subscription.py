"""A customer's standing order for a plan, and the periods it is billed for."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Optional

from billing.catalog import Plan
from billing.dates import Period, add_months
from billing.tax import Customer


@dataclass(frozen=True)
class Subscription:
    customer: Customer
    plan: Plan
    start: date
    seats: int = 1
    cancelled_on: Optional[date] = None

    def __post_init__(self):
        if self.seats < 1:
            raise ValueError("a subscription has at least one seat")

    @property
    def paid_from(self):
        """The first day that costs money: the start, or the end of the trial."""
        return self.start + timedelta(days=self.plan.trial_days)

    def period(self, number):
        """The billing period with this number, from 0.

        Every period is counted from the first day, never from the period before: a subscription that began on the
        31st comes back to the 31st after a short month.
        """
        months = self.plan.months
        anchor = self.paid_from
        return Period(add_months(anchor, number * months), add_months(anchor, (number + 1) * months))

    def periods(self, until):
        """The periods that have begun before the day `until`, cancelled or not."""
        number = 0
        while (period := self.period(number)).start < until:
            if self.cancelled_on is not None and period.start >= self.cancelled_on:
                return
            yield period
            number += 1

    def period_on(self, day):
        """The period `day` falls in, or None."""
        return next((period for period in self.periods(day + timedelta(days=1)) if day in period), None)

    def cancel(self, day):
        if day < self.start:
            raise ValueError("a subscription cannot end before it begins")
        return replace(self, cancelled_on=day)
