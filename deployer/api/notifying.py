"""Tell people of a rollout by webhooks. That one fails is said, and changes nothing of the rollout."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread
from yarl import URL

from deployer.api.loading import Loaded, Scope, load
from deployer.api.workplace import Office
from deployer.domain.checkup import Finding, Verdict
from deployer.domain.command import typed
from deployer.domain.deployment import OPEN, Status
from deployer.domain.firing import Firing, State
from deployer.domain.manifest import REGIONS, Manifest
from deployer.domain.notice import Notice
from deployer.domain.notify import Hook, Occasion, occasion_of
from deployer.domain.scalars import is_loopback
from deployer.engine.rollouts import Tell
from deployer.errors import DeployerError, UsageError
from deployer.integrator.token import read_secret
from deployer.journal.protocol import Rollout
from deployer.report.notices import notice_body
from deployer.telemetry.events import Event
from deployer.telemetry.webhooks import post

__all__ = ["Notifier", "examine_hooks", "notice_of_firing", "notice_of_rollout", "notifier_of", "tell_end", "telling"]

_DIGITS: Final = 12  # of a plan's digest, as people type it
_OVER: Final = frozenset({"aborted", "superseded"})  # and never gone on with


@dataclass(frozen=True, slots=True)
class Notifier:
    """Who is told: the name that a webhook has for people, the webhook, and its address, which is told to nobody."""

    hooks: Sequence[tuple[str, Hook, URL]]
    told: Callable[[Event], None]
    clock: Callable[[], str]

    async def tell(self, notice: Notice) -> None:
        """Tell everybody who wants to know of it, side by side, and say whom that reached."""
        async with anyio.create_task_group() as group:
            for name, hook, url in self.hooks:
                if notice.occasion in hook.on:
                    body = json.dumps(notice_body(notice, hook.kind)).encode()
                    group.start_soon(self._post, name, url, body, notice)

    async def _post(self, name: str, url: URL, body: bytes, notice: Notice) -> None:
        reason = await post(url, body)
        what = {"hook": name, "occasion": notice.occasion.value, "name": notice.name}
        if reason is None:
            self.told(Event("notice.sent", self.clock(), {**what}))
        else:
            self.told(Event("notice.failed", self.clock(), {**what, "cause": reason}))


async def notifier_of(loaded: Loaded, office: Office, told: Callable[[Event], None]) -> Notifier:
    """Return who is told as a manifest says; those whose address cannot be had are said at once, and left out."""
    found: list[tuple[str, Hook, URL]] = []
    for name, hook, reached in await _reached(loaded, office):
        if isinstance(reached, DeployerError):
            fields: dict[str, str | None] = {"hook": name, "cause": reached.what, "remedy": reached.remedy}
            told(Event("notice.failed", office.clock.utc(), {**fields}))
        else:
            found.append((name, hook, reached))
    return Notifier(found, told, office.clock.utc)


async def tell_end(
    loaded: Loaded, office: Office, ended: Rollout, counts: Mapping[Status, int], *, told: Callable[[Event], None]
) -> None:
    """Tell those whom a manifest names that a rollout ends, as it says; whom that reached, and whom not, is `told`."""
    occasion = occasion_of(ended.outcome)
    if occasion is not None:
        at, manifest = office.clock.utc(), str(loaded.path)
        notice = notice_of_rollout(ended, counts, occasion=occasion, at=at, wave="", manifest=manifest)
        await (await notifier_of(loaded, office, told)).tell(notice)


def telling(path: Path, failed: Callable[[str], None]) -> Tell:
    """Return what tells those whom a manifest names that a rollout ends; `failed` is told who was not."""

    async def tell(ended: Rollout, counts: Mapping[Status, int]) -> None:
        try:
            loaded = await to_thread.run_sync(partial(load, path, scope=Scope(tenants=False)))
        except DeployerError as error:
            failed(f"nobody was told of it: {error.what}")
            return
        await tell_end(loaded, Office(), ended, counts, told=said)

    def said(event: Event) -> None:
        if event.name == "notice.failed":
            failed(f"{event.fields['hook']} was not told of it: {event.fields['cause']}")

    return tell


async def examine_hooks(loaded: Loaded, office: Office) -> list[Finding]:
    """Say of each webhook whether its address can be had; nothing is sent."""
    return [_finding(name, reached) for name, _, reached in await _reached(loaded, office)]


def _finding(name: str, reached: URL | DeployerError) -> Finding:
    if isinstance(reached, DeployerError):
        return Finding("notify", Verdict.WARNING, f"{name}: {reached.what}", reached.remedy or "")
    return Finding("notify", Verdict.OK, f"{name} has an address")


async def _reached(loaded: Loaded, office: Office) -> list[tuple[str, Hook, URL | DeployerError]]:
    found: list[tuple[str, Hook, URL | DeployerError]] = []
    for index, hook in enumerate(loaded.manifest.notify):
        name = f"notify[{index}] ({hook.kind})"
        try:
            found.append((name, hook, await _address(hook, loaded, office)))
        except DeployerError as error:
            found.append((name, hook, error))
    return found


async def _address(hook: Hook, loaded: Loaded, office: Office) -> URL:
    """Return where a webhook is; raise UsageError for what is no place to tell anything."""
    base, env = loaded.path.parent, office.env
    text = await to_thread.run_sync(lambda: read_secret(hook.url, env=env, base=base, what="address of a webhook"))
    office.redactor.hide(text)
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host or ""))
    if not url.host or not safe or url.user is not None or url.password is not None:
        raise UsageError("its address is none of a webhook: it has to begin with https://", remedy=f"mend {hook.url}")
    if (url.host, url.port) in _ours(loaded.manifest):
        raise UsageError("its address is that of an account, which takes no notices", remedy=f"mend {hook.url}")
    return url


def _ours(manifest: Manifest) -> Iterator[tuple[str | None, int | None]]:
    for base in (*REGIONS.values(), *(account.base_url for account in manifest.accounts.values())):
        url = URL(base)
        yield url.host, url.port


def notice_of_rollout(
    rollout: Rollout, counts: Mapping[Status, int], *, occasion: Occasion, at: str, wave: str, manifest: str
) -> Notice:
    """Return what is told of a rollout that ended, or goes no further."""
    return Notice(
        occasion,
        at,
        rollout.name,
        rollout.outcome,
        reason=rollout.reason,
        rollout=rollout.id,
        kind=rollout.kind,
        plan=rollout.plan,
        who=rollout.who,
        started_at=rollout.started_at,
        wave=wave,
        counts={status.value: count for status, count in counts.items()},
        command=_next(rollout, counts, occasion, manifest),
    )


def _next(rollout: Rollout, counts: Mapping[Status, int], occasion: Occasion, manifest: str) -> str:
    if occasion is Occasion.WAITING:
        return typed("approve", manifest, "--plan", rollout.plan[:_DIGITS])
    if rollout.outcome in _OVER:
        return ""
    if any(counts[status] for status in OPEN):
        return typed("resume", manifest)
    return typed("resume", manifest, "--failed") if counts[Status.FAILED] else ""


def notice_of_firing(firing: Firing, *, at: str, manifest: str) -> Notice:
    """Return what is told of a time of a schedule that failed, or that nobody was there for."""
    return Notice(
        Occasion.FAILED_NIGHT,
        at,
        firing.of,
        "missed" if firing.state is State.SKIPPED else "failed",
        reason=firing.reason,
        rollout=firing.rollout,
        who=firing.who,
        counts=firing.counts,
        command=typed("schedule firings", manifest),
        firing=firing,
    )
