"""A world to begin with: accounts, made-up customers, and templates, the same for everybody who asks for the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256

from deployer.simulator import templates
from deployer.simulator.world import Account, Document, World

ACCOUNTS = ("acme-us", "acme-eu")
TEMPLATES = "Templates"
SYSTEMS = {
    "GitHub": "https://api.github.com",
    "Slack": "https://slack.com/api",
    "Usage API": "https://usage.example.com",
    "CRM": "https://crm.example.com",
}
BORN = {"createdAt": "2026-01-05T09:00:00.000Z", "lastModified": "2026-01-05T09:00:00.000Z"}
KNOWN = {
    ("acme-us", "integrations", TEMPLATES): "58f107a36b3bdd4f87aca76b",
    ("acme-us", "flows", templates.SIMPLE): "55ea78c6b751843c37b7b367",
    ("acme-us", "flows", templates.ORCHESTRATED): "5980e7fedd9939649f8a5d9a",
}
"""Ids that the vendor's documentation made famous; all others are derived from names."""

FIRST = """
    Amber Blue Cedar Copper Crystal Delta Echo Ember Falcon Fern Golden Granite Harbor Iron Juniper Lunar
    Maple Meridian Nimbus Noble North Oak Ocean Orchid Pine Prairie Quartz Raven River Silver Solar Stone
    Summit Swift Tidal Timber Umber Velvet Willow Zephyr
"""
SECOND = """
    Analytics Apparel Bakery Bikes Books Brewing Ceramics Coffee Cycles Dairy Electric Foods Freight Furniture
    Gardens Glass Goods Health Hardware Instruments Kitchens Labs Lighting Logistics Marine Media Optics
    Outdoors Paper Pharma Press Robotics Seeds Sports Supply Textiles Tools Toys Travel Wines
"""
PLACES = {
    "us": (
        ("us-east", "America/New_York"),
        ("us-central", "America/Chicago"),
        ("us-mountain", "America/Denver"),
        ("us-west", "America/Los_Angeles"),
    ),
    "eu": (
        ("eu-central", "Europe/Berlin"),
        ("eu-west", "Europe/Paris"),
        ("eu-north", "Europe/Stockholm"),
        ("eu-south", "Europe/Madrid"),
    ),
}
CANARIES, EARLY = 2, 8


def token_of(account: str) -> str:
    """Return the token that opens a seeded account."""
    return f"sim-{account}"


def stable_id(account: str, kind: str, name: str) -> str:
    """Derive 24 hex digits from names, so that the same thing has the same id in every seeded world."""
    return KNOWN.get((account, kind, name)) or sha256(f"{account}/{kind}/{name}".encode()).hexdigest()[:24]


@lru_cache(maxsize=16)
def company(account: str, number: int) -> str:
    """Name the customer with a number; no two of one account are called alike."""
    first, second = FIRST.split(), SECOND.split()
    size = len(first)
    turn = int(sha256(account.encode()).hexdigest(), 16) % size
    round_, column = divmod(number, size)
    name = f"{first[(column * 7 + turn) % size]} {second[(round_ * 11 + column + turn) % size]}"
    lap = number // (size * size)
    return f"{name} {lap + 1}" if lap else name


@dataclass(frozen=True, slots=True)
class Customer:
    """Hold one seeded customer's names and derive its ids."""

    account: str
    number: int

    @property
    def name(self) -> str:
        """Return the company's name, which is its integration's name too."""
        return company(self.account, self.number)

    def id(self, kind: str, system: str = "") -> str:
        """Return the id of the customer's integration, or of what it has for a system."""
        return stable_id(self.account, kind, f"{self.name} {system}".rstrip())

    def row(self) -> dict[str, str]:
        """Return the customer as a line of a tenants.csv; unique among accounts whose names end differently."""
        region = self.account.rpartition("-")[2]
        places = PLACES.get(region, PLACES["us"])
        place, timezone = places[self.number % len(places)]
        return {
            "tenant": f"{self.name.lower().replace(' ', '-')}-{region}",
            "account": self.account,
            "integration": self.id("integrations"),
            "name": self.name,
            "label.ring": "canary" if self.number < CANARIES else "early" if self.number < EARLY else "broad",
            "region": place,
            "timezone": timezone,
            "github": self.id("connections", "GitHub"),
            "slack": self.id("connections", "Slack"),
            "usage_api": self.id("connections", "Usage API"),
            "crm": self.id("connections", "CRM"),
            "github_export": self.id("exports", "GitHub events"),
            "slack_import": self.id("imports", "Slack message"),
        }


def seed_tenants(accounts: Sequence[str] = ACCOUNTS, tenants: int = 24) -> Iterator[dict[str, str]]:
    """Return the lines of a tenants.csv for a world seeded with the same arguments."""
    return (Customer(account, number).row() for account in accounts for number in range(tenants))


def seed(accounts: Sequence[str] = ACCOUNTS, tenants: int = 24) -> World:
    """Make a world: per account a Templates integration with two flows, and customers with connections and parts."""
    return World(accounts={name: _account(name, tenants) for name in accounts})


def _account(name: str, tenants: int) -> Account:
    account = Account(name=name, token=token_of(name), user=stable_id(name, "users", "owner"))
    _add_templates(account)
    for number in range(tenants):
        _add_customer(account, Customer(name, number))
    return account


def _add_templates(account: Account) -> None:
    identify = partial(stable_id, account.name)
    integration = identify("integrations", TEMPLATES)
    account.keep("integrations", {"_id": integration, "name": TEMPLATES, **BORN})
    connections = _add_connections(account, TEMPLATES)
    for kind, documents in templates.parts(identify, connections).items():
        for document in documents:
            account.keep(kind, {**document, **BORN})
    for flow in templates.flows(identify, integration):
        account.keep("flows", flow)


def _add_customer(account: Account, customer: Customer) -> None:
    account.keep("integrations", {"_id": customer.id("integrations"), "name": customer.name, **BORN})
    connections = _add_connections(account, customer.name)

    def add(kind: str, name: str, system: str, http: Document) -> None:
        names = {"_id": customer.id(kind, name), "name": f"{customer.name} {name}"}
        account.keep(kind, {**names, "_connectionId": connections[system], "http": http, **BORN})

    add("exports", "GitHub events", "GitHub", templates.http("GET", "/events"))
    add("imports", "Slack message", "Slack", templates.http("POST", "/chat.postMessage"))


def _add_connections(account: Account, owner: str) -> dict[str, str]:
    """Give an owner a connection per system, secrets unreadable, and return their ids by system."""
    for system, uri in SYSTEMS.items():
        http = {"baseURI": uri, "auth": {"type": "token", "token": {"token": "******"}}}
        name = f"{owner} {system}"
        key = stable_id(account.name, "connections", name)
        account.keep("connections", {"_id": key, "type": "http", "name": name, "offline": False, "http": http, **BORN})
    return {system: stable_id(account.name, "connections", f"{owner} {system}") for system in SYSTEMS}
