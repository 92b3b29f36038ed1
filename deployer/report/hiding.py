"""What is named like a secret is shown to nobody: not in a plan, and not in a request to copy."""

import re
from typing import Final

from deployer.domain.documents import MISSING, Document, Json, Value
from deployer.domain.masking import is_sealed

HIDDEN: Final = "***"
_MASKED: Final = "******"  # as the platform itself shows a secret
_SECRET: Final = re.compile("password|passwd|passphrase|secret|token|apikey|authorization|credential|privatekey")


def redacted(value: Json) -> Json:
    """Return a value in which everything that is named like a secret is hidden, as are headers of such a name."""
    match value:
        case dict():
            return {key: _entry(value, key) for key in value}
        case list():
            return [redacted(item) for item in value]
        case str() if is_sealed(value):
            return HIDDEN
        case _:
            return value


def _entry(owner: Document, key: str) -> Json:
    value = owner[key]
    header = owner.get("name") if key == "value" else None  # {"name": "Authorization", "value": "…"}
    if not any(isinstance(name, str) and is_secret(name) for name in (key, header)):
        return redacted(value)
    return _hidden(value)


def is_secret(name: str) -> bool:
    """Tell whether whoever named something so meant a secret."""
    return bool(_SECRET.search(re.sub("[^a-z]", "", name.lower())))


def shown(path: str, value: Value) -> Value:
    """Return what is shown of the value at a path, whose steps are parted by dots."""
    if value is MISSING or is_sealed(value):  # of which nothing can be told
        return value
    return redacted(value) if not any(map(is_secret, path.split("."))) else _hidden(value)


def _hidden(value: Json) -> Json:
    return value if value is None or isinstance(value, bool) or value == _MASKED else HIDDEN
