"""What nobody knows for sure about integrator.io, as settings of the simulated one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from deployer.simulator.settings import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """One value per fact that the vendor does not document; times are seconds, 0 switches a limit off."""

    bucket_size: int = 1_000
    bucket_refill: float = 300.0
    other_traffic: float = 0.0
    """Requests per second that somebody else takes from each account's bucket."""
    route_rate: Mapping[str, float] = field(default_factory=dict)
    """Requests per second allowed on one route of one account, on top of the account's bucket."""
    concurrent: int = 0
    rate_headers: bool = False
    page_size: int = 100
    list_lag: float = 0.0
    latency: Mapping[str, float] = field(default_factory=dict)
    """By route name; `*` stands for every route that is not named."""
    clone_disabled: bool = True
    clone_answer: Literal["document", "list"] = "document"
    create_disabled: bool = False
    """What a created flow gets when the body does not say `disabled`."""
    inactive_status: int = 422
    enabled_flows: int = 0
    """How many enabled flows the account is entitled to."""
    entitlement_status: int = 403
    run_fields: Mapping[str, Any] = field(default_factory=dict)
    """More fields in the answer of a run."""
    job_queued: float = 0.0
    job_duration: float = 1.0
    job_outcome: Mapping[str, int | str] = field(default_factory=dict)
    """By flow or integration id or `*`: the number of errors the job ends with, or `failed`."""
    name_strip: bool = False
    name_length: int = 0
    """Longer names are cut to this many characters without a word."""
    settings_as_text: bool = False
    """Numbers and booleans in `settings` come back as text."""
    masked_setting: str = ""
    """A setting of this name is kept as it was sent, and reads back as asterisks wherever it is answered with."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Read knobs by name, `latency.flows.clone` being an entry of `latency`; ValueError names what does not fit."""
        nested: dict[str, Any] = {}
        for key, value in values.items():
            name, _, entry = key.partition(".")
            nested[name] = {**nested.get(name, {}), entry: value} if entry else value
        return cls(**checked(nested, against=cls))

    def seconds(self, route: str) -> float:
        """Tell how long a route takes to answer."""
        return self.latency.get(route, self.latency.get("*", 0.0))
