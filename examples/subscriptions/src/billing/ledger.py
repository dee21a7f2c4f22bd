"""Who has paid what: payments settle the oldest invoice first."""

from collections import defaultdict

from billing.money import Money

BUCKETS = ((0, "not due"), (30, "1-30 days"), (60, "31-60 days"), (None, "over 60 days"))


class Ledger:
    """Invoices and payments of all customers."""

    def __init__(self):
        self._invoices = defaultdict(list)
        self._paid = defaultdict(lambda: Money(0))

    def add(self, *invoices):
        for invoice in invoices:
            self._invoices[invoice.customer.name].append(invoice)

    def pay(self, customer, amount):
        if amount.cents <= 0:
            raise ValueError("a payment is a positive amount")
        self._paid[customer.name] += amount

    def invoices(self, customer):
        return sorted(self._invoices[customer.name], key=lambda invoice: (invoice.issued, invoice.number))

    def balance(self, customer):
        """What the customer owes; negative when they paid too much."""
        return Money.total(invoice.gross for invoice in self.invoices(customer)) - self._paid[customer.name]

    def open(self, customer):
        """(invoice, amount still open) for each invoice that is not settled, oldest first."""
        left = self._paid[customer.name]
        for invoice in self.invoices(customer):
            settled = min(left, invoice.gross)
            left -= settled
            if settled < invoice.gross:
                yield invoice, invoice.gross - settled

    def overdue(self, customer, day):
        return [(invoice, amount) for invoice, amount in self.open(customer) if invoice.due < day]

    def aging(self, customer, day):
        """Open amounts by how long they have been due, as {bucket name: amount}."""
        table = {name: Money(0) for _, name in BUCKETS}
        for invoice, amount in self.open(customer):
            table[bucket((day - invoice.due).days)] += amount
        return table


def bucket(days):
    """The name of the bucket for something that has been due for `days` days."""
    for limit, name in BUCKETS:
        if limit is None or days <= limit:
            return name
    raise AssertionError("the last bucket has no limit")
