"""Entries as an engine would write them."""

from deployer.domain.deployment import Deployment, Instance, Moment
from deployer.domain.documents import Document
from deployer.domain.lifecycle import Event
from deployer.journal.protocol import Entry

AT = "2026-03-01T10:00:00+00:00"
NOW = Moment("boot", 5.0)


def entry(
    deployment: Deployment,
    event: Event,
    facts: Document | None = None,
    *,
    index: int = 0,
    instance: Instance | None = None,
) -> Entry:
    """Return what is written when a step of the deployment meets the event."""
    step = deployment.steps[index].meet(event, facts, intent=NOW if event is Event.INTEND else None)
    return Entry(deployment, index, event, step, AT, facts or {}, instance)


def after(written: Entry) -> Deployment:
    """Return the deployment as it is once the entry is written."""
    return written.deployment.moved(written.index, written.step)
