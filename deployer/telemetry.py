"""Log events: a closed list, fields instead of prose, context bound once, secrets taken out last."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from deployer.domain.deployment import OPEN, Deployment
from deployer.domain.documents import Document

EVENTS: Final = frozenset(
    {
        "account.opened",
        "account.refused",
        "account.halted",
        "account.waiting",
        "request.answered",
        "rollout.started",
        "rollout.ended",
        "step.moved",
        "step.waiting",
        "tenant.rested",
        "surplus.found",
        "fields.strayed",
    }
)

_HIDDEN: Final = "***"
_Event = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a name of the list, when (UTC, ISO-8601), and what there is to know of it."""

    name: str
    at: str
    fields: Document

    def __post_init__(self) -> None:
        if self.name not in EVENTS:
            raise ValueError(f"{self.name} is not an event")


class Redactor:
    """Replaces every known secret, whatever text it got into. It comes last, so nothing can be added after it."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def hide(self, secret: str) -> None:
        """Replace this value from now on."""
        self._secrets.add(secret)

    def clean(self, text: str) -> str:
        """Return a text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def around(self, renderer: Processor) -> Processor:
        """Return the last processor: what the renderer makes, without any secret."""
        return lambda logger, method, event: self.clean(str(renderer(logger, method, event)))


def known_event(_logger: object, _method: str, event: _Event) -> _Event:
    """Refuse an event that is not on the list: a typo would be a second word for one thing."""
    if event["event"] not in EVENTS:
        raise ValueError(f"{event['event']} is not an event")
    return event


def new_log(stream: TextIO, *, level: int, console: bool, redactor: Redactor) -> FilteringBoundLogger:
    """Return a log that writes lines of text for a terminal, or else JSON lines; nothing process-wide is touched."""
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            known_event,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redactor.around(renderer),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return log


class LogWatcher:
    """Writes what a rollout does to the log: every step on debug, every tenant that comes to rest on info."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    def moved(self, before: Deployment, after: Deployment) -> None:
        """Log the steps that changed, and the tenant if it rests now."""
        planned = after.planned
        log = self._log.bind(rollout=after.rollout, tenant=planned.tenant, account=planned.account)
        for old, new in zip(before.steps, after.steps, strict=True):
            if old != new:
                log.debug("step.moved", step=new.kind.value, state=new.state.value, attempt=new.attempts)
            if old != new and (surplus := new.facts.get("surplus")):
                log.warning("surplus.found", step=new.kind.value, flows=surplus)
            if old != new and (strayed := new.facts.get("strayed")):
                log.warning("fields.strayed", step=new.kind.value, fields=strayed)
        if after.status not in OPEN and before.status in OPEN:
            log.info("tenant.rested", status=after.status.value, flow=after.flow, error=after.error)

    def waiting(self, deployment: Deployment, seconds: float, why: str) -> None:
        """Log that a tenant is put aside."""
        log = self._log.bind(rollout=deployment.rollout, tenant=deployment.planned.tenant)
        log.debug("step.waiting", seconds=round(seconds, 3), why=why)

    def held(self, account: str, seconds: float, why: str) -> None:
        """Log that an account waits before it begins."""
        self._log.warning("account.waiting", account=account, seconds=round(seconds, 3), why=why)

    def halted(self, account: str, cause: str) -> None:
        """Log that an account stopped."""
        self._log.error("account.halted", account=account, cause=cause)
