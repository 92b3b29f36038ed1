"""A real browser for the pages: the machine's own Chromium, which asks nobody but the page's server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--no-sandbox",  # root cannot have one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str:
    """Return where Chromium lies."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError("the tests need Chromium: install it (Debian: apt install chromium)")


@contextmanager
def started() -> Iterator[Browser]:
    """Start a browser without a window, and end it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()
