"""Calendar arithmetic that `datetime` leaves out: months, business days, periods."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta


def days_in_month(year, month):
    return calendar.monthrange(year, month)[1]


def add_months(day, count):
    """The same day of the month `count` months later, or that month's last day if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    month += 1
    try:
        return day.replace(year=year, month=month)
    except ValueError:  # that month is too short
        return date(year, month, days_in_month(day.year, month))


def is_business_day(day, holidays=frozenset()):
    return day.weekday() < 5 and day not in holidays


def add_business_days(day, count, holidays=frozenset()):
    """The `count`-th business day after `day`."""
    while count > 0:
        day += timedelta(days=1)
        if is_business_day(day, holidays):
            count -= 1
    return day


@dataclass(frozen=True, order=True)
class Period:
    """Days from `start` up to, and not including, `end`."""

    start: date
    end: date

    def __post_init__(self):
        if self.end < self.start:
            raise ValueError(f"a period cannot end ({self.end}) before it starts ({self.start})")

    @property
    def days(self):
        return (self.end - self.start).days

    def __contains__(self, day):
        return self.start <= day < self.end

    def overlap(self, other):
        """The days in both, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def __str__(self):
        return f"{self.start} to {self.end - timedelta(days=1)}"
