from datetime import date

from billing import Money, Subscription, bill, bill_until


def test_invoice_has_price_tax_and_due_date(acme, monthly, prices, taxes):
    subscription = Subscription(acme, monthly, date(2023, 5, 1), seats=2)
    invoice = bill(subscription, subscription.period(0), prices, taxes, "R0001")
    assert [line.text for line in invoice.lines] == ["Team, 2 seats, 2023-05-01 to 2023-05-31"]
    assert (invoice.net, invoice.tax, invoice.gross) == (Money(6000), Money(1140), Money(7140))
    assert invoice.due == date(2023, 5, 15)


def test_new_price_from_the_period_that_begins_under_it(acme, monthly, prices, taxes):
    subscription = Subscription(acme, monthly, date(2023, 11, 15))
    nets = [invoice.net for invoice in bill_until(subscription, date(2024, 2, 1), prices, taxes)]
    assert nets == [Money(3000), Money(3000), Money(3300)]


def test_credit_for_the_days_after_cancelling(acme, monthly, prices, taxes):
    subscription = Subscription(acme, monthly, date(2023, 4, 1)).cancel(date(2023, 4, 11))
    invoice = bill(subscription, subscription.period(0), prices, taxes, "R0001")
    assert invoice.lines[1].amount == Money(-2000)
    assert invoice.net == Money(1000)


def test_no_credit_when_cancelled_at_the_end_of_a_period(acme, monthly, prices, taxes):
    subscription = Subscription(acme, monthly, date(2023, 4, 1)).cancel(date(2023, 5, 1))
    assert len(bill(subscription, subscription.period(0), prices, taxes, "R0001").lines) == 1


def test_credit_counts_the_leap_day_of_the_next_year(acme, quarterly, prices, taxes):
    """30 November to 28 February are 91 days when the new year is a leap year; ten of them were not used."""
    subscription = Subscription(acme, quarterly, date(2023, 11, 30)).cancel(date(2024, 2, 19))
    invoice = bill(subscription, subscription.period(0), prices, taxes, "R0001")
    assert invoice.lines[1].amount == Money(-989)
    assert invoice.lines[0].text == "Studio, 2023-11-30 to 2024-02-28"


def test_invoices_are_numbered_in_order(acme, monthly, prices, taxes):
    invoices = bill_until(Subscription(acme, monthly, date(2023, 1, 1)), date(2023, 4, 1), prices, taxes, prefix="X")
    assert [invoice.number for invoice in invoices] == ["X0001", "X0002", "X0003"]
