"""Every way to fail: what happened, where, what to do next, and the exit code that says so."""

from collections.abc import Sequence
from dataclasses import dataclass


class DeployerError(Exception):
    """The one root: `what` happened, `where` it lies, and the `remedy`, each a plain sentence part."""

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    @property
    def sentence(self) -> str:
        """Return all of it in one line, for what is told beside other things."""
        said = ": ".join(filter(None, (self.where, self.what)))
        return f"{said}; {self.remedy}" if self.remedy else said

    def lines(self) -> list[str]:
        """Return the lines a person reads, the most important first."""
        place = f"{self.where}: " if self.where else ""
        remedies = self.remedy.split("\n") if self.remedy else []
        return [f"error: {place}{self.what}", *(f"  {remedy}" for remedy in remedies)]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what the user wrote: `where` is file:line:col, `path` names the key."""

    where: str
    path: str
    what: str

    def __str__(self) -> str:
        """Read as one line of an error listing."""
        path = f"{self.path}: " if self.path else ""
        return f"{self.where}: {path}{self.what}"


class SecretError(DeployerError):
    """A secret that the manifest names, or the key by which secrets are hashed, cannot be read."""

    exit_code = 2


class UsageError(DeployerError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ManifestError(DeployerError):
    """The manifest, or a file it names, cannot be used: every problem at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], *, remedy: str | None = None) -> None:
        super().__init__(f"{len(problems)} problem(s) in the manifest", remedy=remedy)
        self.problems = tuple(problems)

    def lines(self) -> list[str]:
        """Return one line a problem, and the remedy of all."""
        return [*(f"error: {problem}" for problem in self.problems), *([f"  {self.remedy}"] if self.remedy else [])]


class AccountError(DeployerError):
    """No account can work: a token, a permission or the connection to the API fails."""

    exit_code = 4


class GuardError(DeployerError):
    """A guard refuses: a lock is held, another rollout is unfinished, or what was planned has moved."""

    exit_code = 6


class JournalError(DeployerError):
    """The journal cannot be read or written; nothing more is sent."""

    exit_code = 1


class TransitionError(DeployerError):
    """A step met an event that its state does not know: our own bug, never the user's."""
