"""Who pays how much sales tax."""

from dataclasses import dataclass
from decimal import Decimal

from billing.money import Money


@dataclass(frozen=True)
class Customer:
    name: str
    country: str
    tax_id: str = ""

    @property
    def is_business(self):
        return bool(self.tax_id)


class TaxTable:
    """Rates in percent by country, seen from the seller's own `home` country."""

    def __init__(self, home, rates):
        self.home = home
        self._rates = {country: Decimal(rate) for country, rate in rates.items()}

    def rate(self, customer):
        """The rate for this customer: none abroad for a business, which accounts for the tax itself."""
        if customer.country != self.home and customer.is_business:
            return Decimal(0)
        return self._rates.get(customer.country, Decimal(0))

    def tax(self, net, customer):
        return Money.of(Decimal(net.cents) * self.rate(customer) / 10000)
