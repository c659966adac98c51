"""The harness itself: a widget is driven both ways, and what goes wrong in it is found out."""

import pytest

pytestmark = pytest.mark.xdist_group("jupyter")

WIDGET = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = document.createElement("button");
        button.className = "counter";
        const show = () => { button.textContent = String(model.get("count")); };
        button.onclick = () => {
            if (model.get("broken")) throw new Error("a broken widget");
            model.set("count", model.get("count") + 1);
            model.save_changes();
        };
        model.on("change:count", show);
        show();
        el.append(button);
    } };
    """
    count = traitlets.Int(0).tag(sync=True)
    broken = traitlets.Bool(False).tag(sync=True)

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/html": "<b class='kept'>a picture</b>"}, metadata

w = Counter()
w
'''


def test_a_widget_is_driven_from_both_sides(page):
    page.open("counter.ipynb", WIDGET)
    page.run(0)
    button = page.page.locator(".counter")
    button.click()
    page.wait_for("() => document.querySelector('.counter').textContent === '1'")
    assert page.python("w.count") == 1
    page.execute("w.count = 41")
    button.click()
    assert page.python("w.count") == 42
    page.picture("counter")


def test_what_a_module_throws_is_found(page):
    page.open("broken.ipynb", WIDGET)
    page.run(0)
    page.execute("w.broken = True")
    with page.page.expect_event("pageerror"):
        page.page.locator(".counter").click()
    assert "a broken widget" in page.errors.pop()


def test_a_cell_that_fails_is_found(page):
    page.open("failing.ipynb", "1 / 0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        page.run(0)


def test_a_notebook_opens_without_a_kernel(page):
    page.open("kept.ipynb", WIDGET)
    page.run(0)
    page.page.locator(".counter").wait_for()
    page.show_without_kernel("kept.ipynb")
    page.page.locator(".kept").wait_for()
    assert page.page.locator(".counter").count() == 0
    assert page.lab.ask("sessions") == []
    page.picture("kept")
