#!/usr/bin/env python3
"""The oracle against worked examples that were calculated by hand, and against exports that are wrong.

    python3 tests/oracle/test_oracle.py
"""

import csv
import decimal
import json
import os
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal

import compare
import credits
import markups
from datafiles import Cards, Places, Rules
from settle import Settled
from words import Words

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "rate-card", "data")
decimal.getcontext().prec = 60


def status(wamid, kind, at, pricing=None, conversation=None, to="5511987654321"):
    one = {"id": wamid, "status": kind, "timestamp": str(at), "recipient_id": to}
    if pricing:
        one["pricing"] = pricing
    if conversation:
        one["conversation"] = conversation
    return body({"statuses": [one]})


def body(value):
    value["metadata"] = {"phone_number_id": "11"}
    return json.dumps({"body": {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}})


def pmp(category, kind="regular"):
    return {"pricing_model": "PMP", "category": category, "type": kind}


def cbp(category):
    return {"pricing_model": "CBP", "category": category}


def charges(lines, zone="UTC", own=None, hashes=None, **waba):
    words = Words()
    words.read(lines)
    spec = {"id": "1", "currency": "USD", "time_zone": zone, "senders": [{"id": "11"}], **waba}
    attempts = {w: {"to": "+5511987654321", "category": c} for w, c in (own or {}).items()}
    accounts = [{"account": "acme", "wabas": [spec]}]
    return Settled(words, accounts, attempts, Rules(DATA), Places(DATA), Cards(DATA), hashes or {}).charges()


T = 1_790_812_800  # 2026-10-01T00:00:00Z


