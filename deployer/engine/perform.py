"""Perform one move of a deployment: one total match."""

from deployer.domain.deployment import Deployment
from deployer.domain.lifecycle import Event, StepKind
from deployer.domain.moves import ATTEMPTS, Begin, GiveUp, Recover
from deployer.engine import adjusting, birth, configure, copying, deleting, running
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.result import Down, Moved, Result
from deployer.errors import SecretError


async def perform(desk: Desk, deployment: Deployment, move: Begin | Recover | GiveUp) -> Result:
    """Do what a move says and record what came of it; where a secret cannot be read, the account waits for it."""
    case = Case(desk, deployment, move.index)
    try:
        return await _performed(desk, case, move)
    except SecretError as error:
        return Down(case.deployment, error.sentence)


async def _performed(desk: Desk, case: Case, move: Begin | Recover | GiveUp) -> Result:
    match move:
        case Begin(step=step):
            return await _begin(desk, case, step.kind)
        case Recover(step=step, wait=wait):
            return await _recover(desk, case, step.kind, wait)
        case GiveUp():
            text = f"the call did not happen in {ATTEMPTS} attempts"
            case.tell(Event.REFUSE, failure("gave_up", text, "run resume with --failed"))
            return Moved(case.deployment)


async def _begin(desk: Desk, case: Case, kind: StepKind) -> Result:
    match kind:
        case StepKind.CLONE | StepKind.CREATE:
            return await birth.begin(desk, case)
        case StepKind.COPY:
            return await copying.begin(desk, case)
        case StepKind.ADJUST:
            return await adjusting.begin(desk, case)
        case StepKind.CONFIGURE:
            return await configure.begin(desk, case)
        case StepKind.RUN:
            return await running.begin_run(desk, case)
        case StepKind.FOLLOW:
            return await running.begin_follow(desk, case)
        case StepKind.DELETE:
            return await deleting.begin(desk, case)


async def _recover(desk: Desk, case: Case, kind: StepKind, wait: float) -> Result:
    match kind:
        case StepKind.CLONE | StepKind.CREATE:
            return await birth.recover(desk, case, wait)
        case StepKind.COPY:
            return await copying.recover(desk, case, wait)
        case StepKind.ADJUST:
            return await adjusting.recover(desk, case, wait)
        case StepKind.CONFIGURE:
            return await configure.recover(desk, case, wait)
        case StepKind.RUN:
            return await running.recover_run(desk, case, wait)
        case StepKind.FOLLOW:
            return await running.follow(desk, case)
        case StepKind.DELETE:
            return await deleting.recover(desk, case, wait)
