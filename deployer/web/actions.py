"""What people do from the dashboard: what they could say in a terminal too, attributed in the same way."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from deployer.api import control
from deployer.api.control import nobody
from deployer.api.notifying import telling
from deployer.errors import DeployerError, UsageError
from deployer.web.site import Act, Site

_VIA: Final = "through the dashboard"

Form: TypeAlias = Mapping[str, str]
Do: TypeAlias = Callable[[Site, str, str, Form], Awaitable[str]]


async def act(site: Site, rollout: str, verb: str, form: Form) -> None:
    """Do it, and keep what came of it for the pages to tell."""
    try:
        async with site.look() as book:
            name = (await site.find(book, rollout)).name
        said, failed = await VERBS[verb](site, name, rollout, form), False
    except DeployerError as error:
        said, failed = f"{error.what}: {error.remedy}" if error.remedy else error.what, True
    site.acts.appendleft(Act(rollout, verb, site.clock.utc(), said, failed))


def _who() -> str:
    return f"{control.whoever()} {_VIA}"


async def _pause(site: Site, name: str, rollout: str, form: Form) -> str:  # noqa: ARG001 - as every action
    return await control.pause(site.watch.home, name, id_=rollout, who=_who())


async def _resume(site: Site, name: str, rollout: str, form: Form) -> str:  # noqa: ARG001 - as every action
    said = await control.unpause(site.watch.home, name, id_=rollout, who=_who())
    return f"{said}: workers go on by themselves, else type the command below"


async def _approve(site: Site, name: str, rollout: str, form: Form) -> str:
    digest, wave = form.get("plan", ""), form.get("wave") or None
    return await control.approve(site.watch.home, name, wave=wave, digest=digest, id_=rollout, who=_who())


async def _abort(site: Site, name: str, rollout: str, form: Form) -> str:
    if form.get("sure") != "yes":
        raise UsageError("not confirmed: nothing was changed")
    untold: list[str] = []
    tell = telling(Path(site.manifest), untold.append) if name == site.name else nobody
    said = await control.abort(site.watch.home, name, id_=rollout, who=_who(), tell=tell)
    return "; ".join([said, *untold])


VERBS: Final[Mapping[str, Do]] = {"pause": _pause, "resume": _resume, "approve": _approve, "abort": _abort}
