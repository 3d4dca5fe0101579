"""What the platform said: webhook bodies into facts about messages, and about people who wrote.

A message is known by its wamid. Its charge instant is the smallest time of delivered, read or played. Of several
words about its price the one of the latest time counts, of one time that of the later status, of one status the one that
came last, and each field for itself; a status that comes twice says nothing new.
"""

import json

DELIVERIES = ("delivered", "read", "played")
# How late a status is; what is not named comes first.
RANKS = {"sent": 1, "failed": 1, "delivered": 2, "read": 3, "played": 3}
STATUSES = ("sent", "failed", "held_for_quality_assessment", *DELIVERIES)
TYPES = {
    "regular": "regular",
    "free_customer_service": "free_customer_service",
    "free_group_customer_service": "free_customer_service",
    "free_entry_point": "free_entry_point",
}
CATEGORIES = ("marketing", "utility", "authentication", "authentication_international", "service")


class Message:
    """What is known of one wamid."""

    __slots__ = ("wamid", "waba", "sender", "person", "country", "instant", "said", "seen", "facts")

    def __init__(self, wamid, waba, sender):
        self.wamid = wamid
        self.waba = waba
        self.sender = sender
        self.person = None
        # Of a business-scoped id.
        self.country = None
        self.instant = None
        # Field to ((time, rank, order), word).
        self.said = {}
        self.seen = set()
        # The attempt of ours behind it.
        self.facts = None

    def word(self, field):
        """The word that counts, or None."""
        found = self.said.get(field)
        return found[1] if found else None


class Words:
    """Everything that was said."""

    def __init__(self):
        self.messages = {}
        # (sender, person) to the times at which the person wrote or called.
        self.wrote = {}
        # Volume bands that are reached: (waba, region, category, month, first message, time).
        self.bands = []
        self.order = 0

    def read(self, lines):
        """Reads lines of {"received", "body"}."""
        for line in lines:
            for entry in json.loads(line)["body"]["entry"]:
                for change in entry["changes"]:
                    value = change["value"]
                    if change["field"] == "messages":
                        for status in value.get("statuses", []):
                            self._status(entry["id"], value, status)
                        for message in value.get("messages", []):
                            if message.get("type") != "system" and "group_id" not in message:
                                self._wrote(value, message)
                    elif change["field"] == "account_update":
                        self._band(entry["id"], value)
                    elif change["field"] == "calls":
                        for call in value.get("calls", []):
                            if call.get("direction") != "BUSINESS_INITIATED":
                                self._wrote(value, call)

    def _band(self, waba, value):
        if value.get("event") != "VOLUME_BASED_PRICING_TIER_UPDATE":
            return
        tier = value["volume_tier_info"]
        first = int(tier["tier"].split(":")[0])
        # Authentication and its international form share what is counted.
        category = "authentication" if tier["pricing_category"].lower().startswith("auth") else tier["pricing_category"].lower()
        self.bands.append(
            (waba, tier["region"], category, tier["effective_month"], first, int(tier["tier_update_time"]))
        )

    def _wrote(self, value, message):
        person, _ = _person(message.get("from"), message.get("from_user_id"), value)
        key = (value["metadata"]["phone_number_id"], person)
        self.wrote.setdefault(key, []).append(int(message["timestamp"]))

    def _status(self, waba, value, status):
        kind = status["status"]
        if kind not in STATUSES:
            return
        self.order += 1
        wamid = status["id"]
        m = self.messages.get(wamid)
        if m is None:
            m = self.messages[wamid] = Message(wamid, waba, value["metadata"]["phone_number_id"])
        at = int(status["timestamp"])
        m.person, country = _person(status.get("recipient_id"), status.get("recipient_user_id"), value)
        m.country = m.country or country
        if kind in DELIVERIES and (m.instant is None or at < m.instant):
            m.instant = at
        pricing, conversation = status.get("pricing"), status.get("conversation")
        if pricing is None and conversation is None:
            return
        same = (kind, at, json.dumps([pricing, conversation], sort_keys=True))
        if same in m.seen:
            return
        m.seen.add(same)
        for field, word in _fields(pricing or {}, conversation or {}, kind).items():
            before = m.said.get(field)
            age = (at, RANKS.get(kind, 0), self.order)
            if before is None or before[0] <= age:
                m.said[field] = (age, word)


def _person(number, user_id, value):
    """Who, and the country that a business-scoped id begins with."""
    contacts = value.get("contacts", [])
    if not number and not user_id and len(contacts) == 1:
        number, user_id = contacts[0].get("wa_id"), contacts[0].get("user_id")
    text = str(number or user_id)
    if number and text.lstrip("+").isdigit():
        return "+" + text.lstrip("+"), None
    return text, text[:2] if text[2:3] == "." and text[:2].isupper() else None


def _fields(pricing, conversation, kind):
    """The words of one status. A word that is not known is kept as unknown: `?`."""
    said = {}
    origin = conversation.get("origin", {}).get("type")
    category = pricing.get("category", origin)
    if category is not None:
        category = category.replace("authentication-international", "authentication_international")
        category = "marketing" if category == "marketing_lite" else category
        entry = category == "referral_conversion"
        said["category"] = category if category in CATEGORIES or entry else "?"
    if "type" in pricing:
        said["type"] = TYPES.get(pricing["type"], "?")
    elif "referral_conversion" in (category, origin):
        said["type"] = "free_entry_point"
    if "pricing_model" in pricing:
        said["model"] = pricing["pricing_model"] if pricing["pricing_model"] in ("CBP", "PMP") else "?"
    # Where messages are charged the id means nothing. When it was sent another conversation may have been open.
    if "id" in conversation and said.get("model") != "PMP" and kind in DELIVERIES:
        said["conversation"] = conversation["id"]
    return said
