"""A sandbox for one peer: its configuration, its control paths and its journal."""

import json

from processes import TOLLGATE, ask, free_port, http

NUMBER = "106540352242922"
DISPLAY = "15550783881"
WABA = "102290129340398"
TOKEN = "sandbox-token"
SECRET = "sandbox-secret"

# One template for each kind of header and button, and each state that refuses a send.
TEMPLATES = [
    ("news", "en_US", "MARKETING", "body = 1"),
    ("order_shipped", "en_US", "UTILITY", 'body = ["first_name", "order"]'),
    ("login_code", "en_US", "AUTHENTICATION", 'body = 1\nbuttons = [{ type = "OTP" }]'),
    (
        "summer_offer",
        "en_US",
        "MARKETING",
        'body = ["first_name"]\nheader = "IMAGE"\n'
        'buttons = [{ type = "URL", dynamic = true }, { type = "QUICK_REPLY" }, { type = "COPY_CODE" }]',
    ),
    ("titled", "en_US", "UTILITY", 'body = 1\nheader = "TEXT"'),
    ("clip", "en_US", "UTILITY", 'body = 1\nheader = "VIDEO"'),
    ("invoice", "en_US", "UTILITY", 'body = 1\nheader = "DOCUMENT"'),
    ("visit", "en_US", "UTILITY", 'body = 1\nheader = "LOCATION"'),
    ("plain", "en_US", "UTILITY", "body = 0"),
    ("resting", "en_US", "MARKETING", 'body = 1\nstatus = "PAUSED"'),
    ("ended", "en_US", "MARKETING", 'body = 1\nstatus = "DISABLED"'),
]

# No share by chance: who ends in what behaves how.
RATES = [
    "read_without_delivered",
    "duplicate",
    "reorder",
    "silence",
    "undeliverable",
    "marketing_cap",
    "experiment",
    "unknown_error",
    "reply",
    "stop_reply",
]


class Sandbox:
    """`tollgate sandbox` on a port of its own; its webhooks go to `webhook`."""

    def __init__(self, processes, directory, webhook, version="v24.0", user_ids=False, updates_max=1):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "sandbox.toml"
        config.write_text(self._config(webhook, version, user_ids, updates_max))
        processes.start("tollgate sandbox", [TOLLGATE, "sandbox", "--config", str(config)], directory / "sandbox.log")
        processes.wait_for("the sandbox", self.stats)

    def _config(self, webhook, version, user_ids, updates_max):
        lines = [
            f'listen = "127.0.0.1:{self.port}"',
            f'graph_version = "{version}"',
            "[webhooks]",
            f'url = "{webhook}"',
            f"user_ids = {str(user_ids).lower()}",
            f"updates_max = {updates_max}",
            "concurrency = 1",
            "[delays]",
            "sigma = 0.0",
            "delay_scale = 0.02",
            "slow_answer_ms = 500",
            "[rates]",
            "read = 1.0",
            *(f"{name} = 0.0" for name in RATES),
            "[journal]",
            "memory_max_lines = 10000",
            "[[accounts]]",
            'id = "acme"',
            f'waba = "{WABA}"',
            "messaging_limit = 2000",
            "[[accounts.senders]]",
            f'phone_number_id = "{NUMBER}"',
            f'display_phone_number = "{DISPLAY}"',
        ]
        for name, language, category, more in TEMPLATES:
            lines += [
                "[[accounts.templates]]",
                f'name = "{name}"',
                f'language = "{language}"',
                f'category = "{category}"',
                more,
            ]
        return "\n".join(lines) + "\n"

    def control(self, path, body):
        return ask(f"{self.url}/sandbox/{path}", body)

    def stats(self):
        return ask(f"{self.url}/sandbox/stats")

    def webhooks(self):
        """(WABA, change) of every webhook so far."""
        _, text = http(f"{self.url}/sandbox/journal?after=0")
        lines = [json.loads(line) for line in text.splitlines()]
        return [(line["waba"], line["change"]) for line in lines if line["kind"] == "webhook"]

    def settle(self, processes):
        """Until every webhook has been delivered and nothing is planned any more."""
        processes.wait_for("the last webhook", lambda: self._still(), 60)

    def _still(self):
        stats = self.stats()
        return stats["timers"] == 0 and stats["updates_queued"] == 0

    def people(self, wamid):
        """What people, templates, numbers and portfolios may tell by webhook."""
        person = {"sender": NUMBER, "from": "16505551234"}
        for order in [
            {"text": "Saír / já 😀"},
            {"text": "Unsubscribe", "button_of": wamid},
            {
                "referral": {
                    "source_url": "https://fb.me/x",
                    "source_id": "1",
                    "source_type": "ad",
                    "headline": "Chat",
                    "body": "Summer",
                    "media_type": "image",
                    "image_url": "https://example.com/a.jpg",
                    "ctwa_clid": "x",
                }
            },
            {"preference": "stop"},
            {"preference": "resume"},
        ]:
            self.control("inbound", person | order)
        self.control("inbound", {"sender": NUMBER, "from": "US.13491208655302741918", "text": "Hi"})
        for event, reason in [
            ("PAUSED", None),
            ("APPROVED", None),
            ("REJECTED", "INVALID_FORMAT"),
            ("DISABLED", None),
            ("PENDING", None),
            ("IN_APPEAL", None),
            ("FLAGGED", None),
            ("LOCKED", None),
            ("LIMIT_EXCEEDED", None),
            ("REINSTATED", None),
            ("PENDING_DELETION", None),
            ("DELETED", None),
            ("ARCHIVED", None),
            ("UNARCHIVED", None),
        ]:
            order = {"account": "acme", "name": "plain", "language": "en_US", "event": event}
            self.control("templates/status", order | ({"reason": reason} if reason else {}))
        for event in ["ONBOARDING", "THROUGHPUT_UPGRADE"]:
            self.control("quality", {"sender": NUMBER, "event": event})
        for limit in [250, 2000, 10000, "unlimited", 777]:
            self.control("quality", {"account": "acme", "limit": limit})
        self.control("quality", {"account": "acme", "limit": 2000})
