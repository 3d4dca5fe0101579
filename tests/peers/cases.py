"""Webhooks to be read besides the sandbox's own: the fixtures of our parser, and whole shapes of what those cut short."""

import json
import pathlib
import tomllib

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent.parent / "pipeline/wire/tests/fixtures/webhook"
LISTS = ["statuses", "messages", "user_preferences", "calls"]
WABA = "102290129340398"
# What `entry.time` is where a fixture leaves it out: the platform always gives it, our parser does not look at it.
TIME = 1751247548


def envelope(change, waba=WABA, time=TIME):
    return {"object": "whatsapp_business_account", "entry": [{"id": waba, "time": time, "changes": [change]}]}


def single(body):
    """Envelopes of one update each: the clients read no more than the first of one."""
    for entry in body["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            name = next((name for name in LISTS if isinstance(value.get(name), list)), None)
            if name is None:
                yield envelope(change, entry["id"], entry.get("time", TIME))
                continue
            for item in value[name]:
                one = change | {"value": value | {name: [item]}}
                yield envelope(one, entry["id"], entry.get("time", TIME))


def name_of(body):
    """What a webhook tells of, in a few words."""
    change = body["entry"][0]["changes"][0]
    value = change["value"]
    if statuses := value.get("statuses"):
        kind = (statuses[0].get("pricing") or {}).get("type")
        code = (statuses[0].get("errors") or [{}])[0].get("code")
        words = [statuses[0]["status"], kind, code, value.get("contacts") and "with contact"]
        return "status " + " ".join(str(word) for word in words if word)
    if messages := value.get("messages"):
        return f"inbound {messages[0]['type']}" + (" from an ad" if "referral" in messages[0] else "")
    if preferences := value.get("user_preferences"):
        return f"preference {preferences[0]['value']}"
    return f"{change['field']} {value.get('event', '')}".strip()


def left_out():
    with open(HERE / "left_out.toml", "rb") as file:
        return tomllib.load(file)["fixtures"]


def all_cases():
    """(name, envelope of one update)."""
    out = left_out()
    used = set()
    for path in sorted(FIXTURES.glob("*.json")):
        if path.stem in out:
            used.add(path.stem)
            continue
        for index, body in enumerate(single(json.loads(path.read_text()))):
            name = f"{path.stem}#{index}"
            if name in out:
                used.add(name)
                continue
            yield f"fixture {name}", body
    if unknown := out.keys() - used:
        raise RuntimeError(f"left_out.toml names fixtures that are not there: {sorted(unknown)}")
    for name, change in json.loads((HERE / "shapes.json").read_text()).items():
        yield f"shape {name}", envelope(change)
