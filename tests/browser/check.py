#!/usr/bin/env python3
"""Opens reports in headless Chromium and checks what a reader would see.

    python3 tests/browser/check.py [--shots DIR] REPORT.html[:MEGABYTES] ...

Each report is opened at 1400 and at 390 pixels, light and dark. It fails when something is wider than the screen, when
words of a drawing lie on top of each other, when the console reports an error, when the first paint takes longer than
a second, when the first screen lacks its sentence or its picture, or when the file is larger than its limit in
megabytes. With --shots, pictures of the first screen and of the whole page are kept. Needs Python 3 and Chromium only.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "chrome"]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--remote-debugging-pipe",
]
SIZES = [(1400, 1000, False), (390, 844, True)]
FIRST_PAINT_MS = 1000
# A machine that compiles at the same time may be slow once.
TRIES = 5

# What is wrong with the page as it is laid out now.
INSPECT = r"""
(() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) found.push(`the page is ${over} px wider than the screen`);
  for (const element of document.querySelectorAll("main *")) {
    if (element.closest(".scroll, pre, svg, select, .gallery, .unseen")) continue;
    const box = element.getBoundingClientRect();
    if (box.width > 0 && box.right > width + 1) {
      found.push(`<${element.tagName.toLowerCase()} class="${element.className}"> ends at ${Math.round(box.right)} of ${width} px`);
      break;
    }
  }
  for (const svg of document.querySelectorAll(".plot svg")) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    const title = svg.getAttribute("aria-label");
    const words = [...svg.querySelectorAll("text:not([transform])")]
      .map((text) => [text.textContent, text.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
    for (const [text, box] of words) {
      if (box.left < frame.left - 2 || box.right > frame.right + 2) { found.push(`"${text}" leaves the drawing "${title}"`); break; }
    }
    const slack = 2 * frame.width / svg.viewBox.baseVal.width;
    search: for (let i = 0; i < words.length; i++) {
      for (let j = 0; j < i; j++) {
        const [[a, p], [b, q]] = [words[i], words[j]];
        const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (across > slack && down > 2 * slack) { found.push(`"${a}" lies on "${b}" in "${title}"`); break search; }
      }
    }
  }
  return found;
})()
"""

# The first screen: a sentence and a picture that can be seen without scrolling.
FIRST_SCREEN = r"""
(() => {
  const found = [];
  const seen = (element) => element && element.getBoundingClientRect().top < innerHeight - 80;
  if (!seen(document.querySelector(".headline"))) found.push("the first screen has no sentence");
  if (!seen(document.querySelector(".lead"))) found.push("the first screen has no picture");
  if (document.querySelectorAll(".first > .cards .card").length > 3) found.push("the first screen has more than three figures");
  return found;
})()
"""

OPEN_ALL = r"""
document.querySelectorAll("details").forEach((details) => { details.open = true; });
document.querySelectorAll(".chapter").forEach((chapter) => { chapter.style.contentVisibility = "visible"; });
true
"""

# The controls of the page, as a reader would use them.
USE = r"""
(async () => {
  const found = [];
  const until = async (holds) => {
    for (let i = 0; i < 100 && !holds(); i++) await new Promise((done) => setTimeout(done, 50));
    return holds();
  };
  const choice = document.querySelector(".choice select");
  if (choice && choice.options.length > 1) {
    const plot = choice.closest(".panel").querySelector(".plot");
    const before = plot.innerHTML;
    choice.selectedIndex = 1;
    choice.dispatchEvent(new Event("change"));
    if (!await until(() => plot.innerHTML !== before)) found.push("choosing another chart changes nothing");
  }
  const filter = document.querySelector("[data-filter]");
  if (filter) {
    const rows = [...filter.closest(".panel").querySelectorAll("tbody tr")];
    filter.value = "no row has these words";
    filter.dispatchEvent(new Event("input"));
    if (rows.some((row) => !row.hidden)) found.push("the filter hides nothing");
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
    if (rows.some((row) => row.hidden)) found.push("an empty filter hides rows");
  }
  const saved = [];
  const click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
  for (const button of [...document.querySelectorAll("[data-csv]")].slice(0, 2)) button.click();
  document.querySelector("[data-save=png]")?.click();
  for (const [button, ending] of [["[data-csv]", ".csv"], ["[data-save=png]", ".png"]]) {
    const isSaved = () => saved.some((name) => name.endsWith(ending));
    if (document.querySelector(button) && !await until(isSaved)) found.push(`no ${ending} file is saved`);
  }
  HTMLAnchorElement.prototype.click = click;
  return found;
})()
"""


class Browser:
    """Chromium, spoken to through a pipe."""

    def __init__(self, program):
        self.profile = tempfile.mkdtemp(prefix="simbias-browser-")
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def wire():
            # Chromium reads commands from descriptor 3 and writes answers to 4.
            keep = [os.dup(to_browser), os.dup(from_browser)]
            os.dup2(keep[0], 3)
            os.dup2(keep[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.last_id = 0
        self.events = []
        self.session = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log"]:
            self.send(f"{domain}.enable")

    def read(self):
        while b"\0" not in self.buffer:
            part = os.read(self.read_end, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, **parameters):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while True:
            for index, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(index)
            self.events.append(self.read())

    def value(self, expression):
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return answer["result"].get("value")

    def errors(self):
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                found.append(" ".join(str(argument.get("value")) for argument in parameters["args"]))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
        return [f"the console says: {text}" for text in found]

    def close(self):
        os.close(self.write_end)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_end)
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, page, size, theme):
        """Opens the page and gives the milliseconds to its first paint."""
        width, height, mobile = size
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.send("Page.navigate", url="about:blank")
        self.wait("Page.loadEventFired")
        self.events.clear()
        self.send("Page.navigate", url=page.resolve().as_uri())
        self.wait("Page.loadEventFired")
        for _ in range(100):
            paint = self.value('performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null')
            if paint is not None:
                return paint
            time.sleep(0.05)
        return float("inf")

    def picture(self, path, whole):
        if whole:
            layout = self.send("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": layout["width"], "height": min(layout["height"], 16000), "scale": 1}
            answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        else:
            answer = self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


def check(browser, page, limit, shots):
    """All that is wrong with one page."""
    wrong = []
    size_mb = page.stat().st_size / 1e6
    paints = []
    if limit is not None and size_mb > limit:
        wrong.append(f"{size_mb:.2f} MB, more than {limit} MB")
    for size in SIZES:
        for theme in ["light", "dark"]:
            where = f"at {size[0]} px, {theme}"
            paint = browser.open(page, size, theme)
            for _ in range(TRIES - 1):
                if paint > FIRST_PAINT_MS:
                    paint = min(paint, browser.open(page, size, theme))
            paints.append(paint)
            if paint > FIRST_PAINT_MS:
                wrong.append(f"{where}: the first paint takes {paint:.0f} ms")
            found = browser.value(FIRST_SCREEN) + browser.value(INSPECT)
            if shots:
                name = "-".join(filter(None, [page.parent.name, page.stem, str(size[0]), theme]))
                browser.picture(shots / f"{name}.png", False)
            browser.value(OPEN_ALL)
            found += browser.value(INSPECT)
            if shots and theme == "light":
                browser.picture(shots / f"{name}-whole.png", True)
            if theme == "light":
                found += browser.value(USE)
            found += browser.errors()
            wrong += [f"{where}: {text}" for text in dict.fromkeys(found)]
    print(f"{page}: {size_mb:.2f} MB, first paint {max(paints):.0f} ms, {'wrong' if wrong else 'fine'}")
    for text in wrong:
        print(f"  {text}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=Path, metavar="DIR", help="keep pictures here")
    parser.add_argument("reports", nargs="+", metavar="REPORT.html[:MEGABYTES]")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("no Chromium is installed: the reports were not opened")
        return 0
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    browser = Browser(program)
    try:
        wrong = []
        for report in arguments.reports:
            name, _, limit = report.partition(":")
            wrong += check(browser, Path(name), float(limit) if limit else None, arguments.shots)
    finally:
        browser.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
