"""The panel's frames in a plain page: what is painted, what is red, what is held, and what is acknowledged."""

import base64

import pytest

from tests.frame_devices import SLOTS, Scope, mask_of, sent
from tests.jupyter.browser import require, running_browser
from tests.test_panel_browser import ACKNOWLEDGED, PAGE
from xjls.widget.modules import joined, styles
from xjls.widget.panel import streaming
from xjls.widget.panel.messages import Messages

pytestmark = pytest.mark.xdist_group("jupyter")

COLORS = """() => {
  const canvas = document.querySelector("canvas.xjls-live-frame");
  const { width, height } = canvas;
  return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
}"""
SIDE, WHOLE, TORN = 64, 1000, 1021


@pytest.fixture(scope="module")
def page():
    require()
    with running_browser() as browser:
        one = browser.new_page(viewport={"width": 1080, "height": 760})
        errors = []
        one.on("pageerror", lambda error: errors.append(str(error)))
        source = joined("panel/index.js").replace("</script", "<\\/script")
        one.set_content(PAGE.replace("STYLES", styles("panel/panel.css")).replace("SOURCE", source))
        one.wait_for_function("Boolean(window.end)")
        yield one
        assert not errors


@pytest.fixture
def pushes(monkeypatch):
    """Return two pushes of a session: of a whole frame, and of one of which a part is missing."""
    told = []
    for number, frame in enumerate((WHOLE, TORN), 1):

        def play(scope, outlet, stop, frame=frame):
            scope.send(outlet, frame, frame + 1)
            return "there are no more"

        monkeypatch.setattr(streaming, "open_device", lambda *_, play=play, **__: Scope(play, side=SIDE))
        one = streaming.Streaming("scope")
        one.session.start().wait()
        content, buffers = Messages(one, 5).make(0)
        texts = [base64.b64encode(data).decode() for data in buffers]
        told.append((content | {"type": "push", "id": number}, texts))
    return told


def show(page, content, buffers):
    page.evaluate("([content, buffers]) => window.push(content, buffers)", [content, buffers])
    page.wait_for_function(ACKNOWLEDGED, arg=content["id"])


def test_a_frame_is_painted_with_what_is_missing_in_red_and_is_held_where_it_is_frozen(page, pushes):
    (whole, its_bytes), (torn, torn_bytes) = pushes
    show(page, whole, its_bytes)
    width, height, colors = page.evaluate(COLORS)
    assert (width, height) == (SIDE, SIDE)
    pixels = [colors[4 * i : 4 * i + 3] for i in range(SIDE * SIDE)]
    assert all(red == green == blue for red, green, blue in pixels)
    darkest, brightest = sent(WHOLE, SIDE).argmin(), sent(WHOLE, SIDE).argmax()
    assert (pixels[darkest][0], pixels[brightest][0]) == (0, 255)
    words = page.locator(".xjls-live-frames figcaption").inner_text().replace("\u202f", " ")
    assert "frame 1 000" in words
    assert "0.00 % lost in the last 5 s" in words
    assert page.locator(".xjls-panel-view").get_attribute("data-ready") == "true"
    assert page.locator("canvas.xjls-live-canvas").is_hidden()
    page.evaluate("window.model.set('settings', {...window.model.get('settings'), frozen: true})")
    show(page, torn | {"reset": False}, torn_bytes)
    assert page.evaluate(COLORS)[2] == colors
    assert "frozen" in page.locator(".xjls-live-frames figcaption").inner_text()
    page.evaluate("window.model.set('settings', {...window.model.get('settings'), frozen: false})")
    page.wait_for_function("document.querySelector('figure').dataset.id === '1021'")
    _, _, colors = page.evaluate(COLORS)
    (slot,) = (slot for slot in range(SLOTS) if not mask_of(TORN)[slot])
    each = SIDE * SIDE // SLOTS
    red = [i for i in range(SIDE * SIDE) if colors[4 * i] > 2 * colors[4 * i + 1] + 20]
    assert red == list(range(slot * each, (slot + 1) * each))
    bad = page.locator(".xjls-live-frames .xjls-live-bad").all_inner_texts()
    assert bad == ["1 of 4 buffers missing", "25.00 % lost in the last 5 s"]
