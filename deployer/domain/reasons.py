"""Why a tenant of a plan is blocked, and what else there is to know of it, as sentences."""

from collections.abc import Sequence

from deployer.domain.body import masked
from deployer.domain.documents import Document
from deployer.domain.identity import says_managed
from deployer.domain.masking import MASK_REMEDY, is_masked, mask_reason
from deployer.domain.merge3 import CONFLICTS, Change, Verdict
from deployer.domain.plan import Planned
from deployer.domain.structure import STRUCTURE


def surplus(flows: Sequence[str]) -> str:
    """Tell of other flows that carry our marker."""
    return f"surplus copies that carry our marker too: flow {', '.join(flows)}; left as they are" if flows else ""


def doubt(flows: Sequence[Document]) -> str:
    """Say which flows may be the tenant's without its marker, and how to take one over."""
    ids = ", ".join(str(flow["_id"]) for flow in flows)
    others = any(map(says_managed, flows))
    whose = "with the marker of another template or tenant" if others else "without our marker"
    return f"may be here already, {whose}: flow {ids}; take it over: deployer adopt TENANT ID"


def elsewhere(tenant: str, flow: Document) -> str:
    """Say where a tenant's flow lies that somebody moved."""
    where = f"flow {flow['_id']} lies in integration {flow.get('_integrationId')} now"
    return f"moved outside: {where}; move it back, or leave it there: --recreate {tenant}"


def conflict(planned: Planned) -> str:
    """Return what is in conflict, and what ends it; a choice ends none of what cannot be read or told apart."""
    tenant = planned.tenant
    if not planned.is_fought:
        return ""
    unclear = [path for path, change in planned.every_change if change.verdict is Verdict.AMBIGUOUS]
    if unclear:
        return f"conflict in {', '.join(unclear)}: its elements cannot be told apart; mend the flow"
    fought = {path: change for path, change in planned.every_change if change.verdict in CONFLICTS}
    what = "structure" if planned.upgrade and next(iter(fought)).startswith(STRUCTURE) else "conflict"
    said = f"{what} in {', '.join(fought)}: changed here and there"
    if all(is_masked(change.live) for change in fought.values()):
        return f"{said}, and reads back masked; choose --ours {tenant}, or take it out of the manifest"
    return f"{said}; choose --ours {tenant} or --theirs {tenant}"


def unwritable(live: Document, changes: Sequence[Change]) -> str:
    """Return why a document cannot be PUT, where a secret of it reads back masked."""
    held = masked(live, changes)
    return f"{mask_reason(held)}; {MASK_REMEDY}" if held else ""


def drift(planned: Planned) -> str:
    """Say what was changed outside, if anything."""
    if not planned.is_drifted:
        return ""
    drifted = [path for path, change in planned.every_change if change.verdict is Verdict.DRIFT]
    return f"drift in {', '.join(drifted)}: changed outside, left as it is"
