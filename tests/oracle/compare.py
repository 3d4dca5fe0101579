"""Rows of the settled net from both sides, and what differs between them."""

import csv
import glob
import os
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
KEY = (
    "usage_month", "account", "waba", "sender", "origin", "campaign", "country", "market", "category", "pricing_type",
    "pricing_model", "card", "card_status", "band", "band_basis", "list_rate", "cost_rate", "cost_currency", "markup_rule", "price_currency",
    "fx_rate", "reason",
)  # fmt: skip
SUMS = ("quantity", "cost", "markup", "fee", "price")


def number(value):
    """A number as text, the same for equal numbers."""
    return "" if value is None else f"{value:.10f}"


def of_charge(c):
    """(key, sums) of a charge of ours."""
    m = c.message
    campaign = m.facts.get("campaign") if m.facts else None
    priced = c.reason is None
    asked = c.asked if priced else {}
    key = (
        c.month, c.account["account"], c.waba["id"], c.sender, "own" if m.facts else "foreign", campaign or "",
        c.country or "", c.market or "", c.category or "", c.kind if priced else "", c.model,
        c.card["id"] if c.card else "", c.status or "",
        "" if c.band is None else str(c.band), c.basis or "", number(c.list_rate) if priced else "",
        number(c.rate) if priced else "", c.waba["currency"], asked.get("rule", ""), asked.get("currency", ""),
        number(asked.get("fx")), c.reason or "",
    )  # fmt: skip
    sums = (Decimal(1), c.cost or ZERO, asked.get("markup", ZERO), asked.get("fee", ZERO), asked.get("price", ZERO))
    return key, sums


def of_credit(credit):
    """(key, sums) of a credit of ours."""
    blank = dict.fromkeys(KEY, "")
    key = {
        **blank, "usage_month": credit["month"], "account": credit["account"], "waba": credit["waba"], "origin": "own",
        "pricing_model": "PMP", "cost_currency": credit["cost_currency"], "price_currency": credit["price_currency"],
        "fx_rate": number(credit["fx"]), "reason": credit["reason"],
    }  # fmt: skip
    return tuple(key[name] for name in KEY), (Decimal(1), credit["cost"], credit["markup"], ZERO, credit["price"])


def of_entry(row):
    """(key, sums) of an entry of the detail export."""
    unpriced = row["reason"] != "" and row["kind"] != "credit"
    basis = row["band_basis"]
    amount = lambda name: number(Decimal(row[name])) if row[name] else ""  # noqa: E731
    key = (
        row["usage_period"], row["account"], row["waba"], row["sender"], row["origin"], row["campaign"],
        row["country"], row["market"], row["category"], row["pricing_type"], row["pricing_model"],
        row["card"], row["card_status"], row["band"], basis,
        amount("list_rate"), amount("cost_rate"), row["cost_currency"], row["markup_rule"],
        "" if unpriced else row["price_currency"], amount("fx_rate"), row["reason"],
    )  # fmt: skip
    money = [Decimal(row[name]) if row[name] else ZERO for name in ("cost", "markup", "fee", "price_ex_tax")]
    return key, (Decimal(row["quantity"]), *money)


def details(directory):
    """Rows of all detail exports of a directory."""
    for path in sorted(glob.glob(os.path.join(directory, "detail-*.csv"))):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                row["campaign"] = unescaped(row["campaign"])
                yield row


def unescaped(text):
    """Text without the apostrophe that keeps a spreadsheet from running it."""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def add(rows, key, sums):
    """Adds to a row."""
    before = rows.get(key)
    rows[key] = sums if before is None else tuple(a + b for a, b in zip(before, sums, strict=True))


def net(pairs):
    """Sums by key; what was taken back altogether is no row."""
    rows = {}
    for key, sums in pairs:
        add(rows, key, sums)
    return {key: sums for key, sums in rows.items() if any(sums)}


def write(path, rows):
    """Rows as CSV, sorted."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*KEY, *SUMS])
        for key in sorted(rows):
            quantity, *money = rows[key]
            out.writerow([*key, int(quantity), *map(number, money)])


def read(path):
    """Rows of a file of the same form."""
    with open(path, encoding="utf-8", newline="") as file:
        table = csv.reader(file)
        next(table)
        return {tuple(row[: len(KEY)]): tuple(map(Decimal, row[len(KEY) :])) for row in table}


def differences(ours, theirs):
    """Keys whose sums differ."""
    return sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))


SUMMED = ("cost", "markup", "fee", "price_ex_tax")
SUMMARY_KEY = (
    "billing_period", "usage_period", "kind", "account", "waba", "sender", "campaign", "country", "market", "category",
    "pricing_type", "pricing_model", "band", "band_basis", "card", "card_status", "origin", "list_rate", "cost_rate",
    "cost_currency", "fx_rate", "markup_rule", "price_currency",
)  # fmt: skip


def summary_faults(directory):
    """What is wrong with a summary, by the detail of the same month: each row is the exact sum, rounded once."""
    faults = []
    for path in sorted(glob.glob(os.path.join(directory, "summary-*.csv"))):
        sums, counts = {}, {}
        with open(path.replace("summary-", "detail-"), encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = tuple(_six(row[name]) if name.endswith("rate") else row[name] for name in SUMMARY_KEY)
                add(counts, key, (int(row["quantity"]),))
                money = [Decimal(row[name]) if row[name] else None for name in SUMMED]
                before = sums.get(key)
                sums[key] = money if before is None else [_plus(a, b) for a, b in zip(before, money, strict=True)]
        with open(path, encoding="utf-8", newline="") as file:
            found = {}
            for row in csv.DictReader(file):
                row["band"] = row["volume_band"]
                key = tuple(_six(row[name]) if name.endswith("rate") else row[name] for name in SUMMARY_KEY)
                found[key] = (row["quantity"], *(row[name] for name in SUMMED))
        for key in sums.keys() | found.keys():
            amounts = sums.get(key)
            wanted = amounts and (str(counts[key][0]), *("" if a is None else _six(a) for a in amounts))
            if wanted != found.get(key):
                faults.append((os.path.basename(path), key, wanted, found.get(key)))
    return faults


def _plus(a, b):
    return a if b is None else b if a is None else a + b


def _six(value):
    if value == "":
        return ""
    amount = Decimal(value).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    return f"{abs(amount) if amount == 0 else amount:.6f}"
