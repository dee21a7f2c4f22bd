from billing import Customer, Money


def test_home_rate_for_everyone_at_home(taxes):
    assert taxes.tax(Money(10000), Customer("Acme", "DE")) == Money(1900)
    assert taxes.tax(Money(10000), Customer("Acme GmbH", "DE", tax_id="DE123")) == Money(1900)


def test_rate_of_the_country_for_a_private_customer_abroad(taxes):
    assert taxes.tax(Money(10000), Customer("Dupont", "FR")) == Money(2000)


def test_no_tax_for_a_business_abroad(taxes):
    assert taxes.tax(Money(10000), Customer("Dupont SA", "FR", tax_id="FR123")) == Money(0)


def test_no_tax_where_there_is_no_rate(taxes):
    assert taxes.tax(Money(10000), Customer("Smith", "US")) == Money(0)
