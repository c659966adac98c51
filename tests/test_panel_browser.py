"""The panel's front end in a plain page, with pushes of a real session: what is painted, acknowledged and held."""

import base64

import pytest

from tests.jupyter.browser import require, running_browser
from xjls.widget.modules import joined, styles
from xjls.widget.panel.messages import Messages
from xjls.widget.panel.streaming import Streaming

pytestmark = pytest.mark.xdist_group("jupyter")

PAGE = """
<html><body style="margin: 8px"><style>STYLES</style><div id="host"></div>
<script type="text/plain" id="source">SOURCE</script>
<script type="module">
const listeners = {};
const traits = { settings: { units: "si", frozen: false, theme: "light", digits: 5 }, note: "" };
window.sent = [];
window.model = {
  get: (name) => traits[name],
  set: (name, value) => { traits[name] = value; (listeners["change:" + name] ?? []).forEach((call) => call()); },
  on: (event, call) => (listeners[event] ??= []).push(call),
  off: (event, call) => { listeners[event] = (listeners[event] ?? []).filter((one) => one !== call); },
  send: (content) => window.sent.push(content),
};
window.push = (content, texts) => {
  const views = texts.map((text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer));
  (listeners["msg:custom"] ?? []).forEach((call) => call(content, views));
};
window.listening = () => Object.values(listeners).flat().length;
const source = new Blob([document.getElementById("source").textContent], { type: "text/javascript" });
const { default: widget } = await import(URL.createObjectURL(source));
window.end = widget.render({ model: window.model, el: document.getElementById("host") });
</script></body></html>
"""
ACKNOWLEDGED = "(id) => window.sent.some((one) => one.type === 'ack' && one.id === id)"
GREEN = """([from, to]) => {
  const canvas = document.querySelector("canvas.xjls-live-canvas");
  const scale = canvas.width / canvas.clientWidth;
  const { data } = canvas.getContext("2d").getImageData(from * scale, 138 * scale, (to - from) * scale, 120 * scale);
  let green = 0;
  for (let i = 0; i < data.length; i += 4) green += data[i + 1] > data[i] + 60;
  return green;
}"""
LEFT, WIDTH = 76, 1064 - 262 - 76 - 4
"""Of the lanes, in the page of 1080 pixels."""


@pytest.fixture(scope="module")
def browser():
    require()
    with running_browser() as one:
        yield one


@pytest.fixture(scope="module")
def pushes():
    """Return what a session of five seconds tells: with a gap in the middle, and over range."""
    script = "drop@2s:20000;over@4s:10"
    names = ["current", "voltage", "power", "current_range", "gpi[0]"]
    streaming = Streaming(f"sim?speed=max&seconds=5&script={script}", signals=names, rate="20 kHz")
    told, messages = [], Messages(streaming, 5)
    streaming.session.start().wait()
    for number in (1, 2):
        content, buffers = messages.make(7)
        told.append((content | {"type": "push", "id": number}, [base64.b64encode(one).decode() for one in buffers]))
    return told


@pytest.fixture
def page(browser):
    one = browser.new_page(viewport={"width": 1080, "height": 760})
    errors = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    source = joined("panel/index.js").replace("</script", "<\\/script")
    one.set_content(PAGE.replace("STYLES", styles("panel/panel.css")).replace("SOURCE", source))
    one.wait_for_function("Boolean(window.end)")
    yield one
    one.close()
    assert not errors


def show(page, pushes):
    for content, buffers in pushes:
        page.evaluate("([content, buffers]) => window.push(content, buffers)", [content, buffers])
    page.wait_for_function(ACKNOWLEDGED, arg=pushes[-1][0]["id"])


