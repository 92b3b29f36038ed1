"""What an examination found, as a document for programs and as text for people."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from platform import python_version
from typing import Any, Final

from deployer.domain.checkup import Finding, Verdict
from deployer.report.text import padded, plain, wrapped
from deployer.version import __version__

_FORMAT: Final = 1
_SIGNS: Final = {Verdict.OK: "ok", Verdict.WARNING: "!", Verdict.PROBLEM: "x"}
_CHECK, _HANG = 14, 17  # columns
_FEW: Final = 3  # who are all named


def checkup_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as `--json` shows them."""
    versions = {"deployer": __version__, "python": python_version()}
    return {"format_version": _FORMAT, **versions, "findings": list(map(asdict, findings))}


def checkup_text(findings: Sequence[Finding], *, width: int) -> str:
    """Return what people read: a line a finding, and how to mend it below."""
    lines = [f"deployer {__version__} on Python {python_version()}", ""]
    for found in findings:
        lines += _lines(found, width)
    return "\n".join(lines)


def _lines(found: Finding, width: int) -> Iterator[str]:
    start = padded(_SIGNS[found.verdict], 3) + padded(plain(found.check), _CHECK)
    yield from wrapped(start, [_said(found)], width=width, hang=_HANG, gap="")
    if found.remedy:
        yield from wrapped(" " * _HANG + "→ ", [plain(found.remedy)], width=width, hang=_HANG + 2, gap="")


def _said(found: Finding) -> str:
    return plain(f"{_who(found)}{found.what}{found.detail and ' '}{found.detail}")


def _who(found: Finding) -> str:
    if not found.noun:
        return ""
    if found.count <= _FEW:
        return f"{', '.join(found.names)}: "
    named = "" if found.verdict is Verdict.OK else f" ({', '.join(found.names)}, …)"
    return f"{found.count} {found.noun}{named}: "
