"""Runs the peers and compares what came up with what is known: called by scripts/peers, which installs them."""

import fnmatch
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections import Counter, defaultdict

import cases
import emulator
import typed
from processes import Processes, free_port
from sandbox import NUMBER, SECRET, TOKEN, Sandbox

HERE = pathlib.Path(__file__).parent
TARGET = HERE.parent.parent / "target/peers"
# Sandboxes that each client library talks to: version, whether people have business-scoped ids, whether the client also
# reads the fixtures.
SANDBOXES = [("v24.0", True, True), ("v23.0", False, False)]


def client(peer, command):
    """Runs a client library's program against each sandbox; its rows."""
    rows = []
    for version, ids, fixtures in SANDBOXES:
        directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{peer}-", dir=TARGET / "run"))
        with Processes() as processes:
            listen = free_port()
            sandbox = Sandbox(processes, directory, f"http://127.0.0.1:{listen}/", version, ids)
            bodies = [(name, json.dumps(body)) for name, body in cases.all_cases()]
            (directory / "cases.json").write_text(json.dumps(bodies))
            asked = {
                "sandbox": sandbox.url,
                "sandbox_port": sandbox.port,
                "listen": listen,
                "number": NUMBER,
                "token": TOKEN,
                "secret": SECRET,
                "version": version,
                "cases": fixtures,
                "cases_file": str(directory / "cases.json"),
                "tests": str(HERE),
            }
            rows += [
                row | {"tried": f"{row['tried']} {version}"} if row["tried"].startswith("webhooks") else row
                for row in converse(processes, directory, sandbox, [*command, json.dumps(asked)])
            ]
    return rows


def converse(processes, directory, sandbox, command):
    """The rows of one program, which is told when everybody has said everything."""
    with open(directory / "peer.log", "wb") as log:
        peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    processes.started.append((peer, pathlib.Path(command[1]).name))
    rows = []
    for line in peer.stdout:
        told = json.loads(line)
        if wamid := told.get("sent"):
            sandbox.people(wamid)
            sandbox.settle(processes)
            peer.stdin.write(f"{len(sandbox.webhooks())}\n")
            peer.stdin.flush()
        else:
            rows.append(told)
    if peer.wait(60) != 0:
        raise RuntimeError(f"it ended with {peer.returncode}: {(directory / 'peer.log').read_text()[-2000:]}")
    return rows


def pywa():
    return client("pywa", [str(TARGET / "pywa/bin/python"), str(HERE / "pywa/peer.py")])


def node(peer):
    # Node looks for packages beside the program.
    for name in ["common.mjs", f"{peer}.mjs"]:
        shutil.copy(HERE / "node" / name, TARGET / "node")
    return client(peer, ["node", str(TARGET / f"node/{peer}.mjs")])


PEERS = {
    "pywa": pywa,
    "kapso": lambda: node("kapso"),
    "whatsapp-api-js": lambda: node("whatsapp-api-js"),
    "types": lambda: list(typed.rows(TARGET)),
    "mockpost": lambda: list(emulator.rows(TARGET)),
}


def compare(peer, rows):
    """Rows of the table, and what is unexplained; every known disagreement must still be there."""
    with open(HERE / "disagreements.toml", "rb") as file:
        known = [entry for entry in tomllib.load(file).get("disagreement", []) if entry["peer"] == peer]
    seen = set()
    counts = defaultdict(Counter)
    unexplained = []
    for row in rows:
        if row["ok"]:
            counts[row["tried"]]["agreed"] += 1
            continue
        match = next((entry for entry in known if explains(entry, row)), None)
        if match:
            seen.add(id(match))
            counts[row["tried"]][match["who"]] += 1
        else:
            counts[row["tried"]]["unexplained"] += 1
            unexplained.append(f"{peer}: {row['tried']}: {row['case']}: {row['says']}")
    for entry in known:
        if id(entry) not in seen:
            unexplained.append(f"{peer}: disagreements.toml knows one that is gone, take it out: {entry}")
    return counts, unexplained


def explains(entry, row):
    return (
        fnmatch.fnmatchcase(row["tried"], entry.get("tried", "*"))
        and fnmatch.fnmatchcase(row["case"], entry["case"])
        and entry["says"] in row["says"]
    )


def main():
    # So that what was started is ended also when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    allowed = "--allow-missing" in sys.argv
    names = [word for word in sys.argv[1:] if word in PEERS]
    lines, unexplained, missing = [], [], []
    # What the last run left: configurations, logs, databases.
    shutil.rmtree(TARGET / "run", ignore_errors=True)
    (TARGET / "run").mkdir(parents=True)
    for peer in names:
        why = TARGET / f"{peer}.missing"
        if why.exists():
            missing.append((peer, why.read_text().strip()))
            continue
        try:
            rows = PEERS[peer]()
        except Exception as error:
            traceback.print_exc()
            unexplained.append(f"{peer}: {error}")
            continue
        if os.environ.get("PEERS_ROWS"):
            for row in rows:
                print(json.dumps({"peer": peer} | row, ensure_ascii=False))
        counts, more = compare(peer, rows)
        unexplained += more
        for tried, count in counts.items():
            lines.append((peer, tried, count))
    head = ["agreed", "theirs", "ours", "neither", "unexplained"]
    width = max([len(tried) for _, tried, _ in lines], default=5)
    print(f"{'peer':16} {'what was tried':{width}} " + " ".join(f"{word:>11}" for word in head))
    for peer, tried, count in lines:
        print(f"{peer:16} {tried:{width}} " + " ".join(f"{count[word] or '-':>11}" for word in head))
    for peer, _ in missing:
        print(f"{peer:16} NOT RUN")
    for line in unexplained:
        print(f"unexplained: {line}", file=sys.stderr)
    for peer, why in missing:
        print(f"\n!! {peer} was NOT RUN, nothing is known of it: {why}\n", file=sys.stderr)
    sys.exit(1 if unexplained else 77 if missing and not allowed else 0)


main()
