"""The explorer without a mouse: what Tab reaches, what keys move among, and where the focus goes back to."""

import pytest

from tests.jupyter.explorer import ExplorerPage
from xjls.testing import write_demo

pytestmark = pytest.mark.xdist_group("jupyter")

FOCUS = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName"
NAMELESS = """(root) => [...root.querySelectorAll("button, input, select, canvas, [role]")]
    .filter((one) => !one.hidden && !one.matches("[aria-hidden], [role=status]"))
    .filter((one) => !(one.getAttribute("aria-label") || one.closest("label") || one.textContent.trim()))
    .map((one) => one.outerHTML)"""
OPENERS = {
    "Settings": "dialog", "Signals": "menu", "Search (n, p)": "dialog", "Histogram, CCDF, spectrum": "dialog",
    "Keys and gestures (?)": "dialog", "voltage: options": "menu", "All statistics": "dialog",
    "Add a note (t)": "dialog",
}  # fmt: skip
"""Buttons by their names, and what they open."""
STOPS = """(root) => [...root.querySelectorAll("button, input, select, [tabindex]")]
    .filter((one) => one.tabIndex >= 0 && one.checkVisibility())
    .map((one) => one.getAttribute("aria-label"))"""


@pytest.fixture
def explorer(page, lab):
    opened = ExplorerPage(page)
    opened.explore(f"{write_demo(lab.notebooks / 'keys.jls', seconds=1).name!r}, ['current', 'voltage', 'gpi[0]']")
    return opened


def focus_of(explorer):
    """Return the name of what has the focus."""
    return explorer.page.page.evaluate(FOCUS)


def press(explorer, *keys):
    """Press keys where the focus is; return the name of what has it then."""
    for key in keys:
        explorer.page.page.keyboard.press(key)
    explorer.settle()
    return focus_of(explorer)


def test_buttons_and_names_of_signals_are_one_stop_of_tab_each(explorer):
    assert len(explorer.root.evaluate(STOPS)) == 2  # and the explorer itself
    explorer.root.focus()
    assert press(explorer, "Tab") == "Zoom in (+)"
    assert press(explorer, "ArrowRight", "ArrowRight") == "Show all (Home)"
    assert press(explorer, "End") == "Keys and gestures (?)"
    assert press(explorer, "ArrowRight") == "Zoom in (+)"
    assert press(explorer, "ArrowLeft", "ArrowLeft") == "Save as a page of its own"
    assert press(explorer, "Tab") == "current: options"
    assert press(explorer, "ArrowDown") == "voltage: options"
    assert press(explorer, "Shift+Tab") == "Save as a page of its own", "where one was is forgotten"
    assert press(explorer, "Tab") == "voltage: options"
    assert explorer.view() == tuple(explorer.page.python("w.facts['extent']")), "the keys moved the view, too"


def test_what_cannot_be_used_keeps_the_focus_and_does_nothing(explorer):
    extent = explorer.view()
    explorer.root.get_by_role("button", name="Zoom in (+)").click()
    back = explorer.root.get_by_role("button", name="View before")
    back.focus()
    assert press(explorer, "Enter") == "View before (Backspace)"
    explorer.wait_for_view(*extent)
    assert back.get_attribute("aria-disabled") == "true"
    assert press(explorer, "Enter", "ArrowRight") == "View after (Ctrl+Shift+Z)"
    assert press(explorer, "Enter") == "View after (Ctrl+Shift+Z)"
    assert explorer.view() != extent


def test_escape_goes_back_to_where_one_was(explorer):
    for name, opens in OPENERS.items():
        button = explorer.root.get_by_role("button", name=name, exact=True)
        button.focus()
        press(explorer, "Enter")
        popup = explorer.root.locator(f".xjls-menu[role={opens}], .xjls-dialog[role={opens}]")
        assert popup.evaluate("(popup) => popup.contains(document.activeElement)"), name
        assert explorer.root.evaluate(NAMELESS) == []
        assert press(explorer, "Escape") == name
        assert popup.count() == 0


def test_tab_goes_round_in_a_dialog_and_leaves_a_menu(explorer):
    explorer.root.get_by_role("button", name="Search (n, p)").focus()
    press(explorer, "Enter")
    dialog = explorer.root.get_by_role("dialog")
    for _ in range(12):
        press(explorer, "Tab")
        assert dialog.evaluate("(dialog) => dialog.contains(document.activeElement)")
    press(explorer, "Escape")
    explorer.root.get_by_role("button", name="Signals", exact=True).focus()
    press(explorer, "Enter")
    assert explorer.root.get_by_role("menu").count() == 1
    assert press(explorer, "Tab") == "Settings" or press(explorer, "Shift+Tab")
    assert explorer.root.get_by_role("menu").count() == 0


def test_a_second_click_closes_a_menu(explorer):
    button = explorer.root.get_by_role("button", name="Signals", exact=True)
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert (explorer.root.get_by_role("menu").count(), button.get_attribute("aria-expanded")) == (0, "false")
