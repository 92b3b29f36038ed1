"""The gate after a wave: how long it bakes, and whether a person has to let the next wave begin."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployer.domain.deployment import OPEN, Status
from deployer.domain.waves import Wave


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


def next_gate(number: int, wave: Wave, gate: Gate | None, now: str, *, approved_by: str = "") -> Gate:
    """Return the gate as it is now, after a wave that ended well: baking, then waiting for a person, then released."""
    gate = gate or Gate(number, GateState.BAKING, now)
    match gate.state:
        case GateState.RELEASED:
            return gate
        case GateState.BAKING if seconds_left(wave, gate, now) > 0:
            return gate
        case _ if wave.approve and not approved_by:
            return gate if gate.state is GateState.WAITING else Gate(number, GateState.WAITING, now)
        case _:
            return Gate(number, GateState.RELEASED, now, approved_by if wave.approve else "")


def seconds_left(wave: Wave, gate: Gate, now: str) -> float:
    """Return how long a wave still bakes: never longer than it ought to, whatever became of the wall's clock."""
    baked = (datetime.fromisoformat(now) - datetime.fromisoformat(gate.since)).total_seconds()
    return min(wave.bake[0], wave.bake[0] - baked)
