"""The dashboard as a server on loopback: which page is where, its stream of changes, and what people do from it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, TypeAlias

import anyio
from aiohttp import web
from yarl import URL

from deployer.errors import DeployerError
from deployer.web import actions
from deployer.web.guard import ENTRANCE, STATIC, Guard
from deployer.web.inventory import all_instances, all_schedules
from deployer.web.live import CrowdedError, Live
from deployer.web.rendering import Page, document, refusal
from deployer.web.rollouts import all_rollouts, one_rollout, rollout_address
from deployer.web.site import MissingError, Site
from deployer.web.tenant import one_tenant

EVENTS: Final = "/events"
_STYLE: Final[Mapping[str, str]] = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_ROW: Final = re.compile("[1-9][0-9]{0,8}")
_START: Final = "start it so: deployer serve --allow-actions"
_SLOW: Final = 20.0  # seconds in which whoever looks on takes what is sent
_LONGEST: Final = 16 * 1024  # bytes of a form

Make: TypeAlias = Callable[[Site, Mapping[str, str]], Awaitable[Page]]


def page_at(address: URL) -> Make | None:
    """Return what makes the page at an address; None where there is none."""
    match [each for each in address.path.split("/") if each]:
        case []:
            return all_rollouts
        case ["schedules"]:
            return all_schedules
        case ["instances"]:
            return all_instances
        case ["rollouts", rollout]:
            return lambda site, query: one_rollout(site, rollout, query)
        case ["rollouts", rollout, "tenants", row] if _ROW.fullmatch(row):
            return lambda site, _: one_tenant(site, rollout, int(row))
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The pages of a site, guarded."""

    site: Site
    guard: Guard
    live: Live

    @property
    def application(self) -> web.Application:
        """Return what answers requests."""
        made = web.Application(middlewares=[self.guard.middleware], client_max_size=_LONGEST)
        made.router.add_get(EVENTS, self._events, allow_head=False)
        made.router.add_get(f"{STATIC}{{name}}", _static)
        made.router.add_post("/rollouts/{rollout}/{verb}", self._act)
        made.router.add_get("/{path:.*}", self._page)
        return made

    async def _page(self, request: web.Request) -> web.Response:
        make = page_at(request.rel_url)
        if make is None:
            return _html(404, refusal("There is no such page", "begin at /"))
        try:
            page = await make(self.site, request.query)
        except MissingError as error:
            return _html(404, refusal(error.what, error.remedy or "begin at /"))
        except DeployerError as error:
            return _html(503, refusal(error.what, error.remedy or "", again=True))
        except Exception as error:  # noqa: BLE001 - what is wrong with one page ends no other
            return _html(500, refusal(f"This page cannot be made: {type(error).__name__}: {error}"))
        events = str(URL(EVENTS).with_query({"of": str(request.rel_url.with_fragment(None))}))
        return _html(200, document(page, events=events, journal=str(self.site.watch.home)))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Tell whoever looks at a page what changes, until they leave or the dashboard ends."""
        address = URL(request.query.get("of", "/"))
        make = page_at(address)
        if make is None:
            return _html(404, refusal("There is no such page"))
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "")
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self.guard.seal(answer)
        told = self.live.told(address.path_qs, lambda: make(self.site, address.query), since)
        try:
            async for event in told:
                if not answer.prepared:
                    await answer.prepare(request)
                with anyio.fail_after(_SLOW):
                    await answer.write(event.encode())
        except CrowdedError:
            return _html(503, refusal("Too many look on", "close some pages"))
        except (TimeoutError, ConnectionError):
            pass  # they left, or they are too slow: a browser comes again by itself
        finally:
            await told.aclose()
        return answer

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a form asks for, and go back to the rollout's page, which tells what came of it."""
        rollout, verb = request.match_info["rollout"], request.match_info["verb"]
        if not self.site.may_act:
            return _html(403, refusal("Nothing can be changed from here", _START))
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        if not self.guard.allows_form(form.get("check")):
            return _html(403, refusal("This form is not of this dashboard", "load the page again"))
        if verb not in actions.VERBS:
            return _html(404, refusal("There is no such action"))
        with anyio.CancelScope(shield=True):  # whoever leaves meanwhile does not undo it
            await actions.act(self.site, rollout, verb, form)
        self.live.wake()
        return web.Response(status=303, headers={"Location": rollout_address(rollout)})


async def _static(request: web.Request) -> web.Response:
    found = _files().get(request.match_info["name"])
    if found is None:
        return _html(404, refusal("There is no such file"))
    return web.Response(text=found.read_text("utf-8"), content_type=_STYLE[found.name.rpartition(".")[2]])


@cache
def _files() -> Mapping[str, Traversable]:
    """Return the files that are served, by name: ours, and the look that the report has too."""
    look = files("deployer.report").joinpath("pages", "look.css")
    return {each.name: each for each in (look, *files("deployer.web").joinpath("static").iterdir())}


def _html(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html")


@asynccontextmanager
async def serving(site: Site, guard: Guard, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve a site while a block runs; yield the address that lets whoever opens it in."""
    async with anyio.create_task_group() as group:
        live = Live(site, group)
        group.start_soon(site.watch.keep)
        group.start_soon(live.heed)
        runner = web.AppRunner(
            Dashboard(site, guard, live).application,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{runner.addresses[0][1]}{ENTRANCE}?token={guard.token}"
        finally:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await runner.cleanup()
