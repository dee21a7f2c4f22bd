"""Plans, and what they cost on a given day."""

from bisect import bisect_right
from dataclasses import dataclass

from billing.money import Money


@dataclass(frozen=True)
class Plan:
    """Something to subscribe to, billed every `months` months."""

    name: str
    months: int = 1
    trial_days: int = 0

    def __post_init__(self):
        if self.months < 1:
            raise ValueError("a plan is billed at least every month")


class PriceList:
    """The price of each plan per seat and period, and how it changed over time."""

    def __init__(self):
        self._steps = {}

    def set(self, plan, since, price):
        """From the day `since` on, `plan` costs `price`."""
        steps = self._steps.setdefault(plan.name, [])
        steps.append((since, Money.of(price)))
        steps.sort()

    def price(self, plan, day):
        """Raises KeyError when the plan had no price yet."""
        steps = self._steps.get(plan.name, [])
        position = bisect_right([since for since, _ in steps], day)
        if position == 0:
            raise KeyError(f"{plan.name} has no price on {day}")
        return steps[position - 1][1]
