"""Where the secrets of settings are read, and the key by which they are sealed."""

from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from typing import Final

from deployer.domain.documents import Document, Value
from deployer.domain.documents import Path as Place
from deployer.domain.identity import InstanceKey
from deployer.domain.manifest import Secrets
from deployer.domain.merge3 import Memory
from deployer.domain.sealing import Seal, Sealed, sealed, sealing, secret_paths
from deployer.errors import DeployerError, SecretError
from deployer.integrator.token import read_secret

_SHORTEST_KEY: Final = 32  # characters; `openssl rand -hex 32` prints 64


class Vault:
    """Reads secrets, each once, and seals values.

    Without a key, which a manifest without secrets has not, what was sealed is never found to be the same again.
    """

    def __init__(self, secrets: Secrets | None, env: Mapping[str, str], base: Path) -> None:
        self._secrets = secrets
        self._env = env
        self._base = base
        self._read: dict[str, str] = {}
        self._key: bytes | None = None if secrets else token_bytes()

    def __repr__(self) -> str:
        return "Vault(…)"

    def read(self, reference: str) -> str:
        """Return the secret at `env:NAME` or `file:PATH`; raise SecretError where there is none."""
        if reference not in self._read:
            self._read[reference] = self._found(reference, "secret")
        return self._read[reference]

    def seal(self, key: InstanceKey) -> Seal:
        """Return what seals the values of one tenant; raise SecretError where the key of the hash cannot be had."""
        return sealing(self.demand_key(), key)

    def demand_key(self) -> bytes:
        """Return the key of the hash; raise SecretError where it cannot be read, or is too short to be one."""
        if self._key is None:
            self._key = self._keyed(self._secrets.key if self._secrets else "")
        return self._key

    def sealed(
        self, document: Document, key: InstanceKey, desired: Mapping[Place, Value], memory: Mapping[Place, Memory]
    ) -> Sealed:
        """Return a document that was read of a tenant with its secrets sealed, by what is wanted and remembered."""
        paths = secret_paths(desired, memory)
        return sealed(document, paths, self.seal(key)) if paths else Sealed(document, {})

    def _keyed(self, reference: str) -> bytes:
        try:
            key = self._found(reference, "key of the secrets")
        except SecretError as error:
            remedy = "\n".join(filter(None, (error.remedy, "openssl rand -hex 32 prints a new one")))
            raise SecretError(error.what, where=error.where, remedy=remedy) from None
        if len(key) < _SHORTEST_KEY:
            raise SecretError(
                f"the key of the secrets has {len(key)} characters, and needs {_SHORTEST_KEY}",
                remedy="openssl rand -hex 32 prints a good one; keep it as long as the journal",
            )
        return key.encode()

    def _found(self, reference: str, what: str) -> str:
        try:
            text = read_secret(reference, env=self._env, base=self._base, what=what)
        except DeployerError as error:
            raise SecretError(error.what, where=error.where, remedy=error.remedy) from None
        if not text:
            raise SecretError(f"the {what} at {reference} is empty")
        return text
