"""Subscriptions, invoices, payments and statements."""

from billing.catalog import Plan, PriceList
from billing.invoice import Invoice, Line, bill, bill_until
from billing.ledger import Ledger
from billing.money import Money
from billing.report import statement
from billing.subscription import Subscription
from billing.tax import Customer, TaxTable

__all__ = [
    "Customer",
    "Invoice",
    "Ledger",
    "Line",
    "Money",
    "Plan",
    "PriceList",
    "Subscription",
    "TaxTable",
    "bill",
    "bill_until",
    "statement",
]
