"""What was observed of one account: facts, gathered elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployer.domain.documents import Document
from deployer.domain.resources import ResourceKey
from deployer.domain.revisions import Upgrade
from deployer.domain.template import Template


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One account at one moment. `flows` holds, by integration, each flow that may be ours."""

    account: str
    base_url: str
    user: str
    template: Template
    integrations: Mapping[str, str]  # id → name
    connections: Mapping[str, str]  # id → name
    flows: Mapping[str, Sequence[Document]] = field(default_factory=dict)
    resources: Mapping[str, Mapping[ResourceKey, Document]] = field(
        default_factory=dict
    )  # by integration, what a plan is about besides its flow
    upgrades: Mapping[str, Upgrade] = field(default_factory=dict)  # by the revision that they begin with
    unreadable: Mapping[str, str] = field(default_factory=dict)  # integration → why its flows cannot be read
