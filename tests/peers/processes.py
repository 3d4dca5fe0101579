"""Processes that a test starts and, whatever happens, ends again by their ids; ports; JSON over HTTP."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

TOLLGATE = os.environ.get("TOLLGATE", "tollgate")


def free_port():
    """A port of the loopback address that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Processes:
    """Ends what it started, the last first; of a group, all that its first process started."""

    def __init__(self):
        self.started = []
        self.groups = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, _ in reversed(self.started):
            if process.poll() is None:
                self._send(process, signal.SIGTERM)
        for process, name in reversed(self.started):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                print(f"{name} did not end when asked to; it is killed")
                self._send(process, signal.SIGKILL)
                process.wait()
        for process, _ in self.started:
            if process.pid in self.groups:
                end_group(process.pid)

    def _send(self, process, which):
        if process.pid in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, which)
        else:
            process.send_signal(which)

    def start(self, name, command, log, group=False, **more):
        """With `group`, in a session of its own: what it starts ends with it."""
        with open(log, "wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=group, **more
            )
        if group:
            self.groups.add(process.pid)
        self.started.append((process, name))
        return process

    def wait_for(self, what, done, seconds=30):
        """Until `done()` is true; a process that ended before is the reason why it never will be."""
        end = time.monotonic() + seconds
        while True:
            try:
                if answer := done():
                    return answer
            except (OSError, urllib.error.URLError):
                pass
            for process, name in self.started:
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode} before {what}")
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds} s for {what}")
            time.sleep(0.05)


def end_group(group, seconds=5):
    """Waits until nobody is left in a group whose first process has ended, and kills who stays."""
    end = time.monotonic() + seconds
    # While somebody is left, its number is given to nobody else.
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


def http(url, body=None, headers=None, seconds=10):
    """(status, body as text); a body is sent as JSON unless it is bytes."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ask(url, body=None, headers=None, seconds=10):
    """The answer's JSON; anything but a success is an error."""
    status, text = http(url, body, headers, seconds)
    if status >= 300:
        raise RuntimeError(f"{url} answered {status}: {text[:300]}")
    return json.loads(text)
