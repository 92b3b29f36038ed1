"""Pages while they are looked at: each is made anew where the journal changed, once for all who look at it.

Whoever looks is told the regions that changed, or how it stands now: nobody is told of what came between, so that
whoever is slow costs nobody anything.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from deployer.errors import DeployerError
from deployer.web.rendering import Page
from deployer.web.site import Site

_LOOK: Final = 0.4  # seconds between two looks for anything new, and between two looks at a page at least
_FAR: Final = 2.0  # the same, where each look is a connection to a database
_SHARE: Final = 1 / 3  # of the time, at most, that a page is made in
_STALE: Final = 5.0  # seconds after which a page is made anew whatever happened: times pass too
_BEAT: Final = 10.0  # seconds after which it is said that there is nothing to say
_PAGES: Final = 40  # different ones that are looked at
_VIEWERS: Final = 100

Make = Callable[[], Awaitable[Page]]


class CrowdedError(Exception):
    """So many look on that one more is not let in."""


@dataclass(slots=True)
class _Showing:
    """A page that somebody looks at: as it was made last, or why it could not be."""

    make: Make
    changed: anyio.Event = field(default_factory=anyio.Event)
    page: Page | None = None
    trouble: str = ""
    viewers: int = 0
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Live:
    """The pages that are looked at, until the dashboard ends."""

    def __init__(self, site: Site, group: TaskGroup) -> None:
        self._site = site
        self._group = group
        self._showing: dict[str, _Showing] = {}
        self._news = anyio.Event()

    def wake(self) -> None:
        """Let every page be made anew, now that something is known to have changed."""
        news, self._news = self._news, anyio.Event()
        news.set()

    async def heed(self) -> None:
        """Look for anything new until cancelled, while anybody looks on."""
        before: object = None
        while True:
            await anyio.sleep(_FAR if self._site.watch.home.is_shared else _LOOK)
            if not self._showing:
                continue
            try:
                mark: object = await anyio.to_thread.run_sync(self._site.watch.home.mark, abandon_on_cancel=True)
            except (DeployerError, OSError) as error:
                mark = str(error)
            now = mark, self._site.watch.counted
            if now != before:
                before = now
                self.wake()

    async def told(self, address: str, make: Make, since: str) -> AsyncGenerator[str, None]:
        """Yield what whoever looks at a page is told, as server-sent events; `since` tells what is known already."""
        async with self._shown(address, make) as showing:
            known: Mapping[str, str] = {}
            is_told = False  # that what is known is how it stands
            while True:
                changed = showing.changed
                if showing.trouble:
                    yield _event("trouble", {"what": showing.trouble})
                    is_told = False
                elif showing.page:
                    page = showing.page
                    if page.digest != since:
                        yield _event("regions", _difference(page, known), page.digest)
                    elif not is_told:
                        yield _event("same", {}, since)
                    known, since, is_told = page.regions, page.digest, True
                while not changed.is_set():
                    with anyio.move_on_after(_BEAT):
                        await changed.wait()
                        break
                    yield _event("beat", {})

    @asynccontextmanager
    async def _shown(self, address: str, make: Make) -> AsyncIterator[_Showing]:
        """Have a page made again and again while a block runs."""
        showing = self._showing.get(address)
        if showing is None:
            if len(self._showing) >= _PAGES:
                raise CrowdedError
            showing = self._showing[address] = _Showing(make)
            self._group.start_soon(self._keep, showing)
        if sum(each.viewers for each in self._showing.values()) >= _VIEWERS:
            raise CrowdedError
        showing.viewers += 1
        try:
            yield showing
        finally:
            showing.viewers -= 1
            if not showing.viewers:
                showing.scope.cancel()
                if self._showing.get(address) is showing:
                    del self._showing[address]

    async def _keep(self, showing: _Showing) -> None:
        with showing.scope:
            while True:
                news, begun = self._news, anyio.current_time()
                before = showing.page.digest if showing.page else "", showing.trouble
                try:
                    showing.page, showing.trouble = await showing.make(), ""
                except DeployerError as error:
                    showing.trouble = error.what
                except Exception as error:  # noqa: BLE001 - what is wrong with one page ends no other
                    showing.trouble = f"{type(error).__name__}: {error}"
                if before != (showing.page.digest if showing.page else "", showing.trouble):
                    changed, showing.changed = showing.changed, anyio.Event()
                    changed.set()
                taken = anyio.current_time() - begun
                await anyio.sleep(max(_LOOK, taken * (1 / _SHARE - 1)))
                with anyio.move_on_after(_STALE):
                    await news.wait()


def _difference(page: Page, known: Mapping[str, str]) -> dict[str, object]:
    """Return the regions of a page that are not as they are known."""
    changed = {name: html for name, html in page.regions.items() if known.get(name) != html}
    return {"headline": page.headline, "regions": changed}


def _event(name: str, document: Mapping[str, object], id_: str = "") -> str:
    """Return a server-sent event: JSON is a line, whatever is in it."""
    said = f"id: {id_}\n" if id_ else ""
    return f"{said}event: {name}\ndata: {json.dumps(document)}\n\n"
