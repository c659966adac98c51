"""A notebook in JupyterLab, as a person has it before them: run its cells, look at its outputs, use its widgets."""

import contextlib
import json
import os
import time
from pathlib import Path

import nbformat

PATIENCE_MS = 30_000
OWN_MODULE = "blob:"
"""Where anywidget's modules are: errors of other extensions are not ours."""
PICTURES = os.environ.get("XJLS_PICTURES")
"""The folder that screenshots are written to, if any."""

SPIN = """import os
while not os.path.exists("go-on"):
    for _ in range(1_000_000):
        pass
os.remove("go-on")"""
"""A cell that computes until a file is there. It seldom looks: who gives up the interpreter's lock for a moment, again
and again, starves all other threads, which computing does not."""

READY = """async (path) => {
    const app = window.jupyterapp;
    await app.restored;
    app.shell.collapseLeft();
    const found = () => [...app.shell.widgets("main")].find((one) => one.context && one.context.path === path);
    while (!found()) await new Promise((done) => setTimeout(done, 20));
    const panel = window.notebookPanel = found();
    await panel.context.ready;
    await panel.revealed;
    await panel.sessionContext.ready;
    const session = panel.sessionContext.session;
    if (session) await session.kernel.info;
}"""
START = """(index) => {
    window.notebookPanel.content.activeCellIndex = index;
    window.cellRun = window.jupyterapp.commands.execute("notebook:run-cell");
}"""
ENDED = "async () => { await window.cellRun; }"
OUTPUTS = "(index) => window.notebookPanel.content.widgets[index].model.outputs.toJSON()"
PYTHON = """async (code) => {
    const said = [];
    const future = window.notebookPanel.sessionContext.session.kernel.requestExecute({ code, store_history: false });
    future.onIOPub = ({ header, content }) => {
        if (header.msg_type === "stream") said.push(content.text);
        if (header.msg_type === "error") said.push(content.traceback.join("\\n"));
    };
    const reply = await future.done;
    return [reply.content.status, said.join("")];
}"""
COMMAND = "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments)"


class LabPage:
    """One tab of the browser with one notebook in it.

    Parameters
    ----------
    page
        Playwright's.
    lab
        The server.
    """

    def __init__(self, page, lab):
        self.page, self.lab = page, lab
        self.errors = []
        """What our own modules threw, or wrote to the console as an error."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", self._thrown)
        page.on("console", self._written)

    def open(self, name, *cells):
        """Write a notebook of these cells, and open it with a kernel."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.lab.notebooks / name)
        self.show(name)

    def show(self, name):
        """Open a notebook that is there."""
        self.page.goto(self._address(name))
        self.page.wait_for_function("() => window.jupyterapp")
        self.page.evaluate(READY, name)

    def _address(self, name):
        return f"{self.lab.url}lab/tree/{name}?reset&token={self.lab.token}"

    def show_without_kernel(self, name):
        """Save the notebook, and open it again as where its kernel is not: by the dialog's "No Kernel"."""
        self.command("docmanager:save")
        self.page.goto("about:blank")
        self.lab.end_sessions()
        path = self.lab.notebooks / name
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata = {"kernelspec": {"name": "elsewhere", "display_name": "Elsewhere", "language": "none"}}
        nbformat.write(notebook, path)
        self.page.goto(self._address(name))
        self.page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")

    def run(self, index):
        """Run a cell to its end; fail if it ends in an error."""
        self.start(index)
        self.end()
        assert not self.cell_errors(), self.cell_errors()

    def start(self, index):
        """Begin to run a cell."""
        self.page.evaluate(START, index)

    def end(self):
        """Wait for the cell that was begun."""
        self.page.evaluate(ENDED)

    def cell_errors(self):
        """Return the errors in the cells' outputs."""
        count = self.page.evaluate("() => window.notebookPanel.content.widgets.length")
        outputs = [output for index in range(count) for output in self.page.evaluate(OUTPUTS, index)]
        return ["\n".join(output["traceback"]) for output in outputs if output["output_type"] == "error"]

    def python(self, expression):
        """Return what an expression is worth in the kernel, as JSON has it."""
        status, said = self.page.evaluate(PYTHON, f"import json\nprint(json.dumps({expression}))")
        assert status == "ok", said
        return json.loads(said)

    def wait_for_python(self, condition):
        """Wait until an expression is true in the kernel: what the browser tells arrives a little later."""
        until = time.monotonic() + PATIENCE_MS / 1000
        while not self.python(f"bool({condition})"):
            assert time.monotonic() < until, f"it never came true that {condition}"

    def execute(self, code):
        """Run code in the kernel, outside of the cells."""
        status, said = self.page.evaluate(PYTHON, code)
        assert status == "ok", said
        return said

    def command(self, name, **arguments):
        """Run one of JupyterLab's commands."""
        self.page.evaluate(COMMAND, [name, arguments])

    @contextlib.contextmanager
    def dark(self):
        """Turn JupyterLab dark, and light again afterwards: it keeps its theme for all that follows."""
        self._choose_theme("JupyterLab Dark", light=False)
        try:
            yield
        finally:
            self._choose_theme("JupyterLab Light", light=True)

    def _choose_theme(self, theme, *, light):
        self.command("apputils:change-theme", theme=theme)
        self.wait_for("([light]) => document.body.dataset.jpThemeLight === light", "true" if light else "false")

    def wait_for(self, condition, *arguments):
        """Wait until a JavaScript function gives something true; return it."""
        return self.page.wait_for_function(condition, arg=list(arguments)).json_value()

    def picture(self, name, of=None):
        """Write a screenshot where `PICTURES` says."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            # Playwright would write the file in a thread, and keep that
            Path(PICTURES, f"{name}.png").write_bytes((of or self.page).screenshot())

    def _thrown(self, error):
        if OWN_MODULE in (error.stack or ""):
            self.errors.append(error.stack)

    def _written(self, message):
        if message.type == "error" and OWN_MODULE in message.location.get("url", ""):
            self.errors.append(message.text)


@contextlib.contextmanager
def open_page(browser, lab, **options):
    """Yield a tab in a context of its own: no cookies, no storage, no other tabs; its kernels end with it."""
    with contextlib.closing(browser.new_context(**options)) as context:
        try:
            yield LabPage(context.new_page(), lab)
        finally:
            lab.end_sessions()
