"""What makes a flow ours: the instance key, the marker that is its hash, and where the marker is written."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.domain.documents import MISSING, Json, Value

NAME_LIMIT = 255  # characters, documented for a flow's name
_LINE_START = "Managed by deployer · "
_LINE = re.compile(rf"(?:\A|\n\n|^){_LINE_START}.*$", re.MULTILINE)  # with the blank line that sets it off


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """One live flow a template has in one tenant: `template` is a flow id, or the slug of a file template."""

    template: str
    integration: str

    @property
    def marker(self) -> str:
        """Return the 16 hex digits that any operator computes alike: no attempt, no journal, no clock in it."""
        text = f"{self.template}\n{self.integration}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def birth_name(final: str, key: InstanceKey) -> str:
    """Return the name a flow is born with: its marker can be found even if the answer is lost."""
    tail = f" · {key.marker}"
    return final[: NAME_LIMIT - len(tail)] + tail


def marker_line(rollout: str, key: InstanceKey) -> str:
    """Return the line that tells people, and a deployer without its journal, who manages the flow."""
    return f"{_LINE_START}{rollout} · {key.marker}"


def without_marker_line(description: Value) -> Value:
    """Strip every such line, also one that the template itself was born with; nothing left is MISSING."""
    if not isinstance(description, str) or _LINE_START not in description:
        return description
    return _LINE.sub("", description) or MISSING


def says_managed(flow: Mapping[str, Json]) -> bool:
    """Tell whether a flow's description has such a line, whosever it is."""
    description = flow.get("description")
    return isinstance(description, str) and _LINE.search(description) is not None


def with_marker_line(description: Value, line: str) -> str:
    """Return the description ending with the marker's line, once."""
    bare = without_marker_line(description)
    return f"{bare}\n\n{line}" if isinstance(bare, str) and bare else line


def carries(flow: Mapping[str, Json], marker: str) -> bool:
    """Tell whether a flow carries the marker: people rename and copy, servers trim, so only the token counts."""
    return any(marker in text for field in ("name", "description") if isinstance(text := flow.get(field), str))


def is_newborn(flow: Mapping[str, Json], marker: str) -> bool:
    """Tell whether a flow still has its birth name, so that nothing was configured yet."""
    name = flow.get("name")
    return isinstance(name, str) and marker in name
