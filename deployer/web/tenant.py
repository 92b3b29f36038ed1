"""The page of one tenant: its steps, and everything that happened to it."""

from shlex import quote

from deployer.api.watching import Status
from deployer.domain.command import typed
from deployer.domain.documents import Document
from deployer.report.fields import owned_fields
from deployer.report.history import tenant_document
from deployer.report.text import value_text, words
from deployer.web.rendering import Page, region
from deployer.web.rollouts import rollout_address, wave_name
from deployer.web.site import MissingError, Site

_FACT = 120  # columns of what is told of an event
_NOBODY = dict.fromkeys(Status, 0)


async def one_tenant(site: Site, rollout: str, row: int) -> Page:
    """Return the page of a tenant, which is the one in a row of the plan."""
    async with site.look() as book:
        found = await site.find(book, rollout)
        deployment = next(iter(await book.deployments_at(rollout, [row - 1])), None)
        if deployment is None:
            raise MissingError(f"rollout {rollout} has no tenant in row {row}")
        tenant = deployment.planned.tenant
        wave = wave_name(await site.watch.plan(book, rollout), deployment)
        told = tenant_document(found, _NOBODY, deployment, await book.happenings(deployment))
    events = [{**event, "facts": _facts(event["facts"])} for event in told["events"]]
    facts = region(
        "history",
        told={**told, "events": events},
        wave=wave,
        fields=owned_fields(deployment.planned, deployment.known),
        integration=deployment.planned.integration,
        commands=_commands(site.manifest_of(found), tenant, deployment.status),
        rollout=found,
        address=rollout_address(rollout),
    )
    headline = f"{tenant} {words(deployment.status)}"
    return Page("tenant", tenant, {"history": facts}, headline)


def _facts(facts: Document) -> list[tuple[str, str]]:
    return [(key, value_text(value, most=_FACT)) for key, value in facts.items()]


def _commands(manifest: str, tenant: str, status: Status) -> list[tuple[str, str]]:
    """Return what to type next about a tenant."""
    of = () if manifest == "rollout.yaml" else (quote(manifest),)
    commands = [("where its values come from", typed("explain", tenant, *["-m" for _ in of], *of))]
    if status in {Status.FAILED, Status.UNKNOWN}:
        commands.append(("decide what became of it", typed("resolve", tenant, *of, "--took ID | --retry | --skip")))
    return commands
