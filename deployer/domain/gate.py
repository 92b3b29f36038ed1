"""The gate after a wave: how long it bakes, what is checked, and whether a person has to let the next wave begin."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from deployer.domain.checks import Finding, Verdict
from deployer.domain.deployment import OPEN, Status
from deployer.domain.waves import Wave

RECHECK: Final = 30.0  # seconds until what could not be told is looked at again


class GateState(StrEnum):
    """How far a gate is."""

    BAKING = "baking"
    WAITING = "waiting"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate after a wave, since when it is in its state (UTC, ISO-8601), and who approved it, if anybody."""

    wave: int
    state: GateState
    since: str
    who: str = ""


def wave_state(wave: Wave, counts: Mapping[Status, int], gate: Gate | None) -> str:
    """Return the one word for how far a wave is."""
    if gate is not None:
        return gate.state.value
    if wave.is_broken(counts[Status.FAILED] + counts[Status.UNKNOWN]):
        return "halted"
    if not any(counts[status] for status in OPEN):
        return "ended"
    return "pending" if counts[Status.PENDING] == wave.size else "running"


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Halt:
    """What was checked is not well."""

    cause: str


@dataclass(frozen=True, slots=True)
class Hold:
    """What is checked could not be told for as long as it may take: a person has to look."""

    cause: str


def gate_move(
    number: int, wave: Wave, gate: Gate | None, finding: Finding, now: str, *, approved_by: str = ""
) -> Gate | Wait | Halt | Hold:
    """Return what becomes of the gate after a wave that ended: bake, check, wait for a person, release.

    What fails halts at once; what cannot be told never passes, unless a person approves it.
    """
    gate = gate or Gate(number, GateState.BAKING, now)
    if gate.state is GateState.RELEASED:
        return gate
    if finding.verdict is Verdict.FAIL:
        return Halt(finding.said)
    least, longest = (_left(gate, now, span) for span in wave.bake)
    if gate.state is GateState.BAKING and least > 0:
        return Wait(least)
    if finding.verdict is Verdict.INCONCLUSIVE and not approved_by:
        return Wait(min(RECHECK, longest)) if longest > 0 else Hold(finding.said)
    if wave.approve and not approved_by:
        return gate if gate.state is GateState.WAITING else Gate(number, GateState.WAITING, now)
    return Gate(number, GateState.RELEASED, now, approved_by)


def _left(gate: Gate, now: str, span: float) -> float:
    """Return how much of a span is left: never more than all of it, whatever became of the wall's clock."""
    over = (datetime.fromisoformat(now) - datetime.fromisoformat(gate.since)).total_seconds()
    return min(span, span - over)
