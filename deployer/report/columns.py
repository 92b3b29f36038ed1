"""What the lists of tenants and of rollouts show."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from deployer.domain.deployment import Status
from deployer.domain.documents import Document
from deployer.domain.pins import REVISION_DIGITS
from deployer.journal.protocol import Rollout
from deployer.report.listing import Column, Listing, Row
from deployer.report.text import duration
from deployer.report.tracks import WAITS

_DIGITS = 12  # of a digest, to type
_FORMAT = 1


def _key(key: str) -> Callable[[Row], object]:
    return lambda row: row[key]


def _error(key: str) -> Callable[[Row], object]:
    return lambda row: (row["error"] or {}).get(key)


def _trouble(row: Row) -> str:
    """Return an error in a phrase: its code, unless that is the outcome, and what is said."""
    error = row["error"]
    if not error:
        return ""
    return str(error["message"]) if error["code"] == row["outcome"] else f"{error['code']}: {error['message']}"


def _waited(what: str) -> Callable[[Row], object]:
    return lambda row: row["waited"].get(what)


def _changes(row: Row) -> str:
    return " ".join(change["path"] for change in row["changes"] if change["verdict"] != "no_change")


def _second(key: str) -> Callable[[Row], object]:
    """Return how a time, which is UTC, is shown: to the second."""
    return lambda row: f"{row[key][:19]}Z" if row[key] else ""


def _took(row: Row) -> str:
    """Return how long a rollout was open; nothing while it may go on."""
    if not row["ended_at"]:
        return ""
    spent = datetime.fromisoformat(row["ended_at"]) - datetime.fromisoformat(row["started_at"])
    return duration(max(0.0, spent.total_seconds()))


def _count(status: str) -> Callable[[Row], object]:
    return lambda row: row["counts"][status]


OUTCOMES: Final = Listing(
    "tenants",
    (
        Column("tenant", _key("tenant")),
        Column("outcome", _key("outcome")),
        Column("action", _key("action")),
        Column("account", _key("account")),
        Column("flow", _key("flow"), wide=True),
        Column("revision", lambda row: (row["revision"] or "")[:REVISION_DIGITS], wide=True),
        Column("jobs", _key("jobs"), wide=True),
        Column("field", _error("field"), wide=True),
        Column("status", _error("status"), wide=True),
        Column("remedy", _error("remedy"), wide=True),
        Column("error", _trouble),
    ),
)
REPORTED: Final = Listing(
    "tenants",
    (
        *OUTCOMES.columns[:4],
        Column("wave", _key("wave")),
        Column("begun", _key("begun_at")),
        Column("ended", _key("ended_at")),
        Column("seconds", _key("seconds")),
        *(Column(f"waited_{what}", _waited(what)) for what in WAITS),
        *OUTCOMES.columns[4:],
    ),
)
PLANNED: Final = Listing(
    "tenants",
    (
        Column("tenant", _key("tenant")),
        Column("action", _key("action")),
        Column("account", _key("account")),
        Column("wave", _key("wave")),
        Column("changes", _changes, wide=True),
        Column("reason", _key("reason")),
    ),
)
ROLLOUTS: Final = Listing(
    "rollouts",
    (
        Column("rollout", _key("rollout"), whole=True),
        Column("outcome", _key("outcome")),
        Column("started", _second("started_at")),
        Column("took", _took),
        Column("done", _count("done")),
        Column("failed", _count("failed")),
        Column("who", _key("who")),
        Column("kind", _key("kind")),
        Column("ended", _second("ended_at"), wide=True),
        Column("reason", _key("reason"), wide=True),
        Column("manifest", lambda row: row["manifest"][:_DIGITS], wide=True),
        Column("plan", lambda row: row["plan"][:_DIGITS]),
    ),
)


def rollouts_head() -> Document:
    """Return what stands before the list of rollouts in a document."""
    return {"format_version": _FORMAT}


def rollout_row(rollout: Rollout, counts: Mapping[Status, int]) -> Document:
    """Return a rollout as the history shows it, with its tenants counted by status."""
    return {
        "rollout": rollout.id,
        "name": rollout.name,
        "kind": rollout.kind,
        "outcome": rollout.outcome,
        "reason": rollout.reason,
        "who": rollout.who,
        "started_at": rollout.started_at,
        "ended_at": rollout.ended_at,
        "plan": rollout.plan,
        "manifest": rollout.manifest_digest,
        "counts": {status.value: count for status, count in counts.items()},
    }
