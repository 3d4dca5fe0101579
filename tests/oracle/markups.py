"""What is asked for a message, as docs/finance.md has it under "Mark-up"."""

from decimal import ROUND_HALF_UP, Decimal

TEN = Decimal(1).scaleb(-10)
ZERO = Decimal(0)


def rounded(amount, decimals):
    """Half away from zero."""
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def in_force(waba, date):
    """The mark-up of a WABA on a date, or None."""
    begun = [markup for markup in waba.get("markup", []) if markup["valid_from"] <= date]
    return max(begun, key=lambda markup: markup["valid_from"], default=None)


def _rule(markup, market, category):
    """The most specific rule."""
    wanted = [(market, category), (market, None), (None, category), (None, None)]
    rules = {(rule.get("market"), rule.get("category")): rule for rule in markup["rules"]}
    return next(rules[key] for key in wanted if key in rules)


def price(waba, date, market, category, cost, free):
    """{rule, currency, markup, fee, price, fx} of a cost."""
    markup = in_force(waba, date)
    if markup is None:
        return {"rule": "", "currency": waba["currency"], "markup": ZERO, "fee": ZERO, "price": cost, "fx": None}
    rule = _rule(markup, market, category)
    fx = Decimal(markup["fx"]["rate"]) if markup.get("fx") else None
    converted = rounded(cost * fx, 10) if fx is not None else cost
    asked = not free or rule.get("on_free", False)
    fee = ZERO
    if "price" in rule:
        total = Decimal(rule["price"]) if asked else converted
    else:
        share = converted * Decimal(rule.get("percent", "0")) / 100
        fee = Decimal(rule.get("fixed", "0")) if asked else ZERO
        total = converted + share + fee
    total = rounded(total, markup.get("decimals", 10))
    currency = markup.get("currency") or waba["currency"]
    return {"rule": rule["name"], "currency": currency, "markup": total - converted - fee, "fee": fee, "price": total, "fx": fx}
