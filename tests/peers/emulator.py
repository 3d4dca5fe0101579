"""MockPost, an emulator of the Cloud API: it takes what the dispatcher sends, and its webhooks reach the gateway."""

import hashlib
import hmac
import json
import os
import pathlib
import tempfile
from datetime import datetime

from processes import Processes, ask, free_port, http
from sandbox import NUMBER, SECRET
from service import OTHER, PERSON, SCOPED, Recorder, Service

APP = {"X-MockPost-App": "tollgate"}


class Relay(Recorder):
    """Passes MockPost's webhooks on to the gateway, with what MockPost leaves out and the platform has."""

    def __init__(self, gateway):
        self.signs = self.seconds = False
        super().__init__(gateway)

    def change(self, body, headers):
        told = json.loads(body)
        if self.seconds:
            for value in (change["value"] for entry in told["entry"] for change in entry["changes"]):
                for item in value.get("statuses", []) + value.get("messages", []):
                    item["timestamp"] = str(int(datetime.fromisoformat(item["timestamp"]).timestamp()))
            body = json.dumps(told).encode()
        if self.signs:
            headers["x-hub-signature-256"] = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return body


class MockPost:
    def __init__(self, processes, directory, target):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        directory.mkdir(parents=True)
        (directory / "data").mkdir()
        ports = {f"MOCKPOST_{name}_PORT": str(free_port()) for name in ["SMTP", "FTP", "FTPS", "FTPS_IMPLICIT", "SFTP"]}
        environment = (
            os.environ
            | ports
            | {
                "MOCKPOST_HTTP_PORT": str(port),
                "MOCKPOST_DB_PATH": str(directory / "data/mockpost.db"),
                "MOCKPOST_STRICT_AUTH": "1",
            }
        )
        processes.start(
            "mockpost",
            [str(target / "mockpost/bin/mockpost")],
            directory / "mockpost.log",
            cwd=directory,
            env=environment,
        )
        processes.wait_for("MockPost", lambda: http(f"{self.url}/health")[0] == 200)

    def subscribe(self, webhook):
        ask(f"{self.url}/api/apps", {"name": "tollgate", "creds": {"whatsapp_phone_id": NUMBER}})
        ask(f"{self.url}/api/webhooks", {"channel": "whatsapp", "target_url": webhook, "app": "tollgate"})

    def status(self, wamid, status, to):
        """What the gateway answered to it."""
        order = {"message_id": wamid, "status": status, "recipient_id": to, "phone_number_id": NUMBER}
        answer = ask(f"{self.url}/whatsapp/simulate/status", order, APP)
        return answer["webhooks_delivered"][0]["response_code"]

    def inbound(self, sender, text):
        order = {"from": sender, "text": text, "phone_number_id": NUMBER}
        answer = ask(f"{self.url}/whatsapp/simulate/incoming", order, APP)
        return answer["webhooks_delivered"][0]["response_code"]

    def messages(self):
        return ask(f"{self.url}/api/messages?channel=whatsapp&limit=500")


def rows(target):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mockpost-", dir=target / "run"))
    with Processes() as processes:
        service = Service(processes, directory / "service")
        mockpost = MockPost(processes, directory / "mockpost", target)
        with Recorder(mockpost.url) as recorder, Relay(f"http://{service.hooks}") as relay:
            # MockPost gives the number's id as the WABA's, so the account has a WABA of that id.
            service.start(f"{recorder.url}/whatsapp", NUMBER)
            mockpost.subscribe(f"{relay.url}/webhooks/whatsapp/default")
            yield from talk(service, mockpost, recorder, relay)


def talk(service, mockpost, recorder, relay):
    sent = {}
    for name in service.enqueue_templates():
        move = service.wait_for(name, "accepted", "failed", "refused", "in_doubt")
        sent[name] = move
        yield row("sends accepted", name, move["outcome"] == "accepted", move)
    yield from kept(mockpost, recorder, sent)

    wamid, to = sent["news"]["wamid"], PERSON[1:]
    code = mockpost.status(wamid, "delivered", to)
    yield row("webhooks as they are", "unsigned status", code == 200, code)
    relay.signs = True
    code = mockpost.status(wamid, "delivered", to)
    yield row(
        "webhooks as they are",
        "signed status",
        code == 200 and not service.malformed(),
        f"{code}, {service.malformed()} malformed",
    )
    named = json.loads(relay.calls[-1][1])["entry"][0]["id"]
    yield row("webhooks as they are", "account named", named != NUMBER, f"entry.id is {named}, the number's id")
    relay.seconds = True
    for status, outcome in [("sent", "sent"), ("delivered", "delivered"), ("read", "read")]:
        code = mockpost.status(wamid, status, to)
        move = service.wait_for("news", outcome)
        yield row("webhooks signed, times in seconds", f"status {status}", code == 200, f"{code} {move['outcome']}")

    # A person's text opens the window, so that a text may answer it; their STOP ends marketing.
    code = mockpost.inbound(to, "Hi")
    service.enqueue("answer", PERSON, {"text": "Oi\nAna"}, "service")
    move = service.wait_for("answer", "accepted", "refused")
    yield row("webhooks signed, times in seconds", "inbound text", code == 200 and move["outcome"] == "accepted", move)
    code = mockpost.inbound(to, "STOP")
    template = {"template": {"name": "news", "language": ["en_US"], "components": {"body": ["Ana"]}}}
    service.enqueue("after-stop", PERSON, template, "marketing")
    move = service.wait_for("after-stop", "accepted", "refused")
    yield row("webhooks signed, times in seconds", "inbound STOP", move.get("reason") == "opted_out", move)

    # No number to send to.
    code = mockpost.inbound(SCOPED, "Hi")
    service.enqueue("scoped", {"bsuid": SCOPED, "country": "BR"}, {"text": "Oi"}, "service")
    move = service.wait_for("scoped", "accepted", "failed", "refused", "in_doubt", "parked")
    yield row("sends accepted", "text to a business-scoped id", move["outcome"] == "accepted", move)

    # MockPost's failures come without an error, so nothing is known but that this one message failed.
    code = mockpost.status(sent["plain"]["wamid"], "failed", to)
    move = service.wait_for("plain", "failed")
    yield row("webhooks signed, times in seconds", "status failed", code == 200, move)
    service.enqueue("after-failure", OTHER, {"template": {"name": "plain", "language": ["en_US"]}}, "utility")
    move = service.wait_for("after-failure", "accepted", "refused", "parked")
    yield row("webhooks signed, times in seconds", "another message after it", move["outcome"] == "accepted", move)


def kept(mockpost, recorder, sent):
    """What MockPost kept of each send against what was written."""
    by_wamid = {
        json.loads(answer)["messages"][0]["id"]: json.loads(body)
        for _, body, status, answer in recorder.calls
        if status == 200
    }
    messages = {
        json.loads(message["meta"])["wamid"] if isinstance(message["meta"], str) else message["meta"]["wamid"]: message
        for message in mockpost.messages()
    }
    for name, move in sent.items():
        wamid = move.get("wamid")
        body, message = by_wamid.get(wamid), messages.get(wamid)
        raw = message and message["raw_payload"]
        raw = json.loads(raw) if isinstance(raw, str) else raw
        fine = bool(body and raw and raw["template"] == body["template"] and raw["to"] == body["to"])
        yield row("sends kept word for word", name, fine, f"{body} {raw}")


def row(tried, case, ok, says):
    if isinstance(says, dict):
        says = " ".join(str(says.get(name)) for name in ["outcome", "reason", "detail"])
    return {"tried": tried, "case": case, "ok": bool(ok), "says": str(says)}
