"""Statements as plain text."""

from billing.money import Money


def table(rows, numeric=()):
    """Rows of strings as aligned columns; the columns in `numeric` align right."""
    rows = [list(map(str, row)) for row in rows]
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def statement(ledger, customer, day):
    """What a customer was billed, what is open and how late it is."""
    rows = [("Invoice", "Issued", "Due", "Text", "Amount")]
    for invoice in ledger.invoices(customer):
        for index, line in enumerate(invoice.lines):
            head = (invoice.number, invoice.issued, invoice.due) if index == 0 else ("", "", "")
            rows.append((*head, line.text, line.amount))
        if invoice.tax != Money(0):
            rows.append(("", "", "", "Tax", invoice.tax))
    late = Money.total(amount for _, amount in ledger.overdue(customer, day))
    parts = [
        f"Statement for {customer.name}, {day}",
        table(rows, numeric={4}),
        f"Balance {ledger.balance(customer)}, of which overdue {late}",
    ]
    return "\n\n".join(parts) + "\n"
