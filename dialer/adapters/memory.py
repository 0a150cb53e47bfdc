"""The stores in memory: a twin of the ones on SQL, for tests, simulations and trying things out. Nothing outlives it.

No method awaits anything, so each is one transaction by itself.
"""

from dataclasses import replace
from datetime import datetime
from random import Random, SystemRandom

from dialer.adapters.memory_attempts import MemoryAttemptStore
from dialer.adapters.memory_callbacks import MemoryCallbackStore
from dialer.adapters.memory_leads import MemoryLeadStore, MemoryListStore
from dialer.adapters.memory_leases import MemoryLease
from dialer.adapters.memory_ledger import MemoryLedger, MemoryMachineAudits
from dialer.adapters.memory_numbers import (
    MemoryConsentStore,
    MemoryDoNotCallStore,
    MemoryRegisterStore,
)
from dialer.adapters.memory_tables import MemoryTables
from dialer.campaign import Campaign, CampaignPolicy, CampaignState
from dialer.clients import Client
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import AgentId, CampaignId
from dialer.ports import AgentRecord, Stores
from dialer.trunks import Trunk


class MemoryCampaignStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._campaigns = tables.campaigns
        self._clients = tables.clients

    async def save(self, policy: CampaignPolicy) -> None:
        if policy.client_id not in self._clients:
            raise NotFoundError("no such client")
        namesake = await self.by_name(policy.name)
        if namesake is not None and namesake.policy.campaign_id != policy.campaign_id:
            raise ConflictError("another campaign has this name")
        known = self._campaigns.get(policy.campaign_id)
        fresh = Campaign(policy=policy, state=CampaignState.PAUSED)
        self._campaigns[policy.campaign_id] = replace(known, policy=policy) if known else fresh

    async def set_state(self, campaign_id: CampaignId, state: CampaignState) -> None:
        campaign = await self.get(campaign_id)
        held_at = None if state is CampaignState.RUNNING else campaign.held_at
        self._campaigns[campaign_id] = replace(campaign, state=state, held_at=held_at)

    async def hold_all(self, *, at: datetime) -> None:
        for key, campaign in self._campaigns.items():
            self._campaigns[key] = replace(campaign, state=CampaignState.PAUSED, held_at=at)

    async def get(self, campaign_id: CampaignId) -> Campaign:
        if campaign_id not in self._campaigns:
            raise NotFoundError("no such campaign")
        return self._campaigns[campaign_id]

    async def by_name(self, name: str) -> Campaign | None:
        named = (one for one in self._campaigns.values() if one.policy.name == name)
        return next(named, None)

    async def all(self) -> list[Campaign]:
        return [self._campaigns[key] for key in sorted(self._campaigns)]


class MemoryClientStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._clients = tables.clients

    async def save(self, client: Client) -> None:
        self._clients[client.client_id] = client

    async def all(self) -> list[Client]:
        return [self._clients[key] for key in sorted(self._clients)]


class MemoryTrunkStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._trunks = tables.trunks

    async def save(self, trunk: Trunk) -> None:
        self._trunks[trunk.trunk_id] = trunk

    async def all(self) -> list[Trunk]:
        return [self._trunks[key] for key in sorted(self._trunks)]


class MemoryAgentDirectory:
    def __init__(self, tables: MemoryTables) -> None:
        self._agents = tables.agents

    async def save(self, agent: AgentRecord) -> None:
        known = self._agents.get(agent.agent_id)
        ends_at = known.shift_ends_at if known else None
        self._agents[agent.agent_id] = replace(agent, shift_ends_at=ends_at)

    async def set_shift_end(self, agent_id: AgentId, ends_at: datetime | None) -> None:
        self._agents[agent_id] = replace(await self.get(agent_id), shift_ends_at=ends_at)

    async def get(self, agent_id: AgentId) -> AgentRecord:
        if agent_id not in self._agents:
            raise NotFoundError("no such agent")
        return self._agents[agent_id]

    async def all(self) -> list[AgentRecord]:
        return [self._agents[key] for key in sorted(self._agents)]


class MemoryStoreHealth:
    async def ping(self) -> None:
        """Memory is always there."""


def memory_stores(*, random: Random | None = None) -> Stores:
    """Empty stores in memory. `random` makes the ids of leads."""
    tables, chance = MemoryTables(), random or SystemRandom()
    ledger = MemoryLedger(tables, SystemRandom())

    async def close() -> None:
        """Nothing to give back."""

    return Stores(
        leads=MemoryLeadStore(tables, chance),
        lists=MemoryListStore(tables),
        attempts=MemoryAttemptStore(tables, ledger),
        campaigns=MemoryCampaignStore(tables),
        clients=MemoryClientStore(tables),
        do_not_call=MemoryDoNotCallStore(tables),
        registers=MemoryRegisterStore(tables),
        consents=MemoryConsentStore(tables),
        trunks=MemoryTrunkStore(tables),
        agents=MemoryAgentDirectory(tables),
        leases=MemoryLease(tables),
        health=MemoryStoreHealth(),
        ledger=ledger,
        audits=MemoryMachineAudits(tables, ledger),
        callbacks=MemoryCallbackStore(tables),
        close=close,
    )
