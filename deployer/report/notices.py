"""Notices as webhooks take them: a document for programs, and messages for Slack and Teams in which no name acts."""

from collections.abc import Iterator
from typing import Final, Literal

from deployer.domain.documents import Document, Json
from deployer.domain.notice import Notice
from deployer.domain.notify import Occasion
from deployer.report.schedules import firing_row
from deployer.report.text import cut, plain

_FORMAT: Final = 1
_TITLE, _LINE = 150, 500  # columns at most: escaped five times as long, a line still fits into a block of Slack
_CARD: Final = "application/vnd.microsoft.card.adaptive"
_SCHEMA: Final = "http://adaptivecards.io/schemas/adaptive-card.json"


def notice_body(notice: Notice, kind: Literal["json", "slack", "teams"]) -> Document:
    """Return what is sent to a webhook of a kind."""
    match kind:
        case "json":
            return notice_document(notice)
        case "slack":
            return slack_message(notice)
        case "teams":
            return teams_message(notice)


def notice_document(notice: Notice) -> Document:
    """Return a notice for a program; `id` is the same where it is told again."""
    return {
        "format_version": _FORMAT,
        "event": notice.occasion.value,
        "id": notice.id,
        "at": notice.at,
        "name": notice.name,
        "rollout": notice.rollout or None,
        "kind": notice.kind or None,
        "plan": notice.plan or None,
        "who": notice.who or None,
        "started_at": notice.started_at or None,
        "outcome": notice.outcome,
        "reason": notice.reason or None,
        "wave": notice.wave or None,
        "counts": dict(notice.counts),
        "command": notice.command or None,
        "firing": firing_row(notice.firing) if notice.firing else None,
    }


def slack_message(notice: Notice) -> Document:
    """Return a notice as an incoming webhook of Slack takes it."""
    title = _escaped(_title(notice))
    texts = [f"*{title}*", *map(_escaped, _lines(notice))]
    texts += [f"`{_escaped(_command(notice))}`"] if notice.command else []
    blocks: list[Json] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}} for text in texts
    ]
    return {"text": title, "unfurl_links": False, "unfurl_media": False, "blocks": blocks}


def teams_message(notice: Notice) -> Document:
    """Return a notice as a webhook of Teams' Workflows takes it: runs of text, since blocks of text are Markdown."""
    body: list[Json] = [_runs(_title(notice), weight="Bolder", size="Medium"), *map(_runs, _lines(notice))]
    body += [_runs(_command(notice), fontType="Monospace")] if notice.command else []
    card: Document = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.2", "body": body}
    return {"type": "message", "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}]}


def _title(notice: Notice) -> str:
    name = plain(notice.name)
    match notice.occasion:
        case Occasion.WAITING if notice.wave:
            said = f"{name} waits for approval after {plain(notice.wave)}"
        case Occasion.WAITING:
            said = f"{name} waits for somebody to look at it"
        case Occasion.FAILED_NIGHT if notice.firing:
            said = f"{name}: {plain(notice.firing.schedule)} of {plain(notice.firing.local)} {notice.outcome}"
        case _:
            said = f"{name} {notice.outcome.replace('_', ' ')}"
    return cut(said, _TITLE)


def _lines(notice: Notice) -> Iterator[str]:
    if any(notice.counts.values()):
        yield ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in notice.counts.items() if count)
    if (reason := plain(notice.reason)) and not notice.wave:  # which the title has said
        yield cut(reason, _LINE)
    if notice.rollout:
        by = f", by {plain(notice.who)}" if notice.who else ""
        yield cut(f"rollout {plain(notice.rollout)}{by}", _LINE)


def _command(notice: Notice) -> str:
    return cut(plain(notice.command), _LINE)


def _escaped(text: str) -> str:
    """Escape what Slack takes for links, mentions and channels."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _runs(text: str, **style: str) -> Document:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
