"""Puts the parts together: the only module that knows them all."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from random import Random, SystemRandom

from prometheus_client import CollectorRegistry

from dialer.adapters.exchanges import Exchange, Exchanges
from dialer.adapters.metrics import PrometheusMetrics, TeamCollector
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.server_metrics import Backlog, ServerCollector
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.agents import AgentStatus
from dialer.campaign import Campaign, CampaignPolicy, CampaignState
from dialer.config import Settings
from dialer.engine.loader import load
from dialer.engine.ownership import RENEWAL, Ownership
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.engine.tasks import TaskSet
from dialer.errors import ConflictError, NotFoundError, StoreUnavailableError
from dialer.events import DrainRequested, LeadsForgotten
from dialer.ids import CallId, CampaignId, TeamId, uuid7
from dialer.logs import get_logger
from dialer.ports import AgentRecord, Clock, Metrics, Stores, fenced_owner
from dialer.team import Team
from dialer.trunks import named

logger = get_logger(__name__)

WRITE_SECONDS = 10.0


class Dialer:
    """The running server: stores, links to Asterisk, one runner a team. Use `start` once and `stop` once."""

    def __init__(self, settings: Settings, stores: Stores, clock: Clock, random: Random) -> None:
        self.settings = settings
        self.stores = stores
        self.clock = clock
        self.profiles = ProfileFiles(settings.profiles_folder)
        self.registry = CollectorRegistry()
        self.metrics: Metrics = PrometheusMetrics(self.registry)  # another one: before `start`
        self.switchboard = Switchboard()
        self.ownership = Ownership(stores.leases, clock, f"server:{uuid7(clock.now(), random)}")
        self._tasks = TaskSet()
        self._stopping = asyncio.Event()
        self.draining = False
        self._changes = asyncio.Lock()  # one change at a time: store and team see the same order
        self._random = random
        self.exchanges = Exchanges(
            [Exchange(s.endpoint(node), s.connect_tone) for node, s in settings.servers.items()],
            clock=clock,
            random=random,
            on_event=self.switchboard.deliver,
            on_up=self.switchboard.link_up,
            on_down=self.switchboard.link_down,
        )
        self.registry.register(
            TeamCollector(
                lambda: [runner.view() for runner in self.switchboard.runners.values()],
                lambda: self.exchanges.stats,
            )
        )
        self.registry.register(ServerCollector(clock, self._backlogs))

    @classmethod
    async def open(cls, settings: Settings) -> "Dialer":
        """Raises StoreUnavailableError, InvalidInputError."""
        stores = await open_stores(settings.database.url)
        return cls(settings, stores, SystemClock(), SystemRandom())

    async def start(self) -> None:
        """Save what the settings name, take up every team of the store, connect to Asterisk."""
        for record in self.settings.agent_records():
            await self.stores.agents.save(record)
        for trunk in self.settings.trunks:
            await self.stores.trunks.save(trunk.trunk())
        for campaign, policy in self.settings.campaign_policies():
            await self.stores.campaigns.save(policy)
            if campaign.running:
                campaign_id = CampaignId(campaign.id)
                await self.stores.campaigns.set_state(campaign_id, CampaignState.RUNNING)
        await self._take_up_teams()
        await asyncio.gather(*(r.settle() for r in self.switchboard.runners.values()))
        self.exchanges.start()
        self._tasks.spawn(self._keep_teams(), "keep_teams")

    async def drain(self, seconds: float) -> None:
        """No new calls from now on. A team whose talks and wrap-ups have ended is given back at once, so that another
        server can take it. Returns when all are, after `seconds` at the latest. May be cancelled."""
        self.draining = True
        async with self._changes:  # no team is taken up any more
            runners = list(self.switchboard.runners.values())
        for runner in runners:
            runner.post(DrainRequested(at=self.clock.now()))
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for runner in runners:
                    group.create_task(self._give_back_quiet(runner))
        except TimeoutError:
            logger.warning("drain_unfinished", after_seconds=seconds)

    async def _give_back_quiet(self, runner: TeamRunner) -> None:
        team_id = runner.team.team_id
        await runner.quiet()
        async with self._changes:
            if self.switchboard.runners.get(team_id) is not runner:
                return  # lost meanwhile
            del self.switchboard.runners[team_id]
            try:
                await runner.settle()
            finally:
                await runner.close()
            with suppress(StoreUnavailableError):  # `stop` tries again
                await self.ownership.give_back(team_id)
                logger.info("team_given_back", team=team_id)

    async def stop(self) -> None:
        """Everything decided so far is written, then all is closed. Calls still up stay in the dialplan's hands."""
        self._stopping.set()
        async with self._changes:  # the renewal under way, if any, ends whole
            await self._tasks.close()
        await self.exchanges.close()
        for runner in list(self.switchboard.runners.values()):
            try:
                await asyncio.wait_for(runner.settle(), timeout=WRITE_SECONDS)
            except TimeoutError:
                logger.error("stop_unwritten", team=runner.team.team_id)
            await runner.close()
        try:
            await self.ownership.release()
        except StoreUnavailableError:
            logger.warning("leases_unreleased")  # they run out by themselves
        await self.stores.close()

    # --- which teams are ours -----------------------------------------------------------------------------------------

    async def _keep_teams(self) -> None:
        """Renew our leases, take up teams whose server is gone, and follow what other servers wrote."""
        while not await self._stops_within(RENEWAL.total_seconds()):
            try:
                async with self._changes:
                    for team_id in await self.ownership.renew():
                        await self._give_up(team_id)
                    await self._take_up_teams()
            except StoreUnavailableError as error:
                logger.warning("leases_not_renewed", reason=error)

    async def _stops_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), timeout=seconds)
        except TimeoutError:
            return False
        return True

    async def _give_up(self, team_id: TeamId) -> None:
        """Another server runs the team now: what we know of its calls is written, the rest is that server's."""
        runner = self.switchboard.runners.pop(team_id)
        try:
            await asyncio.wait_for(runner.settle(), timeout=RENEWAL.total_seconds())
        except TimeoutError:
            logger.warning("team_lost_unwritten", team=team_id)
        await runner.close()

    async def _take_up_teams(self) -> None:
        """Every team of the store that is ours or nobody's runs here, with the store's agents and campaigns."""
        if self.draining:
            return
        agents = await self.stores.agents.all()
        campaigns = await self.stores.campaigns.all()
        trunks = await self.stores.trunks.all()
        teams = {record.team_id for record in agents} | {c.policy.team_id for c in campaigns}
        for team_id in sorted(teams):
            if await self.ownership.take(team_id) is None:
                continue
            team = (await self._runner(team_id)).team
            for record in agents:
                if record.team_id == team_id and record.agent_id not in team.agents:
                    team.add_agent(record.agent_id, record.name)
            for campaign in campaigns:
                run = team.runs.get(campaign.policy.campaign_id)
                wanted = named(campaign.policy.trunks, trunks)
                changed = run is None or run.campaign != campaign or run.trunks != wanted
                if campaign.policy.team_id == team_id and changed:
                    await self._load(campaign)

    # --- what the API and the command line ask for --------------------------------------------------------------------

    async def save_campaign(self, policy: CampaignPolicy) -> Campaign:
        """Raises NotFoundError when its profile is not there; ConflictError when it would change its team."""
        self.profiles.get(policy.profile)
        async with self._changes:
            await self._check_keeps_team(policy)
            await self.stores.campaigns.save(policy)
            return await self._reload(policy.campaign_id)

    async def set_campaign_state(self, campaign_id: CampaignId, state: CampaignState) -> Campaign:
        """Raises NotFoundError."""
        async with self._changes:
            await self.stores.campaigns.set_state(campaign_id, state)
            return await self._reload(campaign_id)

    async def save_agent(self, record: AgentRecord) -> None:
        """Raises ConflictError when the agent is logged in, in another team."""
        async with self._changes:
            self._check_may_join(record)
            team = (await self._runner(record.team_id)).team
            await self.stores.agents.save(record)
            for runner in self.switchboard.runners.values():
                if runner.team is not team:
                    runner.team.agents.pop(record.agent_id, None)
            team.add_agent(record.agent_id, record.name)

    async def _check_keeps_team(self, policy: CampaignPolicy) -> None:
        try:
            stored = await self.stores.campaigns.get(policy.campaign_id)
        except NotFoundError:
            return
        if stored.policy.team_id != policy.team_id:
            raise ConflictError("a campaign cannot change its team")

    def _check_may_join(self, record: AgentRecord) -> None:
        for runner in self.switchboard.runners.values():
            agent = runner.team.agents.get(record.agent_id)
            elsewhere = agent is not None and runner.team.team_id != record.team_id
            if agent is not None and elsewhere and agent.status is not AgentStatus.LOGGED_OUT:
                raise ConflictError("an agent who is logged in cannot change the team")

    async def add_do_not_call(self, phone: str, reason: str) -> None:
        """From this instant nobody rings the number, hoppers included."""
        await self.stores.leads.add_do_not_call(phone, reason=reason, at=self.clock.now())
        for runner in self.switchboard.runners.values():
            held = {
                entry.lead.lead_id
                for run in runner.team.runs.values()
                for entry in run.hopper
                if entry.lead.phone == phone
            }
            if held:
                runner.post(LeadsForgotten(lead_ids=tuple(held), at=self.clock.now()))

    def _backlogs(self) -> dict[TeamId, Backlog]:
        runners = self.switchboard.runners.items()
        return {team_id: Backlog(r.backlog, r.writer.backlog) for team_id, r in runners}

    async def _reload(self, campaign_id: CampaignId) -> Campaign:
        campaign = await self.stores.campaigns.get(campaign_id)
        await self._load(campaign)
        return campaign

    async def _load(self, campaign: Campaign) -> None:
        runner = await self._runner(campaign.policy.team_id)
        event = await load(
            campaign,
            profiles=self.profiles,
            attempts=self.stores.attempts,
            trunks=self.stores.trunks,
            clock=self.clock,
        )
        runner.post(event)

    async def _runner(self, team_id: TeamId) -> TeamRunner:
        """Raises ConflictError when another server runs the team, or this one is about to stop."""
        known = self.switchboard.runners.get(team_id)
        if known is not None:
            return known
        if self.draining:
            raise ConflictError("this server is being stopped")
        fence = await self.ownership.take(team_id)
        if fence is None:
            raise ConflictError(f"another server runs team {team_id!r}")
        runner = TeamRunner(
            Team(team_id, _call_ids(self._random), self.exchanges),
            stores=self.stores,
            telephony=self.exchanges,
            clock=self.clock,
            metrics=self.metrics,
            owner=fenced_owner(team_id, fence),
        )
        self.switchboard.runners[team_id] = runner
        runner.start()
        for node in self.exchanges.up:
            runner.link_up(node)
        return runner


def _call_ids(random: Random) -> Callable[[datetime], CallId]:
    return lambda at: CallId(uuid7(at, random))
