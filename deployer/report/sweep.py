"""What a sweep found, as a document for programs and as text for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from deployer.domain.command import typed
from deployer.domain.sweeping import Copy, Removal, Stray
from deployer.report.text import plain, wrapped

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep comes to; `refused` are the accounts that could not be looked through, and why."""

    copies: Sequence[Copy]
    strays: Sequence[Stray]
    refused: Mapping[str, str]
    removals: Sequence[Removal] | None = None

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is there, any more, that should not be."""
        left = self.copies if self.removals is None else [each for each in self.removals if each.left]
        return not (left or self.strays or self.refused)

    @property
    def document(self) -> dict[str, Any]:
        """Return what `--json` shows."""
        return {
            "format_version": _FORMAT,
            "copies": [asdict(copy) for copy in self.copies],
            "strays": [asdict(stray) for stray in self.strays],
            "refused": [{"account": account, "reason": why} for account, why in self.refused.items()],
            "removals": [asdict(each) for each in self.removals or ()],
        }

    def text(self, *, width: int, manifest: str) -> str:
        """Return what people read: every id, and what is known of it."""
        lines = [*map(_copy, self.copies), *map(_stray, self.strays)]
        lines = lines or ["nothing is there that should not be"]
        lines += [f"not swept: account {account}: {plain(why)}" for account, why in self.refused.items()]
        if self.removals is not None:
            lines += map(_removal, self.removals)
        if self.strays:
            lines.append("Look at each part in integrator.io, and delete there what is not needed.")
        told = [part for line in lines for part in wrapped("", [line], width=width, hang=2)]
        if self.copies and self.removals is None:  # the command to type is never broken
            told.append("Nothing was deleted. To delete what is provably ours and untouched:")
            told.append(f"  {typed('sweep', plain(manifest), '--delete')}")
        return "\n".join(told)


def _copy(copy: Copy) -> str:
    whose = "which the manifest does not name" if copy.tenant is None else f"of {plain(copy.tenant)}"
    state = copy.doubt or "nobody has touched it since it was cloned"
    where = f"{copy.account}, integration {copy.integration}, {whose}"
    return f"surplus flow {copy.flow} ({where}), beside flow {copy.instance}: {plain(state)}"


def _removal(removal: Removal) -> str:
    what = f"{removal.kind} {removal.id} ({removal.account})"
    return f"left {what}: {plain(removal.left)}" if removal.left else f"deleted {what}"


def _stray(stray: Stray) -> str:
    return f"{stray.kind} {stray.id} ({stray.account}), cloned from {stray.source} of the template: no flow uses it"
