"""Opens reports in a headless Chromium: what they show, what they fetch, what they say.

    python tests/report_in_chromium.py path/to/runner empty/folder

Where no Chromium is installed it says so and is done. The DevTools protocol is spoken over a pipe, so
that nothing but Chromium is needed. Pages, screenshots and prints stay in the folder.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet

RUNNER, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "chrome"]
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"

EXPERIMENT = """
[experiment]
name = "report"
description = "A <b>bold</b> claim."
[dataset]
train = "data/shapes/train"
validation = "data/shapes/validation"
test = "data/shapes/test"
image_size = [32, 32]
[model]
weights = "random"
[[stage]]
name = "head"
epochs = 3
optimizer = { name = "adam", learning_rate = 1e-3 }
[[stage]]
name = "again"
epochs = 2
optimizer = { name = "adam", learning_rate = 1e-4 }
[[visualize]]
job = "gradcam"
images = ["data/shapes/test/circle/circle.000.jpg", "data/shapes/test/square/square.000.jpg"]
layer = "block5_conv3"
[[visualize]]
job = "curves"
[[visualize]]
job = "confusion"
"""

# Every text on the page against what lies behind it: the contrast ratio of WCAG 2.2.
CONTRAST = """
(() => {
  const parse = (text) => {
    const numbers = (text.match(/[\\d.e-]+/g) || []).map(Number);
    const scale = text.startsWith('color(') ? 255 : 1;
    const [r, g, b, a = 1] = text.startsWith('color(') ? numbers.slice(-(numbers.length)) : numbers;
    return [r * scale, g * scale, b * scale, a];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = (colour) => {
    const linear = colour.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const low = new Map();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest('script, style, title, desc, .unseen, [hidden]')) continue;
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    const paper = behind(element);
    const [a, b] = [light(over(ink, paper)), light(paper)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.set(`${element.tagName}.${element.getAttribute('class')} ${texts.currentNode.textContent.trim().slice(0, 20)}`, ratio.toFixed(2));
  }
  return [...low].slice(0, 8).map(([what, ratio]) => `${what}: ${ratio}`);
})()
"""


class Browser:
    """A headless Chromium, told what to do over a pipe."""

    def __init__(self, program):
        to_read, self.write_to = os.pipe()
        self.read_from, to_write = os.pipe()
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--remote-debugging-pipe", f"--user-data-dir={FOLDER / 'profile'}", "about:blank"]
        shell = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, *command], pass_fds=[to_read, to_write],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.session, self.events = b"", 0, None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Network", "Log"]:
            self.ask(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.buffer:
            part = os.read(self.read_from, 1 << 20)
            assert part, "Chromium is gone"
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def open(self, path):
        self.events = []
        self.ask("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def value(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def said(self):
        """Everything on the console, and every error."""
        self.value("1")
        loud = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]
        return [event for event in self.events if event.get("method") in loud
                or event.get("method") == "Page.javascriptDialogOpening"]

    def requests(self):
        sent = [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def size(self, width, height, mobile=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=mobile)

    def scheme(self, name):
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, name):
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                        clip=self.whole())
        (FOLDER / name).write_bytes(base64.b64decode(shot["data"]))

    def whole(self):
        box = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": box["width"], "height": box["height"], "scale": 1}

    def pdf_pages(self, name):
        pdf = base64.b64decode(self.ask("Page.printToPDF", printBackground=False)["data"])
        (FOLDER / name).write_bytes(pdf)
        return len(re.findall(rb"/Type\s*/Page\b", pdf))

    def press(self, key):
        for kind in ["keyDown", "keyUp"]:
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode={"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37,
                                            "ArrowRight": 39}.get(key, 0),
                     text="\r" if key == "Enter" else "")

    def point(self, x, y):
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def close(self):
        self.session = None
        try:
            self.ask("Browser.close")
        except (AssertionError, OSError):
            pass
        self.process.wait(timeout=20)


def runner(*arguments):
    subprocess.run([RUNNER, *arguments], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)


def changed(path, **columns):
    """Rewrites columns of a table: a text or a number for all rows."""
    table = pyarrow.parquet.read_table(path)
    for name, value in columns.items():
        index = table.schema.get_field_index(name)
        column = pyarrow.array([value] * table.num_rows, table.schema.field(index).type)
        table = table.set_column(index, table.schema.field(index), column)
    pyarrow.parquet.write_table(table, path)


def with_parameters(path, **values):
    table = pyarrow.parquet.read_table(path).to_pydict()
    for key, value in values.items():
        table["value"][table["key"].index(key.replace("__", "."))] = value
    pyarrow.parquet.write_table(pyarrow.table(table), path)


def member(source, index, count):
    """A copy of a run as a member of a sweep, with scores of its own."""
    rate, seed = ["1e-5", "1e-4", "0.001", "0.01"][index % 4], str(index // 4)
    run = f"20260101T{index:06d}.000Z-abcdef01"
    folder = source.parent / run
    shutil.copytree(source, folder)
    for table in folder.glob("*.parquet"):
        changed(table, run_id=run)
    score = 0.5 + 0.4 * ((index * 37) % count) / count
    changed(folder / "run.parquet", sweep="sweep-1", member=f"learning_rate={rate}, seed={seed}",
            best_validation_accuracy=score, test_accuracy=score - 0.01)
    epochs = folder / "epochs.parquet"
    table = pyarrow.parquet.read_table(epochs).to_pydict()
    for name, sign in [("validation_accuracy", 1), ("validation_loss", -1)]:
        table[name] = [value + sign * (score - 0.7) * row / 9 for row, value in enumerate(table[name])]
    pyarrow.parquet.write_table(pyarrow.table(table), epochs)
    with_parameters(folder / "params.parquet", experiment__seed=seed,
                    stage__head__optimizer__learning_rate=rate)
    (folder / "report.html").write_text("a page")
    return folder


def prepare(members):
    """Two runs, one of which failed with an unpleasant error, and a sweep."""
    (FOLDER / "report.toml").write_text(EXPERIMENT)
    runner("dataset", "generate", "shapes")
    runner("run", "report.toml", "--quiet")
    runner("run", "report.toml", "--quiet", "--set", "experiment.seed=7")
    results = FOLDER / "results/report"
    first, second = sorted(results.iterdir())[:2]
    runner("report", first.name, second.name, "--out", "runs.html")
    runner("report", first.name, "--out", "run.html")
    made = [member(first, index, members) for index in range(members)]
    changed(made[3] / "run.parquet", status="failed", error=f"no weights {NASTY}",
            best_validation_accuracy=None, test_accuracy=None)
    changed(made[5] / "run.parquet", member=NASTY)
    sweep = results / "sweeps/sweep-1"
    sweep.mkdir(parents=True)
    runner("report", "sweep-1", "--out", str(sweep / "report.html"))
    runner("report", made[3].name, made[5].name, first.name, "--out", "nasty.html")
    return [first.name, second.name], sweep / "report.html"


def check_everywhere(browser, page, name):
    """What holds for every page."""
    assert page.stat().st_size < 5 << 20, page
    browser.ask("Emulation.setEmulatedMedia", features=[])
    browser.size(1280, 900)
    browser.open(page)
    assert browser.requests() == [page.as_uri()], browser.requests()
    levels = browser.value("[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.tagName[1])")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels
    assert browser.value("[...document.querySelectorAll('th')].every((th) => th.scope)")
    assert browser.value("[...document.querySelectorAll('img')].every((i) => i.alt && i.naturalWidth)")
    assert browser.value("[...document.querySelectorAll('svg:not([aria-hidden])')].every((s) =>"
                         " s.querySelector('title') && s.querySelector('desc'))")
    twice = browser.value("(ids => ids.filter((id, i) => ids.indexOf(id) !== i))"
                          "([...document.querySelectorAll('[id]')].map((e) => e.id))")
    assert twice == [], twice
    for scheme in ["light", "dark"]:
        browser.scheme(scheme)
        assert browser.value(CONTRAST) == [], (name, scheme, browser.value(CONTRAST))
        browser.screenshot(f"{name}-{scheme}.png")
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper))) < 60, paper
    browser.scheme("light")
    browser.size(360, 740, mobile=True)
    wide = browser.value("[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll *, pre *')"
                         " && e.getBoundingClientRect().right > 361).map((e) => e.outerHTML.slice(0, 90))")
    assert browser.value("document.documentElement.scrollWidth") <= 360, (name, wide[:6])
    browser.screenshot(f"{name}-phone.png")
    assert browser.pdf_pages(f"{name}.pdf") > 0
    assert browser.said() == [], browser.said()


def check_runs(browser, page, runs):
    browser.size(1280, 900)
    browser.open(page)
    text = browser.value("document.body.textContent")
    for run in runs:
        assert run in text, run
        row = pyarrow.parquet.read_table(FOLDER / "results/report" / run / "run.parquet").to_pydict()
        for score in ["test_accuracy", "test_loss", "best_validation_accuracy"]:
            assert f"{row[score][0]:.4f}" in text, score
    # By hover.
    box = browser.value("(b => [b.left + scrollX, b.top + scrollY, b.width, b.height])"
                        "(document.querySelector('.canvas').getBoundingClientRect())")
    browser.value(f"scrollTo({{top: {box[1] - 100}, behavior: 'instant'}})")
    top = browser.value("document.querySelector('.canvas').getBoundingClientRect().top")
    browser.point(box[0] + box[2] / 2, top + box[3] / 2)
    tip = browser.value("document.querySelector('.tip').innerText")
    epochs = pyarrow.parquet.read_table(FOLDER / "results/report" / runs[0] / "epochs.parquet")
    expected = f"{epochs['validation_accuracy'][2].as_py():.4f}"
    assert "Epoch 3" in tip and expected in tip, (tip, expected)
    # By keyboard.
    browser.value("document.querySelectorAll('.canvas')[1].focus()")
    for key in ["ArrowRight", "ArrowRight"]:
        browser.press(key)
    said = browser.value("document.querySelectorAll('.chart [role=status]')[1].textContent")
    loss = f"{epochs['validation_loss'][1].as_py():.4f}"
    assert said.startswith("Epoch 2") and loss in said, (said, loss)
    browser.press("Escape")
    assert browser.value("document.querySelectorAll('.tip')[1].hidden")
    # The legend.
    shown = "document.querySelectorAll('.series:not([hidden])').length"
    before = browser.value(shown)
    browser.value("document.querySelector('[data-toggle-run]').click()")
    assert (before, browser.value(shown)) == (8, 4)
    # The first stop of the keyboard leads past the navigation.
    browser.open(page)
    browser.press("Tab")
    assert browser.value("document.activeElement.className") == "skip"
    assert browser.said() == [], browser.said()


def check_sweep(browser, page, members):
    browser.size(1280, 900)
    browser.open(page)
    column = ("[...document.querySelectorAll('.sortable tbody tr')].map((row) =>"
              " row.cells[{}].dataset.value).filter((v) => v !== undefined).map(Number)")
    names = browser.value("[...document.querySelectorAll('.sortable thead th')].map((t) => t.innerText.trim())")
    score, rate = names.index("Validation accuracy"), names.index("learning_rate")
    rows = "document.querySelectorAll('.sortable tbody tr{}').length"
    assert browser.value(rows.format("")) == members
    values = browser.value(column.format(score))
    assert values == sorted(values, reverse=True) and len(values) == members - 1, values
    click = "document.querySelectorAll('.sortable thead button')[{}].click()"
    sorted_by = "document.querySelector('.sortable [aria-sort]').ariaSort"
    browser.value(click.format(rate))
    values = browser.value(column.format(rate))
    assert values == sorted(values) and browser.value(sorted_by) == "ascending", values
    # By keyboard the other way round.
    browser.value(f"document.querySelectorAll('.sortable thead button')[{rate}].focus()")
    browser.press("Enter")
    assert browser.value(column.format(rate)) == sorted(values, reverse=True)
    assert browser.value(sorted_by) == "descending"
    # What has no value is last either way.
    for _ in range(2):
        browser.value(click.format(score))
        last = f"[...document.querySelectorAll('.sortable tbody tr')].at(-1).cells[{score}].dataset.value"
        assert browser.value(last) is None
    browser.value("(i => { i.value = '1e-5'; i.dispatchEvent(new Event('input')); })"
                  "(document.getElementById('filter'))")
    left = browser.value(rows.format(":not([hidden])"))
    assert 0 < left < members, left
    assert browser.value("document.querySelector('.filter output').textContent") == f"{left} of {members}"
    links = browser.value("[...document.querySelectorAll('.sortable tbody a')].map((a) => a.getAttribute('href'))")
    assert len(links) == members and all((page.parent / link).is_file() for link in links), links
    # Hover lights up the member's row, its points and its lines.
    browser.value("document.querySelector('.point').dispatchEvent(new PointerEvent('pointerenter'))")
    lit = browser.value("['tr.lit', '.point.lit', '.series.lit'].map((s) => document.querySelectorAll(s).length)")
    assert lit[0] == 1 and lit[1] >= 2 and lit[2] == 2, lit
    text = browser.value("document.body.textContent")
    assert f"no weights {NASTY}" in text and "logarithmic" in text
    assert browser.said() == [], browser.said()


def main():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("reports in Chromium: skipped, no Chromium is installed")
        return
    members = 100
    runs, sweep = prepare(members)
    started = time.monotonic()
    browser = Browser(program)
    try:
        for page in [FOLDER / "runs.html", FOLDER / "run.html", FOLDER / "nasty.html", sweep]:
            name = "sweep" if page == sweep else page.stem
            check_everywhere(browser, page, name)
        check_runs(browser, FOLDER / "runs.html", runs)
        check_sweep(browser, sweep, members)
    finally:
        browser.close()
    print(f"reports in Chromium: as they should be, {time.monotonic() - started:.0f} s")


main()
