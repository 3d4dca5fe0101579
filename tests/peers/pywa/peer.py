"""pywa sends through the sandbox, and reads at an endpoint of its own what the sandbox tells by webhook.

Called with one argument, JSON of run.py; prints a row for each thing tried, one JSON object a line."""

import json
import logging
import sys
import threading
import time
import urllib.request
import warnings

import httpx
import uvicorn
from pywa import WhatsApp, errors, types
from pywa.types.templates import (
    AuthenticationBody,
    BodyText,
    CopyCodeButton,
    HeaderDocument,
    HeaderImage,
    HeaderLocation,
    HeaderText,
    HeaderVideo,
    OneTapOTPButton,
    QuickReplyButton,
    TemplateLanguage,
    URLButton,
)

ASKED = json.loads(sys.argv[1])
EN = TemplateLanguage.ENGLISH_US
# Fields that pywa hands on as they came.
UNREAD = {"phone_number_quality_update", "business_capability_update"}


def row(tried, case, ok, says=""):
    print(json.dumps({"tried": tried, "case": case, "ok": ok, "says": says}), flush=True)


class ToSandbox(httpx.HTTPTransport):
    """What pywa sends to the platform goes to the sandbox; nothing else of a request is touched."""

    def handle_request(self, request):
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=ASKED["sandbox_port"])
        return super().handle_request(request)


def client(token=ASKED["token"], **more):
    return WhatsApp(
        phone_id=ASKED["number"],
        token=token,
        session=httpx.Client(transport=ToSandbox(), timeout=20),
        verify_token="verify",
        app_secret=ASKED["secret"],
        filter_updates=False,
        skip_duplicate_updates=False,
        api_version=float(ASKED["version"].removeprefix("v")),
        **more,
    )


class Endpoint:
    """pywa's own webhook endpoint; keeps every body that it let in."""

    def __init__(self):
        self.bodies = []
        self.wa = client()
        self.wa.on_raw_update(lambda _, update: self.bodies.append(update.raw))
        app = self.wa._setup_and_get_starlette_app()
        logging.disable(logging.CRITICAL)
        config = uvicorn.Config(app, port=ASKED["listen"], log_config=None, access_log=False)
        self.server = uvicorn.Server(config)
        threading.Thread(target=self.server.run, daemon=True).start()
        while not self.server.started:
            time.sleep(0.02)

    def end(self):
        # Its updates are handled after the answer.
        last = -1
        while last != len(self.bodies):
            last = len(self.bodies)
            time.sleep(0.3)
        self.server.should_exit = True


