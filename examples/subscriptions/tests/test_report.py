from datetime import date

from billing import Ledger, Money, Subscription, bill_until, statement
from billing.report import table


def test_table_aligns_columns():
    assert table([("a", "10.00"), ("long", "5.00")], numeric={1}) == "a     10.00\nlong   5.00"


def test_empty_table():
    assert table([]) == ""


def test_statement(acme, monthly, prices, taxes):
    ledger = Ledger()
    ledger.add(*bill_until(Subscription(acme, monthly, date(2023, 5, 1)), date(2023, 6, 2), prices, taxes))
    ledger.pay(acme, Money(3570))
    assert statement(ledger, acme, date(2023, 6, 5)) == (
        "Statement for Acme, 2023-06-05\n\n"
        "Invoice  Issued      Due         Text                            Amount\n"
        "R0001    2023-05-01  2023-05-15  Team, 2023-05-01 to 2023-05-31   30.00\n"
        "                                 Tax                               5.70\n"
        "R0002    2023-06-01  2023-06-15  Team, 2023-06-01 to 2023-06-30   30.00\n"
        "                                 Tax                               5.70\n\n"
        "Balance 35.70, of which overdue 0.00\n"
    )


def test_statement_across_a_leap_day(acme, quarterly, prices, taxes):
    ledger = Ledger()
    ledger.add(*bill_until(Subscription(acme, quarterly, date(2023, 8, 31)), date(2024, 3, 15), prices, taxes))
    text = statement(ledger, acme, date(2024, 3, 15))
    assert "R0003    2024-02-29  2024-03-14  Studio, 2024-02-29 to 2024-05-30" in text
    assert text.endswith("Balance 321.30, of which overdue 321.30\n")
