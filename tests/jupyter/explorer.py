"""The explorer in a notebook, as a person uses it: the mouse, the keys, and what its root tells of its state."""

SELECTOR = ".xjls-explorer"

SETTLED = """([selector]) => {
    const root = document.querySelector(selector);
    return Boolean(root && root.xjls && root.dataset.ready === "1" && root.dataset.busy === "0");
}"""
VIEW = "(root) => root.xjls.view()"
TIMED = """async (root, [x0, x1, patience]) => {
    const before = root.xjls.lastTile();
    const started = performance.now();
    return await new Promise((done, failed) => {
        const over = (act, value) => { watcher.disconnect(); clearTimeout(timer); act(value); };
        const look = () => {
            const is = root.xjls.lastTile() !== before && root.dataset.busy === "0";
            if (is) over(done, performance.now() - started);
        };
        const watcher = new MutationObserver(look);
        const timer = setTimeout(() => over(failed, new Error(`no tile for ${x0}, ${x1}`)), patience);
        watcher.observe(root, { attributes: true });
        root.xjls.setView(x0, x1);
    });
}"""
TABLE = """(root, span) => Object.fromEntries(
    [...root.querySelectorAll(`table tr[data-span="${span}"]`)].map((row) => [
        row.dataset.lane,
        [...row.querySelectorAll("[data-name]")].map((cell) => [
            cell.dataset.name, cell.dataset.value === "null" ? null : Number(cell.dataset.value), cell.textContent,
        ]),
    ]),
)"""
DRAGGED = """async (root, [x, y, reach, frames]) => {
    const target = root.querySelector(".xjls-overlay");
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    const [painted, started] = [root.xjls.paints(), performance.now()];
    for (let i = 0; i < frames; i += 1) {
        const clientX = x + reach * Math.sin(i / 40);
        target.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY: y, bubbles: true }));
        await frame();
    }
    return ((root.xjls.paints() - painted) / (performance.now() - started)) * 1000;
}"""
"""The moves are made in the page: those of a driver reach it at a pace of their own."""
PATIENCE_MS = 20_000


class ExplorerPage:
    """An explorer in a notebook of its own.

    Parameters
    ----------
    page
        A `tests.jupyter.page.LabPage`.
    """

    def __init__(self, page):
        self.page = page

    def explore(self, arguments, *more, name="explore.ipynb"):
        """Run ``w = xjls.explore(arguments)`` in a new notebook that has more cells; return when it is painted."""
        self.page.open(name, f"import numpy as np\nimport xjls\nw = xjls.explore({arguments})\nw", *more)
        self.page.run(0)
        self.settle()

    @property
    def root(self):
        """The explorer's outermost element."""
        return self.page.page.locator(SELECTOR)

    def settle(self):
        """Wait until no answer and no paint is due."""
        self.page.wait_for(SETTLED, SELECTOR)

    def view(self):
        """Return what is shown, in nanoseconds of the axis."""
        return tuple(self.root.evaluate(VIEW))

    def set_view(self, x0, x1):
        """Show something else, and wait for it."""
        self.root.evaluate("(root, [x0, x1]) => root.xjls.setView(x0, x1)", [x0, x1])
        self.settle()

    def wait_for_view(self, x0, x1, least=1):
        """Wait until this is shown, to so many nanoseconds."""
        close = "([selector, x0, x1, least]) => { const [a, b] = document.querySelector(selector).xjls.view();"
        self.page.wait_for(f"{close} return Math.abs(a - x0) <= least && Math.abs(b - x1) <= least; }}",
                           SELECTOR, x0, x1, least)  # fmt: skip
        self.settle()

    def time_views(self, spans):
        """Show spans, one after the other; return the milliseconds until the tile of each was painted."""
        return [self.root.evaluate(TIMED, [x0, x1, PATIENCE_MS]) for x0, x1 in spans]

    def plot(self):
        """Return where the lanes are drawn, in pixels of the window: left, top, width and height."""
        box = self.stage.bounding_box()
        plot = self.root.evaluate("(root) => root.xjls.state.layout.plot")
        return box["x"] + plot["x"], box["y"] + plot["y"], plot["width"], plot["height"]

    @property
    def stage(self):
        """The element that is drawn on."""
        return self.root.locator(".xjls-stage")

    def place(self, across, down=0.2):
        """Return a point in the window, in shares of the plot's width and height."""
        left, top, width, height = self.plot()
        return left + across * width, top + down * height

    def time_at(self, across):
        """Return the time at a share of the plot's width."""
        x0, x1 = self.view()
        return x0 + across * (x1 - x0)

    def drag(self, start, stop, *keys, steps=8):
        """Drag from one share of the plot's width to another, with keys held; wait for what comes of it."""
        mouse, keyboard = self.page.page.mouse, self.page.page.keyboard
        mouse.move(*start)
        for key in keys:
            keyboard.down(key)
        mouse.down()
        mouse.move(*stop, steps=steps)
        mouse.up()
        for key in keys:
            keyboard.up(key)
        self.settle()

    def numbers(self, span):
        """Return the statistics of a marker in the table, as numbers and as texts, by lane and name."""
        rows = self.root.evaluate(TABLE, span)
        values = {lane: {name: value for name, value, _ in cells} for lane, cells in rows.items()}
        texts = {lane: {name: text for name, _, text in cells} for lane, cells in rows.items()}
        return values, texts

    def press(self, *keys):
        """Press keys while the explorer has the focus."""
        self.root.focus()
        for key in keys:
            self.page.page.keyboard.press(key)
        self.settle()

    def drag_frames(self, frames):
        """Drag to and fro, a move in each frame; return the paints a second."""
        mouse, (x, y) = self.page.page.mouse, self.place(0.5)
        mouse.move(x, y)
        mouse.down()
        painted = self.root.evaluate(DRAGGED, [x, y, 0.4 * self.plot()[2], frames])
        mouse.up()
        self.settle()
        return painted
