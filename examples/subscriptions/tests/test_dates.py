from datetime import date

import pytest

from billing.dates import Period, add_business_days, add_months, days_in_month, is_business_day


def test_days_in_month():
    assert days_in_month(2023, 2) == 28
    assert days_in_month(2024, 2) == 29


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2023, 3, 15), 1, date(2023, 4, 15)),
        (date(2023, 12, 15), 1, date(2024, 1, 15)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 3, 31), -1, date(2023, 2, 28)),
        (date(2023, 5, 31), 18, date(2024, 11, 30)),
    ],
)
def test_add_months(day, count, expected):
    assert add_months(day, count) == expected


def test_business_days_skip_weekends_and_holidays():
    friday = date(2024, 3, 1)
    assert not is_business_day(date(2024, 3, 2))
    assert add_business_days(friday, 1) == date(2024, 3, 4)
    assert add_business_days(friday, 1, {date(2024, 3, 4)}) == date(2024, 3, 5)


def test_period_does_not_contain_its_end():
    may = Period(date(2024, 5, 1), date(2024, 6, 1))
    assert may.days == 31
    assert date(2024, 5, 31) in may
    assert date(2024, 6, 1) not in may
    assert str(may) == "2024-05-01 to 2024-05-31"


def test_period_overlap():
    may = Period(date(2024, 5, 1), date(2024, 6, 1))
    assert may.overlap(Period(date(2024, 5, 20), date(2024, 7, 1))).days == 12
    assert may.overlap(Period(date(2024, 6, 1), date(2024, 7, 1))) is None


def test_period_cannot_run_backwards():
    with pytest.raises(ValueError, match="before it starts"):
        Period(date(2024, 5, 2), date(2024, 5, 1))
