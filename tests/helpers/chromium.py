"""A headless Chromium that tests drive as a person would, with real keys and taps, over its debugging pipe."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
_SECONDS = 60  # that one answer of the browser may take on a busy machine
_CODES = {"Backspace": 8, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


def wait(holds, what):
    """Returns when holds() is true; fails after a minute."""
    end = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


class Tab:
    """One page: `errors` is what its console and scripts complained of, by any page it has shown."""

    def __init__(self, write, read, downloads):
        self.downloads = downloads
        self._write, self._read, self._buffer, self._count, self._session = write, read, b"", 0, None
        self.errors = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def call(self, method, **parameters):
        """Sends a command of the DevTools protocol and returns its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self._count:
                assert "error" not in reply, (method, reply["error"])
                return reply["result"]

    def open(self, url):
        """Goes there and waits until the page is drawn."""
        self.evaluate("window.old = true")
        self.call("Page.navigate", url=url)
        self.until("!window.old && document.readyState === 'complete'")

    def reload(self):
        """Reloads the page and waits until it is drawn."""
        self.evaluate("window.old = true")
        self.call("Page.reload")
        self.until("!window.old && document.readyState === 'complete'")

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, (expression, result["exceptionDetails"])
        return result["result"].get("value")

    def until(self, expression):
        """Waits until an expression is true."""

        def holds():
            with contextlib.suppress(AssertionError):  # between two documents there may be none to ask
                return self.evaluate(f"Boolean({expression})")

        wait(holds, expression)

    def download(self):
        """Waits for the one file that the page saves, and returns its path."""

        def whole():  # until then it is empty, with a .crdownload beside it
            found = list(self.downloads.iterdir())
            return len(found) == 1 and found[0].suffix != ".crdownload" and found[0].stat().st_size > 0

        wait(whole, "a saved file")
        return next(self.downloads.iterdir())

    def key(self, name):
        """Presses and releases a key."""
        code = _CODES.get(name) or ord(name.upper())
        text = {"text": name} if len(name) == 1 else {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            told = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, **told)

    def tap(self, selector):
        """Touches the middle of an element, scrolled into sight."""
        x, y = self._middle(selector)
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def click(self, selector):
        """Clicks the middle of an element, scrolled into sight."""
        x, y = self._middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screen(self, width, height, phone=False):
        """Sets the size of the window, in CSS pixels, with touch on a phone."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def picture(self, path):
        """Writes what is in sight to a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _middle(self, selector):
        return self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2] })()"
        )

    def _next(self):
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], _SECONDS)[0], "the browser does not answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "the browser has ended"
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(message)
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"])
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])
        return message


@contextlib.contextmanager
def browser(folder, language="en-US"):
    """A tab of a new browser with a profile of its own in `folder`; downloads go to `folder`/downloads."""
    to_browser, from_browser = os.pipe(), os.pipe()

    def hand_over():
        # The pipe's ends must be 3 and 4. The originals may be these very numbers, so both move out of the way first.
        ends = [os.dup(end) for end in (to_browser[0], from_browser[1])]
        high = [os.dup2(end, 100 + i) for i, end in enumerate(ends)]
        for number, end in enumerate(high, 3):
            os.dup2(end, number)

    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--accept-lang={language}", f"--lang={language}"]
    process = subprocess.Popen(
        command, preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        (folder / "downloads").mkdir()
        tab = Tab(to_browser[1], from_browser[0], folder / "downloads")
        yield tab
        tab.call("Browser.close")
        process.wait(_SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(to_browser[1])
        os.close(from_browser[0])
