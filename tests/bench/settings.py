"""How the fast server is to behave from now on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`accounts` with `tenants` each; seconds a request takes, and a clone; the bucket of each account, if any.

    `size` is that of the template, in bytes. With `fresh` the world begins anew, else only the counting does.
    """

    accounts: int = 1
    tenants: int = 0
    latency: float = 0.0
    clone_latency: float | None = None
    rate: float | None = None
    burst: float = 0.0
    size: int = 4096
    fresh: bool = True