def refuses_forgeries():
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    request = urllib.request.Request(
        f"http://127.0.0.1:{ASKED['listen']}/", body, {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    )
    try:
        urllib.request.urlopen(request)
        row("webhook endpoint", "forged signature refused", False, "answered 200")
    except urllib.error.HTTPError as error:
        row("webhook endpoint", "forged signature refused", error.code == 403, str(error.code))


def sends(wa):
    """Every kind of send that Tollgate makes, and some that it does not; the id of the first."""
    to = "16505551234"

    def template(name, *params, to=to, **more):
        return lambda: wa.send_template(to=to, name=name, language=EN, params=list(params), tracker="job-42", **more)

    given = {
        "template positional": template("news", BodyText.params("Ana")),
        "template named": template("order_shipped", BodyText.params(first_name="Ana", order="42")),
        "template one-time code": template(
            "login_code", AuthenticationBody.params(otp="914207"), OneTapOTPButton.params(otp="914207")
        ),
        "template image and buttons": template(
            "summer_offer",
            HeaderImage.params(image="https://example.com/a.jpg"),
            BodyText.params(first_name="Ana"),
            URLButton.params(url_variable="abc", index=0),
            QuickReplyButton.params(callback_data="STOP", index=1),
            CopyCodeButton.params(coupon_code="25OFF", index=2),
        ),
        "template text header": template("titled", HeaderText.params("42"), BodyText.params("Ana")),
        "template video header": template(
            "clip", HeaderVideo.params(video="https://example.com/a.mp4"), BodyText.params("Ana")
        ),
        "template document header": template(
            "invoice",
            HeaderDocument.params(document="https://example.com/a.pdf", filename="a.pdf"),
            BodyText.params("Ana"),
        ),
        "template location header": template(
            "visit",
            HeaderLocation.params(lat=37.44, lon=-122.16, name="Office", address="Forest Ave"),
            BodyText.params("Ana"),
        ),
        "template without parameters": template("plain"),
        "template to a business-scoped id": template("news", BodyText.params("Ana"), to="US.13491208655302741918"),
        "marketing messages endpoint": template("news", BodyText.params("Ana"), use_mm_lite_api=True),
        "text": lambda: wa.send_message(to, "Hello", tracker="job-42"),
        "text with preview": lambda: wa.send_message(to, "See https://example.com", preview_url=True),
        "text in reply": lambda: wa.send_message(to, "Yes", reply_to_message_id="wamid.HBgL"),
        "reply buttons": lambda: wa.send_message(to, "Well?", buttons=[types.Button(title="Yes", callback_data="y")]),
        "image": lambda: wa.send_image(to, "https://example.com/a.jpg"),
        "video with caption": lambda: wa.send_video(to, "https://example.com/a.mp4", caption="Look"),
        "audio": lambda: wa.send_audio(to, "https://example.com/a.ogg"),
        "document": lambda: wa.send_document(to, "https://example.com/a.pdf", filename="a.pdf", caption="Invoice"),
        "sticker": lambda: wa.send_sticker(to, "https://example.com/a.webp"),
        "location": lambda: wa.send_location(to, latitude=37.44, longitude=-122.16, name="Office", address="Forest Ave"),
        "contact": lambda: wa.send_contact(
            to, types.Contact(name=types.Contact.Name(formatted_name="Ana Silva", first_name="Ana"))
        ),
        "reaction": lambda: wa.send_reaction(to, emoji="\N{THUMBS UP SIGN}", message_id="wamid.HBgL"),
        "list": lambda: wa.send_message(
            to,
            "Which?",
            buttons=types.SectionList(
                button_title="Open",
                sections=[types.Section(title="Days", rows=[types.SectionRow(title="Monday", callback_data="mon")])],
            ),
        ),
        "link button": lambda: wa.send_message(to, "Look", buttons=types.URLButton(title="Open", url="https://example.com")),
        "flow": lambda: wa.send_message(
            to,
            "Book",
            buttons=types.FlowButton(
                title="Book",
                flow_id="123",
                flow_token="t",
                flow_message_version="3",
                flow_action_type="navigate",
                flow_action_screen="START",
            ),
        ),
        "location request": lambda: wa.request_location(to, "Where are you?"),
    }
    ids = {}
    window(wa, to)
    for name, send in given.items():
        try:
            sent = send()
            ids[name] = sent.id
            fine = sent.id.startswith("wamid.") and sent.from_phone_id == ASKED["number"]
            row("sends", name, fine, "" if fine else repr(sent))
        except Exception as error:
            row("sends", name, False, f"{type(error).__name__}: {error}")
    return ids


def window(wa, to):
    """The person writes, so that text may be sent."""
    order = {"sender": ASKED["number"], "from": to, "text": "Hi"}
    httpx.post(f"{ASKED['sandbox']}/sandbox/inbound", json=order).raise_for_status()


def everyone(wa):
    """A template to each kind of recipient that the sandbox plays."""
    for suffix in range(1, 19):
        try:
            sent = wa.send_template(
                to=f"16505550{suffix:03}",
                name="news",
                language=EN,
                params=[BodyText.params("Ana")],
                tracker=f"job-{suffix}",
            )
            held = {15, 16}
            fine = str(sent.status) == ("held_for_quality_assessment" if suffix in held else "accepted")
            row("answers", f"recipient {suffix:03}", fine, "" if fine else repr(sent))
        except Exception as error:
            # What the README of the sandbox says of these.
            expected = {
                8: errors.TooManyMessages,
                11: errors.RateLimitHit,
                9: errors.WhatsAppError,
                12: httpx.RemoteProtocolError,
            }.get(suffix)
            fine = expected is not None and isinstance(error, expected)
            row("answers", f"recipient {suffix:03}", fine, f"{type(error).__name__}: {error}")


def refusals(wa):
    """Each refusal arrives as the exception that pywa has for its code."""
    to = "16505557777"

    def template(name, *params, wa=wa):
        return lambda: wa.send_template(to=to, name=name, language=EN, params=list(params))

    for name, expected, send in [
        ("unknown template", errors.TemplateNotExists, template("nothing")),
        ("parameter count", errors.TemplateParamCountMismatch, template("news")),
        (
            "parameter format",
            errors.TemplateParamFormatMismatch,
            template("clip", HeaderImage.params(image="https://example.com/a.jpg"), BodyText.params("Ana")),
        ),
        ("paused template", errors.TemplatePaused, template("resting", BodyText.params("Ana"))),
        ("disabled template", errors.TemplateDisabled, template("ended", BodyText.params("Ana"))),
        ("text outside the window", errors.ReEngagementMessage, lambda: wa.send_message("16505558888", "Hi")),
        ("wrong token", errors.ExpiredAccessToken, template("news", BodyText.params("Ana"), wa=client(token="wrong"))),
    ]:
        try:
            row("refusals", name, False, f"accepted: {send().id}")
        except Exception as error:
            row("refusals", name, isinstance(error, expected), f"{type(error).__name__}: {error}")


class Reader:
    """Has pywa make its object of one update."""

    def __init__(self):
        self.wa = client()
        self.told = None
        self.count = 0
        for name in dir(self.wa):
            # Every kind of update that pywa has.
            if name.startswith("on_") and name not in {"on_raw_update", "on_flow_request"}:
                getattr(self.wa, name)(self._keep)

    def _keep(self, _, update):
        self.told = update
        self.count += 1

    def read(self, body):
        """(pywa's object or None, why there is none)."""
        self.told = None
        field = json.loads(body)["entry"][0]["changes"][0]["field"]
        if field in UNREAD:
            return None, "pywa has no type for it"
        try:
            handler = self.wa._get_handler_type(raw := types.RawUpdate(body, hmac_header=None, update_hash=""))
            if handler is None:
                return None, "pywa finds no handler for it"
            made = self.wa._handlers_to_updates[handler].from_update(client=self.wa, update=raw)
        except Exception as error:
            return None, f"{type(error).__name__}: {error}"
        # The public way gives the same.
        logging.disable(logging.CRITICAL)
        self.wa.webhook_update_handler(body)
        if type(self.told) is not type(made):
            return None, f"it was not handed to a handler of {type(made).__name__}"
        return self.told, ""


def batch(reader, body):
    """Two changes with two statuses each, as the platform may put up to 1,000 updates into one request."""
    told = json.loads(body)
    [change] = told["entry"][0]["changes"]
    change["value"]["statuses"] *= 2
    told["entry"][0]["changes"] *= 2
    reader.count = 0
    reader.wa.webhook_update_handler(json.dumps(told).encode())
    row("webhook endpoint", "four updates in one request", reader.count == 4, f"{reader.count} of 4 told")


def lower(value):
    return None if value is None else str(value).lower()


def differences(update, body):
    """What pywa's object says otherwise than the webhook."""
    change = json.loads(body)["entry"][0]["changes"][0]
    value = change["value"]
    pairs = []

    def same(name, ours, theirs):
        if ours != theirs:
            pairs.append(f"{name}: {ours!r} became {theirs!r}")

    if value.get("statuses") and change["field"] == "messages":
        status = value["statuses"][0]
        if isinstance(update, types.GroupMessageStatuses):
            return pairs
        same("id", status["id"], update.id)
        same("status", status["status"], lower(update.status))
        same("time", int(status["timestamp"]), int(update.timestamp.timestamp()))
        same("callback", status.get("biz_opaque_callback_data"), update.tracker)
        if price := status.get("pricing"):
            same("billable", price.get("billable"), update.pricing.billable)
            same("model", price["pricing_model"], str(update.pricing.model))
            same("type", price.get("type"), lower(update.pricing.type))
            same("category", price.get("category"), lower(update.pricing.category))
        else:
            same("pricing", None, update.pricing)
        if conversation := status.get("conversation"):
            same("conversation", conversation["id"], update.conversation.id)
            same("origin", conversation["origin"]["type"], lower(update.conversation.category))
            until = conversation.get("expiration_timestamp")
            theirs = update.conversation.expiration
            same("expiration", until and int(until), theirs and int(theirs.timestamp()))
        if failures := status.get("errors"):
            same("code", failures[0]["code"], update.error.code)
            same("class", True, type(update.error) is not errors.WhatsAppError)
        if contacts := value.get("contacts"):
            same("recipient", contacts[0].get("wa_id"), update.from_user.wa_id)
            same("user", contacts[0].get("user_id"), update.from_user.bsuid)
    elif value.get("messages") and change["field"] == "messages":
        message = value["messages"][0]
        same("id", message["id"], update.id)
        same("time", int(message["timestamp"]), int(update.timestamp.timestamp()))
        match message["type"]:
            case "text":
                same("text", message["text"]["body"], update.text)
            case "button":
                same("payload", message["button"]["payload"], update.data)
                same("title", message["button"]["text"], update.title)
            case "image" | "video" | "audio" | "document" | "sticker":
                same("media", message[message["type"]]["id"], update.media.id)
            case "interactive" if "list_reply" in message["interactive"]:
                same("choice", message["interactive"]["list_reply"]["id"], update.data)
        if "referral" in message:
            same("ad", message["referral"]["source_id"], update.referral.source_id)
    elif preferences := value.get("user_preferences"):
        same("value", preferences[0]["value"], lower(update.value))
        same("time", int(preferences[0]["timestamp"]), int(update.timestamp.timestamp()))
    elif change["field"] == "message_template_status_update":
        same("event", value["event"], str(update.new_status))
        same("name", value["message_template_name"], update.template_name)
    elif change["field"] == "message_template_quality_update":
        same("quality", value["new_quality_score"], str(update.new_quality_score))
    elif change["field"] == "template_category_update":
        same("category", value["new_category"], str(update.new_category))
        same("next category", value.get("correct_category"), update.correct_category and str(update.correct_category))
    elif change["field"] == "account_update":
        same("event", value["event"], str(update.event))
        if tier := value.get("volume_tier_info"):
            same("tier", tuple(int(end) for end in tier["tier"].split(":")), update.volume_tier_info.tier)
    return pairs


def parse(reader, tried, case, body):
    update, why = reader.read(body)
    if update is not None:
        why = "; ".join(differences(update, body))
    row(tried, case, update is not None and not why, why)
    if update is None and (newer := as_since_2026(json.loads(body))):
        update, why = reader.read(newer)
        if update is not None:
            why = "; ".join(differences(update, newer))
        row(f"{tried}, ids added", case, update is not None and not why, why)


def as_since_2026(message):
    """The same webhook as the platform writes it since people have business-scoped ids: so pywa can be asked about the
    rest of it. None where that changes nothing."""
    value = message["entry"][0]["changes"][0]["value"]
    item = next((value[name][0] for name in ["statuses", "messages", "calls"] if value.get(name)), {})
    if not item and "user_preferences" not in value and "message_echoes" not in value:
        return None
    number = item.get("recipient_id") or item.get("from")
    user = item.get("recipient_user_id") or item.get("from_user_id") or "US.13491208655302741918"
    contact = value.setdefault("contacts", [{"profile": {"name": "A"}} | ({"wa_id": number} if number else {})])[0]
    if contact.get("user_id"):
        return None
    contact["user_id"] = user
    return json.dumps(message).encode()


def main():
    warnings.simplefilter("ignore")
    sys.path.insert(0, ASKED["tests"])
    import cases

    endpoint = Endpoint()
    refuses_forgeries()
    wa = client()
    ids = sends(wa)
    everyone(wa)
    refusals(wa)
    print(json.dumps({"sent": ids["template positional"]}), flush=True)
    expected = int(sys.stdin.readline())
    endpoint.end()
    row(
        "webhook endpoint",
        "all signed webhooks let in",
        len(endpoint.bodies) == expected,
        f"{len(endpoint.bodies)} of {expected}",
    )
    reader = Reader()
    for body in endpoint.bodies:
        parse(reader, "webhooks of the sandbox", cases.name_of(json.loads(body)), body)
    if ASKED["cases"]:
        bodies = (
            json.dumps(body).encode() for case, body in cases.all_cases() if case == "shape status sent with contact"
        )
        batch(reader, next(bodies))
        for case, body in cases.all_cases():
            parse(reader, "fixtures and shapes", case, json.dumps(body).encode())


main()
