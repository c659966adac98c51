"""A real JupyterLab and a real browser: the server, the page, and the notebooks that are opened in it."""
