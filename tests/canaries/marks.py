"""Texts that are recognised wherever they turn up: of an account's token, of a tenant's name, of a tenant's secret."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

Row = Mapping[str, str]

TOKEN: Final = re.compile(rb"tkn[0-9a-f]{12}")
SECRET: Final = re.compile(rb"hush[0-9a-f]{12}")
_ALONE: Final = ("integration", "github", "slack", "usage_api", "crm", "github_export", "slack_import")
"""The columns of ids that are one tenant's alone."""
TURNS: Final = ("first", "second")


def token(account: str) -> str:
    """Return a token whose halves are found although it was escaped, shortened or split at what is between them."""
    return f'{_mark("tkn", account)}"\\%+{_mark("tkn", account, "end")}'


def marked(row: Row) -> dict[str, str]:
    """Return a tenant whose name is recognised as its own."""
    return {**row, "name": f"{row['name']} {_mark('name', row['integration'])}"}


def secret(row: Row, turn: str = "first") -> str:
    """Return a secret of a tenant, which is recognised as its own; it has another one at each turn."""
    return _mark("hush", row["integration"], turn)


def key() -> str:
    """Return a key of secrets' hashes that is found wherever it turns up."""
    return "-".join(_mark("hush", "key", part) for part in ("one", "two", "three"))


def owners(rows: Iterable[Row]) -> dict[str, tuple[str, str]]:
    """Map each text that is one tenant's alone to its account and integration."""
    return {
        text: (row["account"], row["integration"])
        for row in rows
        for text in (
            *(row[column] for column in _ALONE if column in row),
            _mark("name", row["integration"]),
            *(secret(row, turn) for turn in TURNS),
        )
    }


def _mark(kind: str, *whose: str) -> str:
    return f"{kind}{sha256(' '.join((kind, *whose)).encode()).hexdigest()[:12]}"
