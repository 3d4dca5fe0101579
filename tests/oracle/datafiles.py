"""The project's data files, as rate-card/data/README.md describes them: rules, markets, rates and bands.

Everything is looked up by a local date, written as YYYY-MM-DD; such dates compare as text.
"""

import csv
import os
from decimal import Decimal


def _rows(path):
    """Rows of a file as dictionaries, and the key=value pairs of its first line."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    head = {}
    if lines[0].startswith("#"):
        for word in lines[0].lstrip("# ").split(";")[0].split():
            if "=" in word:
                name, value = word.split("=", 1)
                head[name] = value
    table = [line for line in lines if line and not line.startswith("#")]
    return head, list(csv.DictReader(table))


def _holds(row, date):
    return row["valid_from"] <= date and (row["valid_to"] == "open" or date <= row["valid_to"])


class Rules:
    """Dated rules of the platform."""

    def __init__(self, directory):
        self.books = _rows(os.path.join(directory, "rulebooks.csv"))[1]
        self.charging = {}
        for row in _rows(os.path.join(directory, "charging_rules.csv"))[1]:
            self.charging[row["rulebook"], row["category"]] = row
        self._by_date = {}

    def book(self, date):
        """The rulebook of a date, or None."""
        if date not in self._by_date:
            self._by_date[date] = next((book for book in self.books if _holds(book, date)), None)
        return self._by_date[date]

    def of(self, book, category):
        """How a rulebook charges a category."""
        return self.charging[book["rulebook"], category]


class Places:
    """Which country a number is in, and which market a country is in on a date."""

    def __init__(self, directory):
        _, listed = _rows(os.path.join(directory, "market_map.csv"))
        columns = [name for name in listed[0] if name.startswith("market_from_")]
        self.periods = sorted((name.removeprefix("market_from_").replace("_", "-"), name) for name in columns)
        self.country_of = {}
        self.markets = {}
        by_prefix = {}
        for row in listed:
            by_prefix.setdefault(row["prefix"], row)
            self.country_of.setdefault(row["prefix"], row["iso2"])
            self.markets.setdefault(row["iso2"], row)
        for name in ("numbering.csv", "nanp_area_codes.csv"):
            for row in _rows(os.path.join(directory, name))[1]:
                prefix = row["prefix"]
                if row["from_number"] == "yes":
                    self.country_of[prefix] = row["iso2"]
                if row["iso2"] in self.markets:
                    continue
                # It takes the market of its calling code.
                longest = next(prefix[:n] for n in range(len(prefix), -1, -1) if prefix[:n] in by_prefix)
                self.markets[row["iso2"]] = by_prefix[longest]

    def country(self, digits):
        """The country of a number by the longest prefix."""
        for length in range(min(len(digits), 8), -1, -1):
            if digits[:length] in self.country_of:
                return self.country_of[digits[:length]]
        return None

    def known(self, iso2):
        """The country, if the files know it and it is one."""
        return iso2 if iso2 in self.markets and iso2 != "*" else None

    def named(self, region):
        """The market of a name, whatever the case of its letters, or None."""
        names = {row[name] for row in self.markets.values() for _, name in self.periods}
        return next((name for name in names if name and name.casefold() == region.casefold()), None)

    def market(self, iso2, date):
        """The market of a country on a date, or None."""
        column = None
        for first, name in self.periods:
            if first <= date:
                column = name
        return self.markets[iso2][column] if column and iso2 in self.markets else None


class Cards:
    """Rate cards and volume bands."""

    def __init__(self, directory):
        self.cards = []
        for name in sorted(os.listdir(os.path.join(directory, "rates"))):
            head, rows = _rows(os.path.join(directory, "rates", name))
            head["cells"] = {
                (row["market"], row["category"]): (Decimal(row["rate"]) if row["rate"] else None, row["status"])
                for row in rows
            }
            self.cards.append(head)
        self.bands = []
        for name in sorted(os.listdir(os.path.join(directory, "bands"))):
            head, rows = _rows(os.path.join(directory, "bands", name))
            tables = {}
            for row in rows:
                last = int(row["to_message"]) if row["to_message"] else None
                tables.setdefault((row["market"], row["category"]), []).append(
                    (int(row["from_message"]), last, Decimal(row["rate"]))
                )
            self.bands.append((head, tables))

    def card(self, currency, date):
        """The card of a currency and date, or None: an open card ends where the next one begins, and of the versions of
        one the highest counts."""
        fitting = [card for card in self.cards if card["currency"] == currency and _holds(card, date)]
        return max(fitting, key=lambda card: (card["valid_from"], _version(card["id"])), default=None)

    def band(self, card, market, category, position):
        """(index, rate) of a position, or None when the bands of this card are not known. Bands belong to the cards whose
        list rate is that of the first one."""
        found = None
        listed, _ = card["cells"][market, category]
        for head, tables in sorted(self.bands, key=lambda bands: int(bands[0].get("version", "1"))):
            table = tables.get((market, category))
            same = head["currency"] == card["currency"] and head["valid_from"] == card["valid_from"]
            if same and table and table[0][2] == listed:
                found = table
        for index, (first, last, rate) in enumerate(found or []):
            if first <= position and (last is None or position <= last):
                return index, rate
        return None


def _version(name):
    """The version in a card's id, such as pmp-usd-2027-01-01-v2."""
    last = name.rpartition("-v")[2]
    return int(last) if last.isdigit() and "-v" in name else 1