def test_it_says_that_it_is_there_and_what_it_has_drawn(page, pushes):
    assert page.evaluate("window.sent") == [{"type": "hello"}]
    assert "not streaming" in page.locator(".xjls-live-head").inner_text()
    show(page, pushes)
    root = page.locator(".xjls-panel-view")
    shown = {name: root.get_attribute(f"data-{name}") for name in ("ready", "pushes", "skipped", "state", "theme")}
    assert shown == {"ready": "true", "pushes": "2", "skipped": "7", "state": "ended", "theme": "light"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_band_is_painted_and_not_where_nothing_was_delivered(page, pushes, theme):
    page.evaluate("(theme) => window.model.set('settings', {...window.model.get('settings'), theme})", theme)
    show(page, pushes)
    place = [LEFT + round(WIDTH * part) for part in (0.02, 0.38, 0.42, 0.58, 0.62, 0.98)]
    before, gap, after = (page.evaluate(GREEN, list(place[i : i + 2])) for i in (0, 2, 4))
    assert min(before, after) > 200
    assert gap == 0


def test_numbers_stand_in_tables_and_the_line_on_health_is_red_where_something_is_lost(page, pushes):
    show(page, pushes)
    table = page.locator("table[data-lane='voltage']")
    assert table.locator("tr").nth(1).inner_text().replace("\u202f", " ").split("\t")[:2] == ["mean", "3.3000 V"]
    health = page.locator(".xjls-live-health")
    assert health.locator(".xjls-live-bad").all_inner_texts() == ["lost at device 100\u202f000", "over range 5"]
    assert "UI frames skipped 7" in health.inner_text()
    sums = page.locator(".xjls-live-sum").all_inner_texts()
    assert len(sums) == 2
    assert "1.00 s missing" in sums[0].replace("\u202f", " ")
    page.evaluate("window.model.set('settings', {...window.model.get('settings'), units: 'hours'})")
    page.wait_for_function("document.querySelector('.xjls-live-sum b').textContent.includes('Ah')")


def test_what_is_frozen_stays_and_goes_on_afterwards(page, pushes):
    show(page, pushes)
    page.evaluate("window.model.set('settings', {...window.model.get('settings'), frozen: true})")
    later = pushes[-1][0] | {"id": 3, "newest": pushes[-1][0]["newest"] + 3 * 10**9, "skipped": 9}
    ends = [LEFT + round(WIDTH * 0.62), LEFT + round(WIDTH * 0.98)]
    before = page.evaluate(GREEN, ends)
    show(page, [(later, pushes[-1][1])])
    assert page.evaluate(GREEN, ends) == before > 200
    assert "UI frames skipped 9" in page.locator(".xjls-live-health").inner_text()
    page.evaluate("window.model.set('settings', {...window.model.get('settings'), frozen: false})")
    show(page, [(later | {"id": 4}, pushes[-1][1])])
    assert page.evaluate(GREEN, ends) == 0


def test_an_error_is_shown_and_the_end_takes_all_listeners_with_it(page, pushes):
    page.evaluate("window.model.set('note', 'the device does not start')")
    assert page.get_by_role("alert").inner_text() == "the device does not start"
    assert page.evaluate("window.listening()") > 0
    page.evaluate("window.end()")
    assert page.evaluate("window.listening()") == 0


def test_a_narrow_page_shows_numbers_below(page, pushes):
    page.set_viewport_size({"width": 420, "height": 900})
    show(page, pushes)
    page.wait_for_function("document.querySelector('.xjls-panel-view').dataset.narrow === 'true'")
    names = ("canvas.xjls-live-canvas", "table.xjls-live-lane")
    canvas, table = (page.locator(name).first.bounding_box() for name in names)
    assert table["y"] >= canvas["y"] + canvas["height"] - 1
    assert canvas["width"] <= 420


def test_the_text_of_a_mark_goes_with_the_press(page, pushes):
    text, press = page.get_by_label("Text of the mark"), page.get_by_role("button", name="Mark now")
    assert press.is_disabled()
    page.evaluate("window.heard = []; document.addEventListener('keydown', (event) => window.heard.push(event.key));")
    text.press_sequentially("dd")
    text.press("Enter")
    assert page.evaluate("window.sent") == [{"type": "hello"}], "nothing streams that could be marked"
    show(page, [(pushes[-1][0] | {"state": "streaming"}, pushes[-1][1])])
    press.click()
    text.fill("the door")
    text.press("Enter")
    marks = [one["text"] for one in page.evaluate("window.sent") if one["type"] == "mark"]
    assert marks == ["dd", "the door"]
    assert page.evaluate("window.heard") == [], "letters are no commands of the notebook"
    show(page, [(pushes[-1][0] | {"id": 3, "state": "ended"}, pushes[-1][1])])
    assert press.is_disabled()
