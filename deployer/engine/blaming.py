"""Find out who changed what a plan is in conflict over: for people, and never a reason to wait or to stop."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from deployer.domain.audit import last_editor
from deployer.domain.plan import Planned
from deployer.engine.accounts import OpenAccount
from deployer.integrator.wire import Done

_MOST: Final = 20  # conflicts of a page of tenants that are asked about: nobody reads more, and each costs a request


async def blamed(accounts: Mapping[str, OpenAccount], decided: Sequence[Planned]) -> list[Planned]:
    """Return the tenants, the first of those in conflict with who changed it last, as far as their accounts tell."""
    fought = [(planned, planned.fought) for planned in decided if planned.fought and planned.account in accounts]
    silent: set[str] = set()  # an account that does not tell would be asked in vain for each tenant
    editors: dict[str, str] = {}
    for planned, what in fought[:_MOST]:
        if planned.account in silent:
            continue
        outcome = await accounts[planned.account].client.audit(what.kind, what.id)
        if isinstance(outcome, Done):
            editors[planned.tenant] = last_editor(outcome.value)
        else:
            silent.add(planned.account)
    return (
        [replace(planned, changed_by=editors.get(planned.tenant, "")) for planned in decided]
        if editors
        else list(decided)
    )
