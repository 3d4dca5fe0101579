"""Which deliveries are charged: each message, or the conversation that it opens.

The rules are those of whatsapp-rules.md, 1a. The platform's id of a conversation goes before them: of the messages that
bear one id the earliest opened it. What opened before the rules changed covers until it ends.
"""

HOUR = 3600
ENTRY = "free_entry_point"
MESSAGE, OPENED, UNSEEN = "message", "opened", "unseen"


class Open:
    """A conversation that one person has with one number."""

    __slots__ = ("kind", "since", "until", "id")

    def __init__(self, kind, since, until, name):
        self.kind, self.since, self.until, self.id = kind, since, until, name


def kind_of(message):
    """The kind of conversation by the platform's word, else by what we expect."""
    category = message.word("category")
    if message.word("type") == ENTRY or category == "referral_conversion":
        return ENTRY
    if category is None and message.facts is not None:
        category = message.facts["category"]
    return "authentication" if category == "authentication_international" else category


def charged(messages, book_of):
    """(message, what it is charged as) of the messages between a person and a number, in canonical order."""
    known = set()
    running = []
    for m in messages:
        book = book_of(m)
        model, name = m.word("model"), m.word("conversation")
        running = [c for c in running if m.instant < c.until]
        by_conversation = book is not None and book["conversation_hours"]
        if model is not None and model != "CBP":
            yield m, MESSAGE
        elif model is None and not by_conversation and not (running and m.word("type") is None):
            yield m, MESSAGE
        elif m.facts is None and not m.said:
            # Nothing says what other software sent.
            yield m, MESSAGE
        elif name is not None:
            if name in known:
                continue
            known.add(name)
            # One that nobody named so far is the same, if it is of that kind.
            nameless = next((c for c in running if c.kind == kind_of(m) and c.id is None), None)
            if nameless is not None:
                nameless.id = name
                continue
            if by_conversation:
                running = _open(running, Open(kind_of(m), m.instant, 0, name), book)
            yield m, OPENED if by_conversation else UNSEEN
        else:
            kind = kind_of(m)
            if kind == "?":
                yield m, MESSAGE
            elif _covers(running, kind, m.word("category") or m.word("type")):
                continue
            elif by_conversation:
                running = _open(running, Open(kind, m.instant, 0, None), book)
                yield m, OPENED
            else:
                yield m, MESSAGE


def _covers(running, kind, told):
    """Of what a free entry point covers the platform says so, if it says anything: another word is of another conversation."""
    if told:
        return any(c.kind == kind for c in running)
    if any(c.kind == ENTRY for c in running):
        return True
    return bool(running) if kind == "service" else any(c.kind == kind for c in running)


def _open(running, new, book):
    hours = book["entry_hours"] if new.kind == ENTRY else book["conversation_hours"]
    new.until = new.since + int(hours) * HOUR
    # A free entry point closes every other one.
    return [new] if new.kind == ENTRY else [*running, new]
