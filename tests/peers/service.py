"""`tollgate serve` with an account of its own, and what is asked of it."""

import json
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from processes import TOLLGATE, ask, free_port, http
from sandbox import DISPLAY, NUMBER, SECRET, TOKEN

VERIFY = "verify-token"
# The templates of sandbox.py as the service has them: (name, category, more).
TEMPLATES = [
    ("news", "marketing", 'body = ["1"]'),
    ("order_shipped", "utility", 'body = ["first_name", "order"]'),
    ("login_code", "authentication", 'body = ["1"]\nbuttons = 1'),
    ("summer_offer", "marketing", 'body = ["first_name"]\nheader = "image"\nbuttons = 3'),
    ("titled", "utility", 'body = ["1"]\nheader = "text"'),
    ("clip", "utility", 'body = ["1"]\nheader = "video"'),
    ("invoice", "utility", 'body = ["1"]\nheader = "document"'),
    ("visit", "utility", 'body = ["1"]\nheader = "location"'),
    ("plain", "utility", ""),
]


def button(index, kind, parameter):
    return {"type": "button", "sub_type": kind, "index": str(index), "parameters": [parameter]}


LINK = {"link": "https://example.com/a"}
# Components of the requests, one for each kind of body that the dispatcher writes.
REQUESTS = {
    "news": {"body": ["Ana"]},
    "order_shipped": {"body": {"first_name": "Ana", "order": "42"}},
    "login_code": {"body": ["914207"], "buttons": [button(0, "url", {"type": "text", "text": "914207"})]},
    "summer_offer": {
        "header": [{"type": "image", "image": LINK}],
        "body": {"first_name": 'Jes"sica'},
        "buttons": [
            button(0, "url", {"type": "text", "text": "abc"}),
            button(1, "quick_reply", {"type": "payload", "payload": "STOP"}),
            button(2, "copy_code", {"type": "coupon_code", "coupon_code": "25OFF"}),
        ],
    },
    "titled": {"header": [{"type": "text", "text": "42"}], "body": ["Ana"]},
    "clip": {"header": [{"type": "video", "video": {"id": "1339522734477770"}}], "body": ["Ana"]},
    "invoice": {"header": [{"type": "document", "document": {**LINK, "filename": "a.pdf"}}], "body": ["Ana"]},
    "visit": {
        "header": [
            {
                "type": "location",
                "location": {"latitude": "37.44", "longitude": "-122.16", "name": "Office", "address": "Forest Ave"},
            }
        ],
        "body": ["Ana"],
    },
    "plain": None,
}
# Who gets them: everybody consented to everything.
PERSON = "+5511990001234"
OTHER = "+5511990001235"
SCOPED = "BR.13491208655302741918"


class Service:
    """Has its addresses from the beginning, as the platform must know them first."""

    def __init__(self, processes, directory):
        self.api, self.hooks, self.metrics = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.webhook = f"http://{self.hooks}/webhooks/whatsapp/default"
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.processes = processes

    def start(self, base_url, waba):
        """Starts and makes the account, whose WABA has the id `waba`; sends to the platform at `base_url`."""
        self._write(base_url, waba)
        config = str(self.directory / "tollgate.toml")
        self.processes.start("tollgate serve", [TOLLGATE, "--config", config, "serve"], self.directory / "serve.log")
        self.processes.wait_for("the service", lambda: http(f"http://{self.metrics}/readyz")[0] == 200)
        self.command("accounts", "apply", str(self.directory / "accounts.toml"))
        self.command("consents", "import", str(self.directory / "consents.csv"), "--account", "acme")

    def _write(self, base_url, waba):
        for name, secret in [("app_secret", SECRET), ("verify_token", VERIFY), ("access_token", TOKEN)]:
            (self.directory / name).write_text(secret)
        (self.directory / "tollgate.toml").write_text(
            f'''data_dir = "{self.directory}/data"
[gateway]
api = "{self.api}"
webhooks = "{self.hooks}"
metrics = "{self.metrics}"
[graph]
base_url = "{base_url}"
version = "v24.0"
[apps.default]
app_secret_file = "{self.directory}/app_secret"
verify_token_file = "{self.directory}/verify_token"
access_token_file = "{self.directory}/access_token"
'''
        )
        account = f'''[[account]]
account = "acme"
limit = 2000
[[account.wabas]]
id = "{waba}"
currency = "USD"
time_zone = "UTC"
[[account.wabas.senders]]
id = "{NUMBER}"
display = "+{DISPLAY}"
'''
        for name, category, more in TEMPLATES:
            account += (
                f'[[account.wabas.templates]]\nname = "{name}"\nlanguage = "en_US"\ncategory = "{category}"\n{more}\n'
            )
        (self.directory / "accounts.toml").write_text(account)
        (self.directory / "consents.csv").write_text(
            f"to,category,state,source,at,text_version\n{PERSON},,opt_in,web,2026-03-02T14:05:00Z,1\n"
            f"{OTHER},,opt_in,web,2026-03-02T14:05:00Z,1\n"
        )

    def command(self, *words):
        run = subprocess.run(
            [TOLLGATE, *words, "--url", f"http://{self.api}"], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if run.returncode:
            raise RuntimeError(f"tollgate {' '.join(words)}: {run.stdout}{run.stderr}")
        return run.stdout

    def enqueue(self, name, to, content, purpose):
        body = {"id": name, "account": "acme", "to": to, "purpose": purpose, "content": [content]}
        ask(f"http://{self.api}/v1/messages", body)

    def enqueue_templates(self):
        """Every kind of template; the ids of the requests."""
        category = {name: category for name, category, _ in TEMPLATES}
        for name, components in REQUESTS.items():
            template = {"name": name, "language": ["en_US"]} | ({"components": components} if components else {})
            self.enqueue(name, PERSON, {"template": template}, category[name])
        return list(REQUESTS)

    def outcomes(self):
        """The moves so far, by request: [(outcome, reason or detail)]."""
        text = self.command("outcomes", "acme", "--json")
        moves = {}
        for line in text.splitlines():
            told = json.loads(line)
            moves.setdefault(told["id"], []).append(told)
        return moves

    def malformed(self):
        """How many changes the gateway could not read."""
        _, text = http(f"http://{self.metrics}/metrics")
        lines = [
            line
            for line in text.splitlines()
            if line.startswith("tollgate_webhooks_total") and 'result="malformed"' in line
        ]
        return sum(int(float(line.split()[-1])) for line in lines)

    def wait_for(self, name, *outcomes):
        """Until the request has one of these outcomes; its newest move."""

        def done():
            moves = self.outcomes().get(name, [])
            return next((move for move in reversed(moves) if move["outcome"] in outcomes), None)

        try:
            return self.processes.wait_for(f"{name} to be {' or '.join(outcomes)}", done, 30)
        except RuntimeError as error:
            raise RuntimeError(f"{error}; its moves: {self.outcomes().get(name)}") from None


class Recorder:
    """Stands between the service and the platform: keeps each call with its answer and changes nothing."""

    def __init__(self, platform):
        self.calls = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {
                    name: self.headers[name]
                    for name in ["authorization", "content-type", "x-hub-signature-256"]
                    if self.headers[name]
                }
                request = urllib.request.Request(platform + self.path, recorder.change(body, headers), headers)
                try:
                    with urllib.request.urlopen(request, timeout=10) as answer:
                        status, text = answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    status, text = error.code, error.read()
                recorder.calls.append((self.path, body, status, text))
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def change(self, body, _headers):
        return body

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
