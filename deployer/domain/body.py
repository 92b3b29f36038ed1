"""The body of a PUT: the live flow as it is, but for what is ours; and what its answer proves."""

from collections.abc import Iterable, Mapping

from deployer.domain.documents import MISSING, Document, Path, Value, at, dotted, fingerprint, put, same
from deployer.domain.identity import is_newborn, marker_line, with_marker_line, without_marker_line
from deployer.domain.masking import holds_mask, masked_paths
from deployer.domain.merge3 import WRITES, Change, apply, live_value
from deployer.domain.plan import Planned

_STAMPS = frozenset({"lastModified", "lastExecutedAt"})


def body_of(live: Document, changes: Iterable[Change], planned: Planned, *, rollout: str | None, name: str) -> Document:
    """Return what is PUT: a newborn gets its real name, and the description the marker's line of `rollout`.

    `rollout` is None where the manifest wants no marker; `name` is what a newborn is called if nobody says.
    """
    body = written(live, changes)
    if is_newborn(body, planned.key.marker):
        body = {**body, "name": name}
    if rollout is not None:
        line = marker_line(rollout, planned.key)
        body = {**body, "description": with_marker_line(at(body, ("description",)), line)}
    return body


def is_marked(flow: Document) -> bool:
    """Tell whether a flow's description holds a line that says who manages it."""
    description = at(flow, ("description",))
    return description is not MISSING and not same(description, without_marker_line(description))


def unmarked(flow: Document) -> Document:
    """Return a flow without such a line."""
    return put(flow, ("description",), without_marker_line(at(flow, ("description",))))


def masked(live: Document, changes: Iterable[Change]) -> list[str]:
    """Return the fields that would be PUT as they read back, masked: there is no value of ours for them."""
    changes = tuple(changes)
    if not (holds_mask(live) or any(holds_mask(change.desired) for change in changes)):
        return []
    return [dotted(path) for path in masked_paths(written(live, changes))]


def written(live: Document, changes: Iterable[Change]) -> Document:
    """Return a document as it is PUT: secrets of ours are as we want them, not as they read back."""
    changes = tuple(changes)
    body = apply(live, changes)
    for change in changes:
        if change.desired is not MISSING and holds_mask(at(body, change.path)):
            body = put(body, change.path, change.desired)
    return body


def is_settled(live: Document, fields: Mapping[Path, Value], planned: Planned) -> bool:
    """Tell whether a flow already is what was wanted, so that nothing has to be written."""
    wanted = all(same(live_value(live, path), value) for path, value in fields.items())
    return wanted and not is_newborn(live, planned.key.marker)


def others(document: Document, fields: Iterable[Path]) -> str:
    """Return the fingerprint of all that is not ours: it differs if somebody else wrote."""
    ours = _ours(fields)
    return fingerprint({key: value for key, value in document.items() if key not in ours})


def strayed(body: Document, answer: Document, fields: Iterable[Path]) -> list[str]:
    """Return the fields that are not ours and that the answer to a PUT holds otherwise than they were sent."""
    kept = (body.keys() | answer.keys()) - _ours(fields)
    return sorted(key for key in kept if not same(at(body, (key,)), at(answer, (key,))))


def _ours(fields: Iterable[Path]) -> set[str]:
    return {path[0] for path in fields} | _STAMPS


def ignored(changes: Iterable[Change], answer: Document) -> list[str]:
    """Return the fields that the server left as they were although it was told otherwise."""
    return [
        dotted(change.path)
        for change in changes
        if change.verdict in WRITES
        and not same(change.live, change.desired)
        and same(back := live_value(answer, change.path), change.live)
        and not holds_mask(back)
        and not _blank_alike(change)
    ]


def _blank_alike(change: Change) -> bool:
    """Tell whether a field is empty before and after, or a description differs in blanks at its ends: servers trim."""
    values = (change.live, change.desired)
    texts = {value.strip() if isinstance(value, str) else "" for value in values}
    return all(value is None or value is MISSING for value in values) or (
        change.path == ("description",) and len(texts) == 1
    )
