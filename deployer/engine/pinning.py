"""The pins of a manifest, as they are when a plan is made."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from deployer.domain.pins import Pinned, pinned
from deployer.domain.wording import did_you_mean
from deployer.engine.load import Loaded
from deployer.errors import ManifestError, Problem


def pins_at(loaded: Loaded, observed_at: str) -> Mapping[str, Pinned]:
    """Return the pins as they are today; raise ManifestError for one of a tenant that the list does not have."""
    pins = loaded.manifest.pins
    if pins and not loaded.tenants.is_partial:
        known = {tenant.tenant for tenant in loaded.tenants}
        problems = [
            Problem(
                loaded.manifest.place("pins", index, "tenant"), f"pins[{index}].tenant", _unknown(pin.tenant, known)
            )
            for index, pin in enumerate(pins)
            if pin.tenant not in known
        ]
        if problems:
            raise ManifestError(problems)
    return pinned(pins, datetime.fromisoformat(observed_at).date())


def _unknown(tenant: str, known: Iterable[str]) -> str:
    return f'there is no tenant "{tenant}"{did_you_mean(tenant, known)}'
