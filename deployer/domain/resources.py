"""What a tenant has besides its flow: its integration, and the copies of the exports and imports the template uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from deployer.domain.documents import Path, Value
from deployer.domain.merge3 import RECORDS, WRITES, Change, Memory


class ResourceKind(StrEnum):
    """What a resource is."""

    INTEGRATION = "integration"
    EXPORT = "export"
    IMPORT = "import"


PARTS: Final = (ResourceKind.EXPORT, ResourceKind.IMPORT)  # what a clone copies


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Which resource of a tenant: of an export or import, `source` is the template's own, which it is a copy of."""

    kind: ResourceKind
    source: str = ""


INTEGRATION: Final = ResourceKey(ResourceKind.INTEGRATION)


@dataclass(frozen=True, slots=True)
class ResourceMemory:
    """A resource as we left it."""

    id: str
    last_modified: str = ""
    fields: Mapping[Path, Memory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedResource:
    """What is to become of one resource of a tenant.

    `label` is what the manifest calls it; `id` is None where it is found once the flow is made, or it is. `base` holds
    what the revision before had of the fields that are carried from the template. One that `is_copied` is made first,
    since only the new revision uses it.
    """

    key: ResourceKey
    label: str
    id: str | None
    fields: Mapping[Path, Value] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    last_modified: str = ""
    base: Mapping[Path, Value] = field(default_factory=dict)
    is_copied: bool = False

    @property
    def is_written(self) -> bool:
        """Tell whether it takes a step of its own."""
        return any(change.verdict in WRITES for change in self.changes)

    @property
    def is_recorded(self) -> bool:
        """Tell whether there is something to remember without any step."""
        return not self.is_written and any(change.verdict in RECORDS for change in self.changes)
