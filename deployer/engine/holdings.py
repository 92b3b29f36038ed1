"""What an account holds, read for whoever begins: lists alone, and the flow that is chosen."""

from deployer.domain.starting import Holdings
from deployer.domain.template import Template, flow_template
from deployer.engine.accounts import OpenAccount
from deployer.engine.observe import got, named, read_flow


async def read_holdings(account: OpenAccount) -> Holdings:
    """Return the flows, integrations and connections of an account; raise AccountError where they cannot be read."""
    client = account.client
    flows = got(account, "the list of flows", await client.flows())
    integrations = got(account, "the list of integrations", await client.integrations())
    connections = got(account, "the list of connections", await client.connections())
    return Holdings(flows, named(integrations), named(connections))


async def read_chosen(account: OpenAccount, flow: str) -> Template:
    """Return a flow with the exports and imports that it uses."""
    return flow_template(*await read_flow(account, flow))
