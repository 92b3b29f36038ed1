"""Templates as accounts have them now, against those that a plan was made with."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from deployer.domain.documents import Document
from deployer.domain.plan import Plan, PlannedAccount
from deployer.domain.template import Template
from deployer.engine.accounts import Accounts, OpenAccount
from deployer.engine.observe import Aim, read_template
from deployer.engine.pool import each
from deployer.errors import AccountError, GuardError
from deployer.journal.protocol import Journal

_AT_ONCE = 32


async def changed_templates(
    plan: Plan, accounts: Accounts, document: Document | None, names: Iterable[str] | None = None
) -> list[str]:
    """Return the accounts, of those named or of all, whose template is not the one that was planned with.

    `document` is the template where that is a file.
    """
    changed: set[str] = set()

    async def look(name: str) -> None:
        with suppress(AccountError):  # which is for the account to meet, and for it alone
            planned = plan.accounts[name]
            if (await _now(accounts.opened[name], planned, document)).revision != planned.revision:
                changed.add(name)

    wanted = set(plan.accounts if names is None else names)
    known = [name for name in accounts.opened if name in plan.accounts and name in wanted]
    await each(known, look, workers=_AT_ONCE)
    return [name for name in known if name in changed]


async def new_revisions(plan: Plan, accounts: Accounts, journal: Journal) -> Collection[Template]:
    """Return what the revisions of a plan hold that the journal does not have yet.

    Raise GuardError where a template changed since the plan was made.
    """
    found: dict[tuple[str, str], Template] = {}
    changed: list[str] = []

    async def look(name: str) -> None:
        planned = plan.accounts[name]
        key = (planned.template, planned.revision)
        if key in found or planned.revision in await journal.revisions(planned.template, [planned.revision]):
            return
        template = await _now(accounts.opened[name], planned, None)
        if template.revision != planned.revision:
            changed.append(name)
        found[key] = template

    await each([name for name in plan.accounts if name in accounts.opened], look, workers=_AT_ONCE)
    if changed:
        raise GuardError(f"the template in {', '.join(sorted(changed))} changed since the plan", remedy="plan again")
    return found.values()


async def _now(account: OpenAccount, planned: PlannedAccount, document: Document | None) -> Template:
    return await read_template(account, Aim(planned.template, document, None))
