"""Amounts in one currency, exact to the cent."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, order=True)
class Money:
    """A number of cents; negative for a credit."""

    cents: int

    @classmethod
    def of(cls, amount):
        """Money from ``"12.50"``, an int or a Decimal, rounded half up."""
        if isinstance(amount, float):
            raise TypeError("a float is not an amount of money")
        cents = (Decimal(amount) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return cls(int(cents))

    @classmethod
    def total(cls, amounts):
        return cls(sum(amount.cents for amount in amounts))

    def __add__(self, other):
        return Money(self.cents + other.cents)

    def __sub__(self, other):
        return Money(self.cents - other.cents)

    def __neg__(self):
        return Money(-self.cents)

    def __mul__(self, count):
        return Money(self.cents * count)

    def share(self, part, whole):
        """This amount times ``part / whole``, rounded half up."""
        exact = Decimal(self.cents) * part / whole
        return Money(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)))

    def split(self, weights):
        """Parts in proportion to `weights` that add up to exactly this amount."""
        weights = list(weights)
        whole = sum(weights)
        parts, taken, given = [], 0, 0
        for weight in weights:
            taken += weight
            upto = self.share(taken, whole).cents
            parts.append(Money(upto - given))
            given = upto
        return parts

    def __str__(self):
        sign = "-" if self.cents < 0 else ""
        whole, cents = divmod(abs(self.cents), 100)
        return f"{sign}{whole:,}.{cents:02d}"
