"""What an address asks for: which tenants, in which order, from where on. What is no such thing is left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, cast, get_args
from urllib.parse import urlencode

from deployer.api.board import Order, Wanted
from deployer.domain.deployment import Status

ROWS: Final = 50  # of a page
_ORDERS: Final = get_args(Order)
_LONGEST: Final = 200  # characters of a search
_LAST: Final = 10**6


@dataclass(frozen=True, slots=True)
class Asked:
    """The tenants of a rollout that an address asks for, and which page of them, counted from 1."""

    outcome: Status | None = None
    text: str = ""
    order: Order = "place"
    direction: Literal["up", "down"] = "up"
    page: int = 1

    @property
    def wanted(self) -> Wanted:
        outcomes = frozenset([self.outcome] if self.outcome else ())
        return Wanted(outcomes, self.text, self.order, descending=self.direction == "down")

    @property
    def query(self) -> str:
        """Return it as an address has it, without what goes without saying."""
        said = {
            "outcome": self.outcome.value if self.outcome else "",
            "search": self.text,
            "order": "" if self.order == "place" else self.order,
            "direction": "" if self.direction == "up" else self.direction,
            "page": "" if self.page == 1 else str(self.page),
        }
        return "?" + urlencode({key: value for key, value in said.items() if value}, errors="replace")

    def of(self, outcome: str | None) -> "Asked":
        """Return the same of another outcome, or of any, from the first page on."""
        return replace(self, outcome=Status(outcome) if outcome else None, page=1)

    def by(self, order: Order) -> "Asked":
        """Return the same in another order, or the other way round where it is in that order already."""
        turned = order == self.order and self.direction == "up"
        return replace(self, order=order, direction="down" if turned else "up", page=1)

    def at(self, page: int) -> "Asked":
        """Return another page of the same."""
        return replace(self, page=page)


def asked(query: Mapping[str, str]) -> Asked:
    """Return what an address asks for."""
    outcome, order = query.get("outcome", ""), query.get("order", "")
    return Asked(
        Status(outcome) if outcome in {*Status} else None,
        query.get("search", "").strip()[:_LONGEST],
        cast("Order", order) if order in _ORDERS else "place",
        "down" if query.get("direction") == "down" else "up",
        page_of(query),
    )


def page_of(query: Mapping[str, str]) -> int:
    """Return the number of the page that an address asks for."""
    number = query.get("page", "")
    return max(1, int(number)) if number.isascii() and number.isdecimal() and len(number) < len(str(_LAST)) else 1
