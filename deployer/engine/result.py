"""What performing a move comes to, and the judgements that every kind of step shares."""

from dataclasses import dataclass

from deployer.domain.deployment import Deployment, Step
from deployer.domain.lifecycle import Event, State
from deployer.domain.moves import overslept
from deployer.engine.desk import Case, Desk, failure, refusal
from deployer.integrator.wire import Done, NotSent, Refused, Unknown

ENTITLEMENTS = frozenset({"feature_not_enabled", "subscription_required", "entitlement_reached"})
GONE, _UNAUTHORIZED, _FORBIDDEN = 404, 401, 403
_REDIRECT = "redirect"
_OURS_OR_THEIRS = frozenset({_FORBIDDEN, GONE})  # the account's fault or the tenant's: only another call can tell
LOOK_AGAIN = 0.2  # seconds at least between two looks
UNREADABLE_WAIT = 30.0  # seconds at most between two reads that fail


@dataclass(frozen=True, slots=True)
class Moved:
    """The deployment moved: ask for its next move."""

    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is done for `seconds`, and others go on meanwhile.

    `why` is for the people who wait, with `left`, the seconds until the matter is decided; None where it only goes on.
    """

    deployment: Deployment
    seconds: float
    why: str
    left: float | None = None


@dataclass(frozen=True, slots=True)
class Down:
    """The account cannot work: its steps stay as they are."""

    deployment: Deployment
    cause: str


Result = Moved | Later | Down


def look_again(case: Case, desk: Desk, wait: float, why: str, *, since: Step | None = None) -> Later:
    """Wait for the next look: soon after the intent, later rarely, and at last when `wait` is over.

    The intent is the step's own, or that of the step `since` which there is something to wait.
    """
    intent = (since or case.step).intent
    elapsed = desk.clock.moment().at - intent.at if intent else 0.0
    return Later(case.deployment, min(wait, max(LOOK_AGAIN, elapsed / 2)), why, left=wait)


async def refused(desk: Desk, case: Case, outcome: Refused) -> Result:
    """Record a refusal of a call or of the look before it: as the account's if it is that, else as the tenant's."""
    if outcome.status < 300:  # noqa: PLR2004 - a success that speaks of something else than was asked
        case.tell(Event.UNDECIDABLE, refusal(outcome))
        return Moved(case.deployment)
    cause = await _account_cause(desk, outcome)
    if cause is None:
        case.tell(Event.REFUSE, refusal(outcome))
        return Moved(case.deployment)
    if case.step.state is State.INTENDED:
        case.tell(Event.ABSENT)
    return Down(case.deployment, cause)


async def _account_cause(desk: Desk, outcome: Refused) -> str | None:
    code = outcome.errors[0].code
    if outcome.status == _UNAUTHORIZED:
        return "the API does not accept the token any more"
    if code in ENTITLEMENTS or code == _REDIRECT:
        return f"{code}: {outcome.errors[0].message}"
    if outcome.status not in _OURS_OR_THEIRS:
        return None
    template = desk.planned.template
    proof = await (desk.client.who() if desk.settings.template.file else desk.client.flow(template))
    return None if isinstance(proof, Done) else f"the template {template} cannot be read any more"


async def not_done(desk: Desk, case: Case, outcome: Refused | NotSent | Unknown) -> Result:
    """Record why a call was not done; where that is not known, the next move finds out."""
    match outcome:
        case Refused():
            return await refused(desk, case, outcome)
        case NotSent():
            return not_sent(case, outcome)
        case Unknown():
            if overslept(case.step, desk.clock.moment(), desk.settings.safety):
                await case.intend({})
            return Moved(case.deployment)


def not_sent(case: Case, outcome: NotSent) -> Down:
    """Record that a call certainly did not happen: the account waits."""
    if case.step.state is State.INTENDED:
        case.tell(Event.ABSENT)
    return Down(case.deployment, unsent(outcome))


def unsent(outcome: NotSent) -> str:
    """Say why a call did not leave: because of the API, or because this machine has too much to do."""
    if outcome.late:
        return f"this machine is too busy to send within safety.intent: {outcome.reason}"
    return f"the API cannot be reached: {outcome.reason}"


async def unread(desk: Desk, case: Case, outcome: Refused | Unknown | NotSent, *, wait: float) -> Result:
    """Go on where a read failed: nothing may be concluded from it but that nothing is known."""
    match outcome:
        case NotSent():
            return Down(case.deployment, unsent(outcome))
        case Unknown(reason) if case.step.state is State.INTENDED and wait > 0:
            return Later(case.deployment, min(wait, UNREADABLE_WAIT), f"cannot be read: {reason}", left=wait)
        case Unknown(reason):
            event = Event.UNDECIDABLE if case.step.state is State.INTENDED else Event.REFUSE
            unreadable = failure("unreadable", reason, "run resume --failed when the API answers")
            case.tell(event, {"unread": True, **unreadable})
            return Moved(case.deployment)
        case Refused() if case.step.state is State.READY:
            return await refused(desk, case, outcome)
        case Refused():
            cause = await _account_cause(desk, outcome)
            if cause:
                return Down(case.deployment, cause)
            if wait > 0:
                said = f"cannot be read: {outcome.errors[0].message}"
                return Later(case.deployment, min(wait, UNREADABLE_WAIT), said, left=wait)
            case.tell(Event.UNDECIDABLE, {"unread": True, **refusal(outcome)})
            return Moved(case.deployment)
