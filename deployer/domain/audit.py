"""Who changed something last, as an audit log tells it. Its entries are documented nowhere: nothing is relied upon."""

from collections.abc import Sequence

from deployer.domain.documents import Document

_WHOSE = ("byUser", "user")
_NAMES = ("name", "email", "_id")


def last_editor(entries: Sequence[Document]) -> str:
    """Return the name, address or id of whoever made the newest entry that names somebody; empty where none does."""
    newest_first = sorted(entries, key=lambda entry: str(entry.get("time", "")), reverse=True)
    return next(filter(None, map(_editor, newest_first)), "")


def _editor(entry: Document) -> str:
    for whose in _WHOSE:
        user = entry.get(whose)
        if isinstance(user, dict):
            return next((name for key in _NAMES if isinstance(name := user.get(key), str) and name), "")
    user = entry.get("_byUserId")
    return user if isinstance(user, str) else ""
