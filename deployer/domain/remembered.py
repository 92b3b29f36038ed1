"""What the journal knows that bears on a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.domain.deployment import Instance
from deployer.domain.lifecycle import State
from deployer.domain.template import Template


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the journal knows of an account's tenants that bears on a plan, by integration.

    `homes` gives the integration in which a tenant's flow was left; `unsettled` why nothing may start there yet; `owed`
    the runs that the last rollout left READY or FAILED; `revisions`, by themselves, what those of the instances hold.
    """

    instances: Mapping[str, Instance] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)
    unsettled: Mapping[str, str] = field(default_factory=dict)
    owed: Mapping[str, State] = field(default_factory=dict)
    revisions: Mapping[str, Template] = field(default_factory=dict)
