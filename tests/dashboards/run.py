#!/usr/bin/env python3
"""Pictures of the dashboards of deploy/grafana over a run of the demo; scripts/dashboards calls this. README.md says how."""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "peers"))

from browser import Browser  # noqa: E402
from processes import TOLLGATE, Processes, ask  # noqa: E402
from traffic import Traffic  # noqa: E402

NODE = ROOT / "target/dashboards/node"
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
SCHEMES = ["light", "dark"]
RECIPIENTS = 60_000
# Scrapes are this far apart. Seconds.
SCRAPE = 2
# All of a run together; a run takes about 75.
BOUND_SECONDS = 300
# More makes a page slow to load for who reads about it.
PICTURE_BYTES_MAX = 400_000


def bundle(folder):
    """The page's program and what Grafana's components load beside it."""
    loaders = ["--loader:.ttf=empty", "--jsx=automatic", "--format=iife", '--define:process.env.NODE_ENV="production"']
    command = [NODE / "node_modules/.bin/esbuild", HERE / "page/main.jsx", "--bundle", "--minify", "--log-level=warning", *loaders]
    environment = {**os.environ, "NODE_PATH": str(NODE / "node_modules")}
    # It starts a program of its own, which has to end with it.
    process = subprocess.Popen([*command, f"--outfile={folder}/page.js"], env=environment, start_new_session=True)
    try:
        if process.wait(60) != 0:
            raise RuntimeError("the page cannot be bundled; the message is above")
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    fonts = folder / "public/fonts/inter"
    fonts.mkdir(parents=True)
    for name, weight in [("Regular", 400), ("Medium", 500)]:
        font = f"@fontsource/inter/files/inter-latin-{weight}-normal.woff2"
        shutil.copy(NODE / "node_modules" / font, fonts / f"Inter-{name}.woff2")
    shutil.copytree(NODE / "node_modules/@grafana/ui/dist/public/img", folder / "public/build/img")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    """Serves the folder on loopback as long as the program runs; the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def page(folder, dashboard, shown):
    # No script may end early.
    told = json.dumps({**shown, "dashboard": dashboard}).replace("</", "<\\/")
    text = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{dashboard["title"]}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="page.css"><body style="margin: 0"><div id="root"></div>
<script>window.shown = {told}</script><script src="page.js"></script></html>"""
    (folder / "page.html").write_text(text, "utf-8")


def start_demo(processes, folder):
    """The address of a demo's service."""
    log = folder / "demo.log"
    command = [TOLLGATE, "demo", "--keep-running", "--data-dir", folder / "demo", "--recipients", str(RECIPIENTS)]
    processes.start("demo", command, log)
    # It tells where it listens before it sends anything.
    find = lambda: re.search(r'"address":"(127\.0\.0\.1:\d+)"', log.read_text("utf-8"))
    return processes.wait_for("the demo's address", find)[1]


def start_prometheus(processes, target):
    command = [ROOT / "scripts/prometheus", "serve", "--target", target, "--interval", str(SCRAPE)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    processes.started.append((process, "Prometheus"))
    address = process.stdout.readline().strip()
    if not address.startswith("http://"):
        raise RuntimeError("scripts/prometheus serve failed; its message is above")
    return address


def first_scrape(prometheus):
    query = urllib.parse.quote("min_over_time(timestamp(tollgate_build_info)[10m:1s])")
    result = ask(f"{prometheus}/api/v1/query?query={query}")["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def picture(browser, site, out, name, scheme):
    """Draws one dashboard; what came of it, with its faults."""
    drawn = browser.open(f"{site}/page.html")
    browser.size(drawn["width"], int(drawn["height"]))
    time.sleep(0.5)
    png = browser.picture()
    faults = drawn["faults"] + [f"error in the page: {each}" for each in browser.errors()]
    if len(png) > PICTURE_BYTES_MAX:
        faults.append(f"the picture has {len(png):,} bytes, more than {PICTURE_BYTES_MAX:,}")
    (out / f"dashboard-{name}-{scheme}.png").write_bytes(png)
    return drawn, faults


def pictures(processes, folder, prometheus, out):
    """Draws all dashboards; how many faults there were."""
    wrong = 0
    site = serve(folder)
    # Marks of time are multiples of five seconds; one at the very end would be cut off.
    end = time.time() // 5 * 5 - 1
    start = processes.wait_for("the first scrape", lambda: first_scrape(prometheus))
    shown = {"prometheus": prometheus, "scrape": f"{SCRAPE}s", "from": start * 1000, "to": end * 1000}
    with Browser(processes, folder) as browser:
        for file in sorted(DASHBOARDS.glob("*.json")):
            dashboard = json.loads(file.read_text("utf-8"))
            found = {}
            for scheme in SCHEMES:
                page(folder, dashboard, {**shown, "theme": scheme})
                browser.size(1600, 900)
                drawn, faults = picture(browser, site, out, file.stem, scheme)
                found.update(dict.fromkeys(faults))
            result = "good" if not found else f"{len(found)} faults"
            print(f"{dashboard['title']}: {drawn['panels']} panels, {drawn['series']} series: {result}", flush=True)
            for fault in found:
                print(f"  {fault}", file=sys.stderr)
            wrong += len(found)
        return wrong + notices(browser, site, folder, shown)


def spoiled():
    """A dashboard with faults of every kind, and a word that tells of each."""
    dashboard = json.loads((DASHBOARDS / "overview.json").read_text("utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] == "timeseries"]
    panels[0]["targets"][0]["expr"] = "tollgate_nothing_of_the_kind"
    panels[1]["targets"][0]["expr"] = "sum("
    panels[2]["type"] = "piechart"
    panels[3]["options"] = None
    dashboard["templating"]["list"][1]["query"] = "label_values(tollgate_nothing_of_the_kind, job)"
    titles = [panel["title"] for panel in panels]
    words = [f"{titles[0]}: no data", f"{titles[1]}: query_range", f"{titles[2]}: panels of type piechart"]
    return dashboard, [*words, "error in the page: TypeError", f"{titles[4]}: nothing is drawn", "Job has nothing to choose"]


def notices(browser, site, folder, shown):
    """Whether faults would be found: those of a dashboard that is spoiled on purpose; how many were not."""
    dashboard, words = spoiled()
    page(folder, dashboard, {**shown, "theme": SCHEMES[0]})
    _, faults = picture(browser, site, folder, "spoiled", SCHEMES[0])
    missed = [word for word in words if not any(fault.startswith(word) for fault in faults)]
    for word in missed:
        print(f"a fault made on purpose was not found: {word}", file=sys.stderr)
    return len(missed)


def late(*_):
    raise TimeoutError(f"the run took longer than {BOUND_SECONDS} s")


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(BOUND_SECONDS)
    # An order to end is an error like others: what was started ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="tollgate-dashboards.") as name, Processes() as processes:
        folder = pathlib.Path(name)
        # First, as the demo would have to share the processor with it.
        bundle(folder)
        service = start_demo(processes, folder)
        prometheus = start_prometheus(processes, service)
        said = folder / "demo.log"
        processes.wait_for("the demo's report", lambda: "serving at http" in said.read_text("utf-8"), 120)
        with Traffic(f"http://{service}") as traffic:
            traffic.run()
            wrong = pictures(processes, folder, prometheus, out)
    print(f"pictures are in {out}" if not wrong else f"{wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
