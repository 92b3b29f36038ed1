"""Saved plans: content-addressed files of their owner's alone, found by a prefix of their digest."""

import json
import os
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deployer.domain.documents import canonical
from deployer.domain.plan import Plan
from deployer.domain.records import plan_digest, plan_from, plan_record
from deployer.errors import GuardError, UsageError

EXPIRY = timedelta(days=7)
_PREFIX = re.compile(r"(?:plan:)?([0-9a-f]{6,64})")


def save_plan(directory: Path, plan: Plan) -> str:
    """Write a plan whole or not at all, and return its digest."""
    digest = plan_digest(plan)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=directory)  # which makes it 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(canonical(plan_record(plan)))
    Path(name).replace(directory / f"{digest}.json")
    return digest


def load_plan(directory: Path, prefix: str) -> Plan:
    """Return the saved plan whose digest begins so; raise where there is none, several, or it is not what it was."""
    match = _PREFIX.fullmatch(prefix)
    if not match:
        raise UsageError(f'"{prefix}" is no digest of a plan', remedy="give 6 to 64 of its hex digits")
    found = sorted(directory.glob(f"{match[1]}*.json"))
    if len(found) != 1:
        problem = f"{len(found)} saved plans begin with {match[1]}"
        raise UsageError(
            problem, where=str(directory), remedy="give more digits" if found else "make it: deployer plan"
        )
    plan = plan_from(json.loads(found[0].read_text(encoding="utf-8")))
    if plan_digest(plan) != found[0].stem:
        raise GuardError("the saved plan was changed since it was made", where=str(found[0]), remedy="plan again")
    if datetime.now(UTC) - datetime.fromisoformat(plan.observed_at) > EXPIRY:
        raise GuardError(f"the saved plan is older than {EXPIRY.days} days", where=str(found[0]), remedy="plan again")
    return plan
