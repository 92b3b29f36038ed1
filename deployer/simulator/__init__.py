"""A faithful integrator.io on loopback, to rehearse, demonstrate and test against; it imports nothing else of ours."""

from deployer.simulator.faults import Rule
from deployer.simulator.knobs import Knobs
from deployer.simulator.ledger import evidence
from deployer.simulator.seed import Customer, seed, seed_tenants, stable_id, token_of
from deployer.simulator.server import Simulator
from deployer.simulator.serving import serving
from deployer.simulator.world import World

__all__ = [
    "Customer",
    "Knobs",
    "Rule",
    "Simulator",
    "World",
    "evidence",
    "seed",
    "seed_tenants",
    "serving",
    "stable_id",
    "token_of",
]