class Rates(unittest.TestCase):
    def test_the_local_day_chooses_card_and_rules(self):
        """Brazil: service is 0.0068 from October on, free before; Sao Paulo is three hours behind."""
        for zone, kind, month in (("UTC", "free_allowance", "2026-10"), ("America/Sao_Paulo", "regular", "2026-09")):
            (c,) = charges([status("a", "delivered", T, pmp("service"))], zone)
            self.assertEqual((c.kind, c.month, c.cost), (kind, month, Decimal(0)))

    def test_the_first_thousand_services_are_free(self):
        lines = [status(f"m{n:04}", "delivered", T + n, pmp("service")) for n in range(1002)]
        found = charges(reversed(lines))
        self.assertEqual([c.message.wamid for c in found if c.kind == "regular"], ["m1000", "m1001"])
        self.assertEqual({c.cost for c in found}, {Decimal(0), Decimal("0.0068")})

    def test_what_the_client_pays_for_uses_up_the_allowance_and_is_no_charge(self):
        """998 of other software before three of ours: two of these are among the thousand."""
        lines = [status(f"a{n:04}", "delivered", T + n, pmp("service")) for n in range(998)]
        lines += [status(name, "delivered", T + 2000 + n, pmp("service")) for n, name in enumerate("xyz")]
        found = charges(lines, own={name: "service" for name in "xyz"}, funding="client_pays")
        self.assertEqual([(c.message.wamid, c.kind) for c in found],
                         [("x", "free_allowance"), ("y", "free_allowance"), ("z", "regular")])

    def test_one_instant_is_ordered_by_the_hash(self):
        lines = [status(f"m{n:04}", "delivered", T, pmp("service")) for n in range(1001)]
        last = charges(lines, hashes={f"m{n:04}": f"{2000 - n}" for n in range(1001)})[-1]
        self.assertEqual((last.message.wamid, last.kind), ("m0000", "regular"))

    def test_bands_are_marginal(self):
        """Guatemala is Rest of Latin America: 0.0113, from the 100,001st on 0.0107."""
        at = T - 10 * 86_400
        lines = [status(f"m{n:06}", "delivered", at + n // 100, pmp("utility"), to="50212345678") for n in range(100_002)]
        found = charges(lines)
        self.assertEqual(sum(c.cost for c in found), 100_000 * Decimal("0.0113") + 2 * Decimal("0.0107"))

    def test_a_band_that_is_reached_bounds_positions_from_its_time_on(self):
        """Guatemala again: of three messages the last two come once the platform has counted 100,000."""
        at = T - 10 * 86_400
        lines = [status(f"m{n}", "delivered", at + n, pmp("utility"), to="50212345678") for n in range(3)]
        for when in (at + 1, at + 9):
            tier = {"tier_update_time": when, "pricing_category": "UTILITY", "tier": "100001:MAX",
                    "effective_month": "2026-09", "region": "REST OF LATIN AMERICA"}
            value = {"event": "VOLUME_BASED_PRICING_TIER_UPDATE", "volume_tier_info": tier}
            change = {"field": "account_update", "value": value}
            lines.append(json.dumps({"body": {"entry": [{"id": "1", "changes": [change]}]}}))
        found = charges(lines)
        self.assertEqual([c.position for c in found], [1, 100_001, 100_001])
        self.assertEqual([str(c.cost) for c in found], ["0.0113", "0.0107", "0.0107"])

    def test_read_alone_is_a_delivery_and_failed_is_none(self):
        lines = [status("a", "read", T, pmp("marketing")), status("b", "failed", T, pmp("marketing"))]
        self.assertEqual([c.message.wamid for c in charges(lines)], ["a"])

    def test_of_two_words_the_later_one_counts_and_repetitions_say_nothing(self):
        old, new = pmp("utility"), pmp("marketing")
        first, second = status("a", "delivered", T, old), status("a", "read", T + 5, new)
        for lines in ([first, second], [second, first], [first, second, first]):
            (c,) = charges(lines)
            self.assertEqual(c.category, "marketing")


class Conversations(unittest.TestCase):
    def test_worked_example_of_the_platform(self):
        """h0 marketing opens; h5 text is covered; h25 text opens a service conversation; h26 text is covered."""
        start = 1_729_000_000
        own = {"a": "marketing", "b": "service", "c": "service", "d": "service"}
        lines = [status(w, "delivered", start + h * 3600) for w, h in (("a", 0), ("b", 5), ("c", 25), ("d", 26))]
        found = charges(lines, own=own)
        self.assertEqual([(c.message.wamid, c.category, c.kind) for c in found],
                         [("a", "marketing", "regular"), ("c", "service", "free_allowance")])

    def test_ids_go_before_hours_and_cover_beyond_the_switch(self):
        switch = 1_751_328_000
        one = {"id": "x", "origin": {"type": "utility"}}
        lines = [
            status("a", "delivered", switch - 10, cbp("utility"), one),
            status("b", "delivered", switch + 86_000, cbp("utility"), one),
            status("c", "delivered", switch + 20, cbp("utility"), {"id": "y", "origin": {"type": "utility"}}),
            status("d", "delivered", switch + 30, pmp("utility")),
        ]
        found = charges(lines)
        self.assertEqual([(c.message.wamid, c.reason) for c in found],
                         [("a", None), ("c", "model_not_supported"), ("d", None)])


    def test_a_conversation_beside_a_free_entry_point_is_what_the_platform_says(self):
        start = 1_729_000_000
        entry = {"id": "e", "origin": {"type": "referral_conversion"}}
        lines = [
            status("a", "delivered", start, cbp("referral_conversion"), entry),
            status("b", "delivered", start + 60, cbp("utility"), {"id": "u", "origin": {"type": "utility"}}),
        ]
        found = charges(lines, own={"a": "service", "b": "utility"})
        self.assertEqual([c.kind for c in found], ["free_entry_point", "regular"])
        # Nor does its word need an id; where it says nothing, the free entry point covers.
        lines = [
            status("a", "delivered", start, cbp("referral_conversion")),
            status("b", "delivered", start + 60, cbp("utility")),
            status("c", "delivered", start + 90),
        ]
        found = charges(lines, own={"a": "service", "b": "utility", "c": "marketing"})
        self.assertEqual([(c.message.wamid, c.kind) for c in found], [("a", "free_entry_point"), ("b", "regular")])


class Markups(unittest.TestCase):
    def test_price_is_rounded_once_and_the_rest_is_markup(self):
        """0.0068 x 0.8614 = 0.00585752; + 12.5 % = 0.00658971; + 0.001 = 0.00758971; to 4 decimals 0.0076."""
        waba = {"currency": "USD", "markup": [{"valid_from": "2026-01-01", "currency": "EUR", "decimals": 4,
                "fx": {"rate": "0.8614"}, "rules": [{"name": "s", "percent": "12.5", "fixed": "0.001"}]}]}
        p = markups.price(waba, "2026-10-01", "Brazil", "utility", Decimal("0.0068"), False)
        self.assertEqual((p["price"], p["fee"], p["markup"]),
                         (Decimal("0.0076"), Decimal("0.001"), Decimal("0.0076") - Decimal("0.001") - Decimal("0.00585752")))

    def test_half_goes_away_from_zero(self):
        self.assertEqual(markups.rounded(Decimal("0.00765"), 4), Decimal("0.0077"))
        self.assertEqual(markups.rounded(Decimal("-0.00765"), 4), Decimal("-0.0077"))


class Credits(unittest.TestCase):
    def test_a_credit_is_once_and_what_lies_between_is_markup(self):
        waba = {"id": "1", "currency": "USD", "time_zone": "UTC", "markup": [{"valid_from": "2026-10-20", "currency": "EUR",
                "fx": {"rate": "0.8614"}, "rules": [{"name": "s", "percent": "1"}]}]}
        said = {"id": "C", "waba": "1", "month": "2026-10", "cost": "2", "price": "5", "reason": "x", "reference": "CN"}
        line = {"received": (T + 18 * 86_400) * 1000, "account": "acme", "credit": said}
        later = {**line, "received": (T + 40 * 86_400) * 1000, "credit": {**said, "id": "D"}}
        first, second = credits.credits([line, line, later], [{"account": "acme", "wabas": [waba]}])
        self.assertEqual((first["markup"], first["price_currency"], first["reason"]), (Decimal(-3), "USD", "x; reference CN"))
        self.assertEqual((second["markup"], second["price_currency"]), (Decimal("-5") + Decimal("1.7228"), "EUR"))

    def test_one_amount_off_both_is_of_one_currency(self):
        waba = {"id": "1", "currency": "USD", "time_zone": "UTC", "markup": [{"valid_from": "2026-10-20", "currency": "EUR",
                "fx": {"rate": "0.8614"}, "rules": [{"name": "s", "percent": "1"}]}]}
        said = {"id": "C", "waba": "1", "month": "2026-10", "cost": "5", "price": "5", "reason": "x", "both": True}
        line = {"received": (T + 18 * 86_400) * 1000, "account": "acme", "credit": said}
        later = {**line, "received": (T + 40 * 86_400) * 1000, "credit": {**said, "id": "D"}}
        apart = {**later, "credit": {key: value for key, value in later["credit"].items() if key != "both"}}
        first, second = credits.credits([line, later, apart], [{"account": "acme", "wabas": [waba]}])
        self.assertEqual((first["cost"], first["price"], first["markup"]), (Decimal(-5), Decimal(-5), Decimal(0)))
        self.assertEqual(second["price_currency"], "EUR")


class Differences(unittest.TestCase):
    def test_a_digit_too_many_is_found(self):
        """An export that is wrong by 10^-10 makes the command fail, one that is right does not."""
        with tempfile.TemporaryDirectory() as directory:
            registry = [{"account": "acme", "wabas": [{"id": "1", "currency": "USD", "time_zone": "UTC",
                         "senders": [{"id": "11"}]}]}]
            files = {"webhooks.ndjson": status("a", "delivered", T, pmp("marketing")) + "\n", "attempts.ndjson": "", "credits.ndjson": "",
                     "foreign.ndjson": "",
                     "registry.json": json.dumps(registry)}
            for name, text in files.items():
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(text)
            row = {"usage_period": "2026-10", "account": "acme", "waba": "1", "sender": "11", "origin": "foreign",
                   "country": "BR", "market": "Brazil", "category": "marketing", "pricing_type": "regular",
                   "pricing_model": "PMP", "card": "pmp-usd-2026-10-01", "card_status": "published", "list_rate": "0.0625", "cost_rate": "0.0625", "cost_currency": "USD",
                   "price_currency": "USD", "quantity": "1", "cost": "0.0625", "price_ex_tax": "0.0625",
                   "wamid": "a", "wamid_hash": "1"}
            columns = {*row, *compare.SUMMARY_KEY, *compare.SUMMED, "campaign", "reason", "kind"} 
            for cost, code in (("0.0625", 0), ("0.0625000001", 1)):
                with open(os.path.join(directory, "detail-2026-10.csv"), "w", encoding="utf-8", newline="") as file:
                    out = csv.DictWriter(file, sorted(columns), restval="")
                    out.writeheader()
                    out.writerow({**row, "cost": cost})
                done = subprocess.run([sys.executable, os.path.join(HERE, "oracle.py"), directory], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
