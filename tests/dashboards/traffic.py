"""Messages one by one beside and after the demo, so that at the end of what is shown something still flows."""

import json
import threading

from processes import http

SECONDS = 20
# How many lines are sent in at once, and how often. Seconds.
LINES = 6
PAUSE = 0.25
# Last three digits that make the sandbox's people behave in some way, by its README: 131026, an answer lost and one never
# given, a word back. Others are plain from 100 on.
UNUSUAL = [5, 9, 12, 14]
# account, number, purpose, template, parameters
KINDS = [
    ("aurora", "106540352240101", "utility", "order_shipped", 2),
    ("aurora", "106540352240102", "authentication", "login_code", 1),
    ("borealis", "106540352240201", "authentication", "login_code", 1),
    # The unusual ones are this number's: what is in doubt holds a number up.
    ("borealis", "106540352240202", "utility", "booking_update", 2),
]


def person(n):
    """A Brazilian mobile number that the demo does not make; every twentieth is unusual."""
    last = UNUSUAL[n // 20 % len(UNUSUAL)] if n % 20 == 19 else 100 + n % 900
    return f"+55119{90_000 + n // 900:05}{last:03}"


def request(n):
    account, sender, purpose, template, parameters = KINDS[n % len(KINDS)]
    components = {"body": ["x"] * parameters}
    if purpose == "authentication":
        text = [{"type": "text", "text": "x"}]
        components["buttons"] = [{"type": "button", "sub_type": "url", "index": "0", "parameters": text}]
    content = [{"template": {"name": template, "language": "en_US", "components": components}}]
    return {"id": f"late-{n}", "account": account, "sender": sender, "to": person(n), "purpose": purpose, "content": content}


class Traffic:
    """Sends until the block is left."""

    def __init__(self, service):
        self.service = service
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.refused = None
        self.ended = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        self.thread.join(15)
        # The pictures' own fault says more than what may have come of it.
        if kind is None:
            self._check()

    def run(self):
        """Waits while it sends."""
        self.thread.join(SECONDS)
        self._check()

    def _check(self):
        if self.ended:
            raise RuntimeError(f"sending ended early: {self.ended!r}") from self.ended
        if self.refused:
            raise RuntimeError(f"the service refused what was sent in: {self.refused}")

    def _run(self):
        try:
            self._send()
        except Exception as error:
            self.ended = error

    def _post(self, path, lines):
        body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
        status, told = http(f"{self.service}/v1/{path}", body, {"content-type": "application/x-ndjson"})
        if status >= 300:
            self.refused = f"{status} {told[:200]}"

    def _send(self):
        n = 0
        while not self.stop.wait(PAUSE):
            made = [request(each) for each in range(n, n + LINES)]
            n += LINES
            consents = [{"account": r["account"], "to": r["to"], "state": "opt_in", "source": "test"} for r in made]
            self._post("consents:batch", consents)
            # A line that is no request now and then: a dead letter.
            self._post("messages:batch", [*made, '{"idd": 1}'] if n % (LINES * 30) == 0 else made)
