"""Check a wave that has ended: its flows, their jobs, and what a command of the user's says."""

import json
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT
from tempfile import TemporaryFile
from typing import Final

import anyio

from deployer.domain.checks import (
    Finding,
    Share,
    Verdict,
    altered,
    altered_resource,
    jobs_since,
    of_command,
    of_evidence,
    of_jobs,
    worst,
    written_at,
)
from deployer.domain.deployment import Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.lifecycle import StepKind
from deployer.domain.plan import Action
from deployer.domain.waves import Evidence, Wave
from deployer.engine.accounts import OpenAccount
from deployer.engine.pool import each
from deployer.integrator.wire import Done, clean
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Journal

_AT_ONCE: Final = 64
_PAGE: Final = 500
_PATIENCE: Final = 60.0  # seconds for the user's command
_NAMED: Final = 3
_NO_COMMAND: Final = 127  # as a shell has it


def _is_kept(deployment: Deployment) -> bool:
    """Tell whether a tenant is done, and its flow is still there and ours to be looked at."""
    gone = {Action.DELETE, Action.DETACH}
    return deployment.status is Status.DONE and deployment.planned.action not in gone


@dataclass(slots=True)
class Checking:
    """The checks of one wave. The command runs in `folder`."""

    journal: Journal
    accounts: Mapping[str, OpenAccount]
    rollout: str
    number: int
    wave: Wave
    folder: Path

    async def go(self) -> Finding:
        """Return what the checks come to."""
        checks = self.wave.checks
        findings: list[Finding] = []
        if checks.equal or checks.errors is not None or checks.open_errors is not None:
            findings.append(await self._look())
        if checks.evidence is not None:
            findings.append(await self._compared(checks.evidence))
        if checks.command and all(finding.verdict is Verdict.PASS for finding in findings):
            findings.append(await self._ask(checks.command))
        return worst(findings)

    async def _look(self) -> Finding:
        """Look at every flow of the wave."""
        found: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}

        async def look(deployment: Deployment) -> None:
            finding = worst([await self._as_written(deployment), await self._ran(deployment)])
            found[finding.verdict].append(f"{deployment.planned.tenant}: {finding.said}")

        async for page in self._pages(_is_kept, wave=self.number):
            await each(page, look, workers=_AT_ONCE)
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            if said := found[verdict]:
                more = f"; and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
                return Finding(verdict, "; ".join(said[:_NAMED]) + more)
        return Finding(Verdict.PASS)

    async def _as_written(self, deployment: Deployment) -> Finding:
        if not self.wave.checks.equal:
            return Finding(Verdict.PASS)
        account, key, known = self.accounts[deployment.planned.account], deployment.planned.key, deployment.known
        client, sealed = account.client, account.vault.sealed
        read = await client.flow(deployment.flow or "")
        if not isinstance(read, Done):
            return Finding(Verdict.INCONCLUSIVE, "its flow cannot be read")
        live = sealed(read.value, key, deployment.planned.fields, known.fields if known else {})
        fields = altered(deployment, live.document)
        for index, step in enumerate(deployment.steps):
            if step.kind is StepKind.ADJUST:
                resource = deployment.resource(index)
                part = await client.resource(resource.key.kind, str(step.facts.get("resource", "")))
                if not isinstance(part, Done):
                    return Finding(Verdict.INCONCLUSIVE, f"{resource.label} cannot be read")
                fields += altered_resource(deployment, resource, sealed(part.value, key, resource.fields, {}).document)
        return (
            Finding(Verdict.FAIL, f"{', '.join(fields)} is not as it was written") if fields else Finding(Verdict.PASS)
        )

    async def _ran(self, deployment: Deployment) -> Finding:
        if self.wave.checks.errors is None and self.wave.checks.open_errors is None:
            return Finding(Verdict.PASS)
        jobs = await self._jobs(deployment)
        if jobs is None:
            return Finding(Verdict.INCONCLUSIVE, "its jobs cannot be read")
        return of_jobs(jobs_since(jobs, written_at(deployment)), self.wave.checks)

    async def _compared(self, evidence: Evidence) -> Finding:
        """Compare the jobs of those changed so far with those that the others ran over the same time."""
        changed, others = Share(), Share()
        since: list[str] = []

        async def count_changed(deployment: Deployment) -> None:
            since.append(written_at(deployment))
            changed.add(jobs_since(await self._jobs(deployment) or (), since[-1]))

        async def count_other(deployment: Deployment) -> None:
            others.add(jobs_since(await self._jobs(deployment) or (), min(since, default="")))

        async for page in self._pages(lambda one: one.status is Status.DONE and one.planned.wave <= self.number):
            await each(page, count_changed, workers=_AT_ONCE)
        async for page in self._pages(lambda one: one.status is Status.PENDING and one.flow is not None):
            await each(page, count_other, workers=_AT_ONCE)
        return of_evidence(changed, others, evidence)

    async def _jobs(self, deployment: Deployment) -> Sequence[Document] | None:
        client = self.accounts[deployment.planned.account].client
        found = await client.latest_jobs(deployment.flow or "", poll=True)
        return found.value if isinstance(found, Done) else None

    async def _ask(self, command: str) -> Finding:
        """Run the user's command, with the wave's tenants as JSON on its standard input."""
        tenants: list[Document] = []
        async for page in self._pages(lambda _: True, wave=self.number):
            tenants += (
                {"tenant": one.planned.tenant, "account": one.planned.account, "flow": one.flow} for one in page
            )
        told = json.dumps({"rollout": self.rollout, "wave": self.wave.name, "tenants": tenants}).encode()
        with anyio.move_on_after(_PATIENCE), TemporaryFile() as stdin:  # a pipe would break where nobody reads it
            stdin.write(told)
            stdin.seek(0)
            try:
                ended = await anyio.run_process(
                    shlex.split(command), stdin=stdin, stderr=STDOUT, check=False, cwd=self.folder
                )
            except OSError as error:
                return of_command(_NO_COMMAND, error.strerror or "")
            lines = ended.stdout.decode("utf-8", "replace").split("\n")
            return of_command(ended.returncode, clean(next(filter(str.strip, reversed(lines)), "")))
        return of_command(None)

    async def _pages(
        self, wanted: Callable[[Deployment], bool], wave: int | None = None
    ) -> AsyncIterator[list[Deployment]]:
        """Yield the deployments that are wanted, of one wave or of all, some at a time."""
        page: list[Deployment] = []
        async for deployment in every_deployment(self.journal, self.rollout, wave=wave):
            if wanted(deployment) and deployment.planned.account in self.accounts:
                page.append(deployment)
                if len(page) == _PAGE:
                    yield page
                    page = []
        yield page
