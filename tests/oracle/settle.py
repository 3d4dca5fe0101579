"""The settled net of a month: every charge once, in canonical order, with its position, its rate and its price.

Another way than the product's: everything is collected first, then grouped by what shares an allowance or bands,
sorted, numbered and rated. Nothing is ever corrected.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import conversations
from markups import price

ZERO = Decimal(0)
WINDOW = 24 * 3600
ENTRY = "free_entry_point"
WINDOW_FREE = "free_customer_service"


class Zones:
    """Local dates. Zones change their clocks at quarters of an hour only."""

    def __init__(self):
        self._dates = {}
        self._zones = {}

    def date(self, zone, at):
        """YYYY-MM-DD of an instant."""
        key = (zone, at // 900)
        if key not in self._dates:
            info = self._zones.setdefault(zone, ZoneInfo(zone))
            self._dates[key] = datetime.fromtimestamp(at, UTC).astimezone(info).strftime("%Y-%m-%d")
        return self._dates[key]


class Charge:
    """What one message or conversation costs."""

    __slots__ = (
        "message", "unit", "account", "waba", "sender", "person", "date", "month", "country", "market", "category",
        "kind", "model", "rule", "book", "card", "reason", "position", "used", "band", "basis", "list_rate", "rate",
        "cost", "asked", "order", "status", "billed",
    )  # fmt: skip

    def __init__(self, **fields):
        for name in self.__slots__:
            setattr(self, name, fields.get(name))


class Settled:
    """Words, registry and data files in; charges out."""

    def __init__(self, words, accounts, attempts, rules, places, cards, hash_of):
        self.words, self.rules, self.places, self.cards = words, rules, places, cards
        self.zones = Zones()
        self.hash_of = hash_of
        # Sender to account and WABA.
        self.owner = {s["id"]: (a, w) for a in accounts for w in a["wabas"] for s in w["senders"]}
        self.attempts = attempts
        self._cards = {}
        for times in words.wrote.values():
            times.sort()

    def order(self, message):
        """The canonical order."""
        return (message.instant, self.hash_of.get(message.wamid, message.wamid))

    def charges(self):
        """Every charge of every month."""
        deliveries = {}
        for message in self.words.messages.values():
            if message.instant is None or message.sender not in self.owner:
                continue
            message.facts = self.attempts.get(message.wamid)
            deliveries.setdefault((message.sender, self._person(message)), []).append(message)
        found = []
        for pair, messages in deliveries.items():
            messages.sort(key=self.order)
            for message, unit in conversations.charged(messages, self._book):
                charge = self._begin(pair, message, unit)
                # What other software sent where the client pays has its position, and is no charge.
                client_pays = self.owner[message.sender][1].get("funding") == "client_pays"
                charge.billed = message.facts is not None or not client_pays
                found.append(charge)
        found.sort(key=lambda c: c.order)
        self._allowances(found)
        self._bands(found)
        found = [c for c in found if c.billed]
        for charge in found:
            self._rate(charge)
        return found

    def _person(self, message):
        to = message.facts["to"] if message.facts else None
        return to["bsuid"] if isinstance(to, dict) else to or message.person

    def _date(self, message):
        return self.zones.date(self.owner[message.sender][1]["time_zone"], message.instant)

    def _book(self, message):
        return self.rules.book(self._date(message))

    def _begin(self, pair, message, unit):
        account, waba = self.owner[message.sender]
        date = self._date(message)
        c = Charge(
            message=message, unit=unit, account=account, waba=waba, sender=message.sender, person=pair[1], date=date,
            month=date[:7], book=self.rules.book(date), order=self.order(message), used=0,
        )  # fmt: skip
        c.country = self._country(message, pair[1])
        c.market = c.country and self.places.market(c.country, date)
        said, kind, model = message.word("category"), message.word("type"), message.word("model")
        c.model = model if model in ("CBP", "PMP") else c.book["pricing_model"]
        c.category = said if said in self._categories() else None
        # The word for a free entry point says nothing of the message's own category.
        if said in (None, "referral_conversion") and message.facts is not None:
            c.category = message.facts["category"]
            if c.category == "authentication" and c.country and self._is_international(waba, c.country, date):
                c.category = "authentication_international"
        entry = kind == ENTRY or said == "referral_conversion"
        if c.market is None:
            c.reason = "no_country"
        elif (model or c.book["pricing_model"]) != c.book["pricing_model"]:
            c.reason = "model_not_supported"
        elif said == "?" or c.category is None and not entry:
            c.reason = "unknown_category"
        elif kind == "?":
            c.reason = "unknown_type"
        c.kind = ENTRY if entry else kind
        if c.category is not None:
            c.rule = self.rules.of(c.book, c.category)
            if c.kind is None:
                c.kind = self._expected(c, pair, message)
        return c

    def _is_international(self, waba, country, date):
        """Begun for the recipient's country, and the business is not there."""
        starts = [s for s in waba.get("auth_international", []) if s["country"] == country and s["valid_from"] <= date]
        return bool(starts) and waba.get("location") != country

    def _categories(self):
        return ("marketing", "utility", "authentication", "authentication_international", "service")

    def _expected(self, c, pair, message):
        """The type by the rules, where the platform did not say one. That of a free entry point it says on each message."""
        wrote = self.words.wrote.get(pair, [])
        place = bisect_right(wrote, message.instant)
        inside = place > 0 and message.instant < wrote[place - 1] + WINDOW
        # What is not allowed outside the window was inside it, if it was delivered.
        how = c.rule["in_window" if inside else "outside_window"]
        how = c.rule["in_window"] if how == "not_allowed" else how
        return "regular" if how == "charged" else how

    def _country(self, message, person):
        if person.startswith("+"):
            return self.places.country(person[1:])
        to = message.facts["to"] if message.facts else None
        country = to.get("country") if isinstance(to, dict) else None
        country = country or message.country
        return country and self.places.known(country)

    def _allowances(self, charges):
        """The first so many of a month are free."""
        counted = {}
        for c in charges:
            if c.rule is None or not c.rule["allowance"] or c.model != c.book["pricing_model"]:
                continue
            if c.rule["allowance_counts"] == "chargeable" and c.kind != "regular":
                continue
            scope = c.sender if c.rule["allowance_scope"] == "sender" else c.waba["id"]
            counted.setdefault((scope, c.month, c.category), []).append(c)
        for group in counted.values():
            for used, c in enumerate(group):
                if c.kind == "regular" and used < int(c.rule["allowance"]):
                    c.kind = "free_allowance"

    def _bands(self, charges):
        """Positions of what is charged, over all WABAs of the account, and no lower than the band that the platform says
        is reached by then."""
        reached = {}
        account_of = {w["id"]: a["account"] for a, w in self.owner.values()}
        for waba, region, category, month, first, at in self.words.bands:
            key = (account_of.get(waba), month, self.places.named(region), category)
            reached.setdefault(key, []).append((at, first))
        counted = {}
        for c in charges:
            if c.rule is None or c.kind != "regular" or c.rule["volume_bands"] != "yes" or c.market is None:
                continue
            category = "authentication" if c.category.startswith("authentication") else c.category
            counted.setdefault((c.account["account"], c.month, c.market, category), []).append(c)
        for key, group in counted.items():
            bounds = reached.get(key, [])
            for place, c in enumerate(group, 1):
                c.position = max([place] + [first for at, first in bounds if at <= c.message.instant])

    def _card(self, currency, date):
        if (currency, date) not in self._cards:
            self._cards[currency, date] = self.cards.card(currency, date)
        return self._cards[currency, date]

    def _cell(self, c):
        """(rate, status) of a charge's place on its card."""
        if c.card is None or c.category is None:
            return None, None
        rate, status = c.card["cells"][c.market, c.category]
        if status == "not_offered" and c.rule["not_offered_as"]:
            # It is charged as, and therefore is, of the category that is offered.
            c.category = c.rule["not_offered_as"]
            rate, status = c.card["cells"][c.market, c.category]
        return rate, status

    def _rate(self, c):
        """Rate, cost and price of a charge that has its position."""
        if c.reason:
            return
        free = c.kind != "regular"
        c.rate, c.basis = ZERO, ""
        c.card = self._card(c.waba["currency"], c.date)
        # What is free has its list rate beside it, where there is one.
        rate, status = self._cell(c)
        c.list_rate = rate
        c.status = status if rate is not None else None
        if free and rate is None:
            c.card = None
        if not free:
            if c.card is None:
                c.reason = "no_card"
                return
            if rate is None:
                c.reason = "unknown_rate" if status == "unknown" else "not_offered"
                return
            c.rate = rate
            if c.rule["volume_bands"] == "yes":
                found = self.cards.band(c.card, c.market, c.category, c.position)
                c.basis = "table" if found else "list_unknown"
                if found:
                    c.band, c.rate = found
        c.cost = c.rate
        c.asked = price(c.waba, c.date, c.market, c.category, c.cost, free)
