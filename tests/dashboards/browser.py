"""A Chromium without a screen, driven by the WebDriver protocol: as much of it as is needed."""

import base64
import contextlib
import shutil
import time
import urllib.request

from processes import ask, free_port, http

ARGUMENTS = [
    "--headless=new",
    # Root, and no other page than ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en",
]
# A browser may take as long to start on a machine that is busy.
STARTS_SECONDS = 60


class Browser:
    """Started among `processes`, which end the driver and whatever of the browser is left; leaving the block ends the browser."""

    def __init__(self, processes, folder):
        driver = shutil.which("chromedriver")
        if driver is None:
            raise RuntimeError("there is no chromedriver; scripts/chromium fetch sees to it")
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        processes.start("chromedriver", [driver, f"--port={port}"], folder / "chromedriver.log", group=True)
        processes.wait_for("chromedriver", lambda: http(f"{self.url}/status")[0] == 200)
        options = {"args": [*ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = ask(f"{self.url}/session", {"capabilities": {"alwaysMatch": wanted}}, seconds=STARTS_SECONDS)
        self.url += f"/session/{made['value']['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # What does not answer is ended with its driver.
        with contextlib.suppress(OSError):
            urllib.request.urlopen(urllib.request.Request(self.url, method="DELETE"), timeout=10).close()

    def tell(self, path, order):
        return ask(f"{self.url}/{path}", order)["value"]

    def devtools(self, command, **parameters):
        return self.tell("goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url, seconds=60):
        """What the page tells in `window.drawn`, and the errors that the browser wrote down."""
        self.tell("url", {"url": url})
        end = time.monotonic() + seconds
        while (drawn := self.tell("execute/sync", {"script": "return window.drawn ?? null", "args": []})) is None:
            if time.monotonic() > end:
                raise RuntimeError(f"the page was not drawn within {seconds} s: {self.errors()}")
            time.sleep(0.1)
        return drawn

    def errors(self):
        """What the browser noted as an error since it was asked last."""
        return [each["message"] for each in self.tell("se/log", {"type": "browser"}) if each["level"] == "SEVERE"]

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self):
        """PNG of what is seen."""
        return base64.b64decode(self.devtools("Page.captureScreenshot", format="png")["data"])

