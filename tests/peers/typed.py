"""@whatsapp-cloudapi/types: the TypeScript compiler over what the dispatcher sends and the sandbox answers and tells."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import cases
from processes import Processes
from sandbox import NUMBER, WABA, Sandbox
from service import PERSON, SCOPED, Recorder, Service

HERE = pathlib.Path(__file__).parent
HEAD = """import type {{ {name} }} from "{module}";
export const told: {name} = """
TYPES = {
    "request": ("CloudAPIRequest", "@whatsapp-cloudapi/types/cloudapi"),
    "answer": ("CloudAPIResponse", "@whatsapp-cloudapi/types/cloudapi"),
    "refusal": ("CloudAPIErrorResponse", "@whatsapp-cloudapi/types/cloudapi"),
    "webhook": ("WebhookPayload", "@whatsapp-cloudapi/types/webhook"),
    "webhook corrected": ("Payload", "./corrected.js"),
}


def record(target):
    """(calls of the dispatcher with their answers, webhooks of the sandbox, the newest move of each request, how many
    webhooks the gateway could not read)."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="types-", dir=target / "run"))
    with Processes() as processes:
        service = Service(processes, directory / "service")
        sandbox = Sandbox(processes, directory / "sandbox", service.webhook, user_ids=True)
        with Recorder(sandbox.url) as recorder:
            service.start(recorder.url, WABA)
            names = service.enqueue_templates()
            sandbox.control("inbound", {"sender": NUMBER, "from": PERSON[1:], "text": "Hi"})
            sandbox.control("inbound", {"sender": NUMBER, "from": SCOPED, "text": "Hi"})
            sent = [service.wait_for(name, "read", "refused", "failed") for name in names]
            service.enqueue("answer", PERSON, {"text": "Oi\nAna"}, "service")
            service.enqueue("answer-scoped", {"bsuid": SCOPED, "country": "BR"}, {"text": "Oi"}, "service")
            # Errors: a person that the platform fails and one whom it refuses for a while.
            service.command("consents", "import", str(more_people(service.directory)), "--account", "acme")
            for name, to in [("fails", "+5511990001005"), ("waits", "+5511990001008")]:
                template = {"template": {"name": "news", "language": ["en_US"], "components": {"body": ["Ana"]}}}
                service.enqueue(name, to, template, "marketing")
            sent += [service.wait_for(name, "read", "refused", "failed") for name in ["answer", "answer-scoped"]]
            sent += [service.wait_for("fails", "failed"), service.wait_for("waits", "read")]
            sandbox.people(json.loads(recorder.calls[0][3])["messages"][0]["id"])
            sandbox.settle(processes)
            return recorder.calls, sandbox.webhooks(), sent, service.malformed()


def more_people(directory):
    path = directory / "more.csv"
    path.write_text(
        "to,category,state,source,at,text_version\n"
        + "".join(f"+551199000{end},,opt_in,web,2026-03-02T14:05:00Z,1\n" for end in ["1005", "1008"])
    )
    return path


def rows(target):
    calls, webhooks, sent, malformed = record(target)
    yield {
        "tried": "webhooks read by the gateway",
        "case": "all",
        "ok": malformed == 0,
        "says": f"{malformed} malformed",
    }
    yield from (
        {
            "tried": "requests sent by the service",
            "case": move["id"],
            "ok": move["outcome"] == ("failed" if move["id"] == "fails" else "read"),
            "says": f"{move['outcome']} {move.get('reason')} {move.get('detail')}",
        }
        for move in sent
    )
    things = []
    for number, (_, body, status, answer) in enumerate(calls):
        body, answer = json.loads(body), json.loads(answer)
        name = body.get("template", {}).get("name", body["type"]) + (" scoped" if "recipient" in body else "")
        things.append(("request", f"{name} {number}", body))
        things.append(("answer" if status == 200 else "refusal", f"{name} {number}", answer))
    envelopes = [
        ("sandbox " + cases.name_of(body), body) for body in (cases.envelope(change, waba) for waba, change in webhooks)
    ]
    for name, body in envelopes + list(cases.all_cases()):
        # The package has no types for any other field.
        if body["entry"][0]["changes"][0]["field"] == "messages":
            things.append(("webhook", name, without_time(body)))
            things.append(("webhook corrected", name, body))
    plain = next(body for name, body in cases.all_cases() if name == "fixture read_pricing_already_given#0")
    things.append(("webhook", "entry.time", plain))
    faults = compile_all(target / "node", things)
    for index, (kind, name, _) in enumerate(things):
        yield {"tried": kind, "case": name, "ok": index not in faults, "says": faults.get(index, "")}


def without_time(body):
    """The envelope without its dates, which the package does not know: told once, and not of every webhook."""
    return body | {"entry": [{key: value for key, value in entry.items() if key != "time"} for entry in body["entry"]]}


def compile_all(node, things):
    """{index of a thing: what the compiler says}; each is a file of its own."""
    source = node / "typed"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    shutil.copy(HERE / "node/corrected.ts", source)
    for index, (kind, _, value) in enumerate(things):
        name, module = TYPES[kind]
        text = HEAD.format(name=name, module=module) + json.dumps(value, indent=1) + ";\n"
        (source / f"thing{index}.ts").write_text(text)
    (source / "tsconfig.json").write_text(
        json.dumps(
            {
                "compilerOptions": {
                    "strict": True,
                    "noEmit": True,
                    "module": "nodenext",
                    "target": "es2022",
                    "types": [],
                },
                "include": ["*.ts"],
            }
        )
    )
    compiler = ["node", str(node / "node_modules/typescript/bin/tsc"), "--pretty", "false", "-p", "tsconfig.json"]
    run = subprocess.run(compiler, cwd=source, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    faults = {}
    for line in (run.stdout + run.stderr).splitlines():
        if match := re.match(r"thing(\d+)\.ts\(\d+,\d+\): error (.*)", line):
            faults.setdefault(int(match[1]), []).append(match[2])
        elif not line.startswith(" "):
            raise RuntimeError(f"the TypeScript compiler says: {line}")
    return {index: "; ".join(said) for index, said in faults.items()}
