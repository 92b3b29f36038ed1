"""The secrets of one document that a step writes: sealed as it is read, opened only as it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deployer.domain.documents import Document, Json, Path, Value, dotted
from deployer.domain.merge3 import Memory
from deployer.domain.plan import Planned
from deployer.domain.sealing import opened, seals_at, secret_paths
from deployer.engine.vault import Vault
from deployer.integrator.transport import Concealed
from deployer.integrator.wire import Done, Outcome


class ChangedSecretError(Exception):
    """A secret is another one than was planned with; it says which setting."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a tenant's document, by what is wanted of it and what is remembered.

    `hidden` is what stood behind each seal whenever the document was read.
    """

    vault: Vault
    planned: Planned
    fields: Mapping[Path, Value]
    memory: Mapping[Path, Memory]
    hidden: dict[str, Json] = field(default_factory=dict)

    def sealed(self, outcome: Outcome[Document]) -> Outcome[Document]:
        """Return what was read, or what a write answered with, with its secrets sealed."""
        if not isinstance(outcome, Done):
            return outcome
        found = self.vault.sealed(outcome.value, self.planned.key, self.fields, self.memory)
        self.hidden.update(found.hidden)
        return replace(outcome, value=found.document)

    def opened(self, body: Document) -> Concealed | None:
        """Return what is sent in the place of a body with seals; None for one without any.

        Raise ChangedSecretError where a secret was changed since the plan, SecretError where it cannot be read.
        """
        seals = seals_at(body, secret_paths(self.fields, self.memory))
        if not seals:
            return None
        for path, mark in seals.items():
            if mark not in self.hidden:
                self.hidden[mark] = self._read(path, mark)
        values = (self.hidden[mark] for mark in seals.values())
        return Concealed(opened(body, seals, self.hidden), [value for value in values if isinstance(value, str)])

    def _read(self, path: Path, mark: str) -> str:
        where = self.planned.secrets.get(mark, "")
        value = self.vault.read(where) if where else ""
        if not where or self.vault.seal(self.planned.key)(value) != mark:
            raise ChangedSecretError(dotted(path))
        return value
