"""What finance credits by hand, as docs/finance.md has it under "Crediting by hand"."""

import calendar
import json
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import markups

ZERO = Decimal(0)


def read(path, accounts):
    """Credits of a file of lines {"received", "account", "credit"}, each once, without those that are refused."""
    with open(path, encoding="utf-8") as file:
        return list(credits(map(json.loads, file), accounts))


def credits(lines, accounts):
    """The same of lines that are read."""
    wabas = {(a["account"], w["id"]): w for a in accounts for w in a["wabas"]}
    seen = set()
    for line in lines:
        said = line["credit"]
        once = (said["waba"], said["month"], said["id"])
        if once in seen:
            continue
        waba = wabas[line["account"], said["waba"]]
        year, month = map(int, said["month"].split("-"))
        last = f"{said['month']}-{calendar.monthrange(year, month)[1]:02}"
        now = datetime.fromtimestamp(line["received"] // 1000, UTC).astimezone(ZoneInfo(waba["time_zone"]))
        # Of what is to begin nothing is in force.
        markup = markups.in_force(waba, min(last, now.strftime("%Y-%m-%d"))) or {}
        currency = markup.get("currency") or waba["currency"]
        # One amount off both is refused where they are of two currencies, and may be said again later.
        if said.get("both") and currency != waba["currency"]:
            continue
        seen.add(once)
        fx = Decimal(markup["fx"]["rate"]) if markup.get("fx") else None
        cost, price = -Decimal(said.get("cost", "0")), -Decimal(said.get("price", "0"))
        converted = cost if fx is None else markups.rounded(cost * fx, 10)
        parts = [said["reason"]]
        parts += [f"{word} {said[word]}" for word in ("reference", "by") if word in said]
        yield {
            "account": line["account"], "waba": said["waba"], "month": said["month"], "cost": cost, "price": price,
            "markup": price - converted, "fx": fx, "cost_currency": waba["currency"],
            "price_currency": currency, "reason": "; ".join(parts),
        }  # fmt: skip
