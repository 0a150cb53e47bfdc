"""Puts the parts together: the only module that knows them all."""

import asyncio
import platform
from collections.abc import Sequence
from random import Random, SystemRandom

from prometheus_client import CollectorRegistry

from dialer.adapters.exchanges import Exchange, Exchanges
from dialer.adapters.memory_line import MemoryHub
from dialer.adapters.metrics import PrometheusMetrics, TeamCollector, WireCollector
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.server_metrics import Backlog, CallbackCollector, ServerCollector
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.adapters.this_build import log_header
from dialer.agents import Agent, AgentStatus
from dialer.bootstrap_parts import call_ids, pacing_files, wires_of
from dialer.campaign import Campaign, CampaignPolicy, CampaignState
from dialer.campaign_faults import told
from dialer.config import Settings
from dialer.do_not_call import DoNotCall
from dialer.engine.callback_watch import CallbackWatch
from dialer.engine.colleagues import Colleagues
from dialer.engine.disposing import dispose
from dialer.engine.keeper import TeamKeeper
from dialer.engine.lawful import Lawful
from dialer.engine.loader import load
from dialer.engine.overview import Overview
from dialer.engine.ownership import Ownership
from dialer.engine.pacing_tape import PacingTape
from dialer.engine.requests import call_up, call_view, done, request_call, tell_agent
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.engine.tasks import TaskSet
from dialer.engine.wider_windows import WiderWindows
from dialer.errors import (
    ConflictError,
    NotFoundError,
    NotHereError,
    TelephonyDownError,
)
from dialer.events import (
    CallRequested,
    CampaignLoaded,
    DispositionChosen,
    DrainRequested,
    LeadsDue,
    LeadsForgotten,
    ShiftEndSet,
)
from dialer.ids import CallId, CampaignId, ClientId, NodeId, TeamId, uuid7
from dialer.live_ports import (
    AgentChanged,
    AgentRequest,
    CampaignChanged,
    Done,
    DoNotCallChanged,
    HangUpCall,
    Notice,
    Request,
    SaveAgent,
    TeamReleased,
)
from dialer.logs import get_logger
from dialer.pacing_recorder import RecordedBoard
from dialer.ports import AgentRecord, Clock, Metrics, PacingLogs, Stores, fenced_owner
from dialer.team import Team
from dialer.team_view import agent_view

logger = get_logger(__name__)

WRITE_SECONDS = 10.0


class Dialer:
    """The running server: stores, links to Asterisk, one runner a team. Use `start` once and `stop` once.

    `hub`: other servers of this process are at its ends, instead of those on Redis. `pacing_logs`: None, nothing is recorded.
    """

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        clock: Clock,
        random: Random,
        hub: MemoryHub | None = None,
        pacing_logs: PacingLogs | None = None,
    ) -> None:
        self.settings = settings
        self._pacing_logs = pacing_logs
        self.stores = stores
        self.clock = clock
        self.profiles = ProfileFiles(settings.profiles_folder)
        self.lawful = Lawful(
            profiles=self.profiles, trunks=stores.trunks, clock=clock, centre=settings.country
        )
        self.registry = CollectorRegistry()
        self.metrics: Metrics = PrometheusMetrics(self.registry)  # another one: before `start`
        self.switchboard = Switchboard()
        self.ownership = Ownership(stores.leases, clock, f"server:{uuid7(clock.now(), random)}")
        self._tasks = TaskSet()
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = False  # what others ask would not be done any more
        self._random = random
        self.exchanges = self._links()
        self.wires = wires_of(settings, self.ownership.owner, random, self._tasks, hub)
        self.wires.bus.listen(self._answer, self._hear)
        self.wires.wake_ups.listen(self._woken)
        self.colleagues = Colleagues(self.wires.bus, stores.leases, clock, self.ownership.owner)
        self.keeper = TeamKeeper(
            stores=stores,
            clock=clock,
            switchboard=self.switchboard,
            ownership=self.ownership,
            wires=self.wires,
            new_runner=self._new_runner,
            load=self._loaded,
            nodes_up=lambda: self.exchanges.up,
        )
        self.overview = Overview(
            wires=self.wires,
            switchboard=self.switchboard,
            ownership=self.ownership,
            clock=clock,
            teams=lambda: self.keeper.teams,
            host=platform.node(),
        )
        self.windows = WiderWindows(stores=stores, clock=clock, switchboard=self.switchboard)
        self.callbacks = CallbackWatch(stores=stores, clock=clock, switchboard=self.switchboard)
        self._register_collectors()

    def _links(self) -> Exchanges:
        return Exchanges(
            [
                Exchange(s.endpoint(node), s.connect_tone)
                for node, s in self.settings.servers.items()
            ],
            clock=self.clock,
            random=self._random,
            on_event=self.switchboard.deliver,
            on_up=self._link_up,
            on_down=self.switchboard.link_down,
        )

    def _register_collectors(self) -> None:
        """What is counted when it is asked for."""
        self.registry.register(
            TeamCollector(
                lambda: [runner.view() for runner in self.switchboard.runners.values()],
                lambda: self.exchanges.stats,
            )
        )
        self.registry.register(ServerCollector(self.clock, self._backlogs))
        self.registry.register(CallbackCollector(lambda: self.callbacks.counts))
        if self.settings.redis.url:
            self.registry.register(WireCollector(self.wires.stats))

    @classmethod
    async def open(cls, settings: Settings) -> "Dialer":
        """Raises StoreUnavailableError, InvalidInputError."""
        stores = await open_stores(settings.database.url)
        logs = pacing_files(settings) if settings.pacing_log.enabled else None
        return cls(settings, stores, SystemClock(), SystemRandom(), pacing_logs=logs)

    async def start(self) -> None:
        """Save what the settings name, take up every team of the store, connect to Asterisk."""
        for record in self.settings.agent_records():
            await self.stores.agents.save(record)
        for trunk in self.settings.trunks:
            await self.stores.trunks.save(trunk.trunk())
        for client in self.settings.clients:
            await self.stores.clients.save(client.client())
        for campaign, policy in self.settings.campaign_policies():
            await self.stores.campaigns.save(policy)
            if campaign.running:
                await self._run_unless_held(policy.campaign_id)
        await self._pause_the_unlawful()
        await self.keeper.start()
        self.exchanges.start()
        self._keeping = self._tasks.spawn(self.keeper.keep(), "keep_teams")
        self._tasks.spawn(self.colleagues.follow(self._follow), "notices")
        self._tasks.spawn(self.windows.keep(), "wider_windows")
        self._tasks.spawn(self.callbacks.keep(), "callbacks")
        self.wires.start(self.keeper.look_soon)
        if self.wires.shared:
            self._tasks.spawn(self.overview.show_forever(), "show_teams")

    @property
    def draining(self) -> bool:
        return self.keeper.draining

    async def _run_unless_held(self, campaign_id: CampaignId) -> None:
        """After a restore nobody is dialled before a person has looked: what the settings say waits."""
        stored = await self.stores.campaigns.get(campaign_id)
        if stored.held_at is not None:
            logger.warning("campaign_held", campaign=campaign_id, since=stored.held_at)
            return
        await self.stores.campaigns.set_state(campaign_id, CampaignState.RUNNING)

    async def _pause_the_unlawful(self) -> None:
        """What breaks its profile does not dial, whoever had it running: a profile may have gone out of force meanwhile."""
        for campaign in await self.stores.campaigns.all():
            if campaign.state is not CampaignState.RUNNING:
                continue
            campaign_id = campaign.policy.campaign_id
            try:
                faults = await self.lawful.faults(campaign.policy)
            except NotFoundError:
                continue  # a profile that another server has: whoever takes up the team says so
            if faults:
                logger.error("campaign_not_started", campaign=campaign_id, faults=told(faults))
                await self.stores.campaigns.set_state(campaign_id, CampaignState.PAUSED)

    async def drain(self, seconds: float) -> None:
        """No new calls from now on. A team whose talks and wrap-ups have ended is given back at once, so that another
        server can take it. Returns when all are, after `seconds` at the latest. May be cancelled."""
        runners = await self.keeper.drain()
        for runner in runners:
            runner.post(DrainRequested(at=self.clock.now()))
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for runner in runners:
                    group.create_task(self.keeper.give_back_quiet(runner))
        except TimeoutError:
            logger.warning("drain_unfinished", after_seconds=seconds)

    async def stop(self) -> None:
        """Everything decided so far is written, then all is closed. Calls still up stay in the dialplan's hands."""
        self._stopping = True
        async with self.keeper.changes:  # the renewal under way, if any, ends whole
            if self._keeping is not None:
                self._keeping.cancel()
        await self.exchanges.close()
        for runner in list(self.switchboard.runners.values()):
            try:
                await asyncio.wait_for(runner.settle(), timeout=WRITE_SECONDS)
            except TimeoutError:
                logger.error("stop_unwritten", team=runner.team.team_id)
            await runner.close()
        await self.keeper.release()
        await self.wires.close()
        await self._tasks.close()
        await self.stores.close()

    # --- what the API and the command line ask for --------------------------------------------------------------------

    async def save_campaign(self, policy: CampaignPolicy) -> Campaign:
        """Raises NotFoundError when its profile is not there; ConflictError when it would change its team;
        CampaignFaultsError when it runs and would break its profile."""
        self.profiles.get(policy.profile)
        async with self.keeper.changes:
            await self._check_may_change(policy)
            await self.stores.campaigns.save(policy)
            return await self._reload(policy.campaign_id)

    async def set_campaign_state(self, campaign_id: CampaignId, state: CampaignState) -> Campaign:
        """Raises NotFoundError; CampaignFaultsError when it is to run and breaks its profile."""
        async with self.keeper.changes:
            if state is CampaignState.RUNNING:
                await self.lawful.check((await self.stores.campaigns.get(campaign_id)).policy)
            await self.stores.campaigns.set_state(campaign_id, state)
            return await self._reload(campaign_id)

    async def tell_agent(self, event: AgentRequest) -> Done:
        """To the agent's team, wherever it runs. Raises NotFoundError, NotDeliveredError, and see requests.tell_agent."""
        if isinstance(event, ShiftEndSet):  # first of all: who takes the team over reads it
            await self.stores.agents.set_shift_end(event.agent_id, event.ends_at)
        try:
            return tell_agent(self.switchboard, event)
        except NotFoundError:
            team_id = (await self.stores.agents.get(event.agent_id)).team_id
            return await self.colleagues.ask_runner(team_id, event)

    async def request_call(self, event: CallRequested) -> Done:
        """To the agent's team, wherever it runs. Raises NotFoundError, NotDeliveredError, and see requests.request_call."""
        team_id = (await self.stores.agents.get(event.agent_id)).team_id
        if team_id in self.switchboard.runners:
            return await request_call(self.switchboard, self.stores, event)
        return await self.colleagues.ask_runner(team_id, event)

    async def dispose(self, event: DispositionChosen) -> Done:
        """To the agent's team, wherever it runs. Raises NotFoundError, NotDeliveredError, and see disposing.dispose."""
        team_id = (await self.stores.agents.get(event.agent_id)).team_id
        if team_id in self.switchboard.runners:
            return await dispose(self.switchboard, self.stores, event)
        return await self.colleagues.ask_runner(team_id, event)

    async def save_agent(self, record: AgentRecord) -> Done:
        """Raises ConflictError when the agent is logged in, in another team; NotDeliveredError."""
        team_id = await self._present_team(record)
        if team_id not in self.switchboard.runners and await self.colleagues.runner_of(team_id):
            return await self.colleagues.ask_runner(team_id, SaveAgent(record=record))
        return await self._save_agent(record)

    async def hang_up(self, call_id: CallId) -> Done:
        """The call as it was. Raises NotFoundError, NotDeliveredError, TelephonyError."""
        try:
            return await self._hang_up(call_id)
        except NotFoundError as unknown:
            done = await self.colleagues.ask_all(HangUpCall(call_id=call_id))
            if done is None:
                raise unknown
            return done

    async def bar(self, entries: Sequence[DoNotCall]) -> int:
        """From now on nobody rings these numbers, hoppers included; see DoNotCallStore.add."""
        changed = await self.stores.do_not_call.add(entries)
        await self._do_not_call_changed()
        return changed

    async def withdraw_consents(self, phone: str, client_id: ClientId, who: str) -> int:
        """Nobody rings the number for this client any more, hoppers included; see ConsentStore.withdraw."""
        at = self.clock.now()
        ended = await self.stores.consents.withdraw(phone, client_id=client_id, at=at, who=who)
        await self._do_not_call_changed()
        return ended

    def leads_added(self, campaign_id: CampaignId) -> None:
        """Whoever runs the campaign asks for leads at once."""
        self._woken(campaign_id)
        self.wires.wake_ups.wake(campaign_id)

    # --- what other servers ask and tell ------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Done:
        if self._stopping:
            raise NotHereError
        match request:
            case SaveAgent(record=record):
                if await self._present_team(record) not in self.switchboard.runners:
                    raise NotHereError
                return await self._save_agent(record)
            case HangUpCall(call_id=call_id):
                return await self._hang_up(call_id)
            case CallRequested(agent_id=agent_id) | DispositionChosen(agent_id=agent_id):
                if (await self.stores.agents.get(agent_id)).team_id not in self.switchboard.runners:
                    raise NotHereError
                if isinstance(request, DispositionChosen):
                    return await dispose(self.switchboard, self.stores, request)
                return await request_call(self.switchboard, self.stores, request)
            case _:
                try:
                    return tell_agent(self.switchboard, request)
                except NotFoundError:
                    raise NotHereError from None

    def _hear(self, notice: Notice) -> None:
        if isinstance(notice, TeamReleased):
            self.keeper.look_soon()
        else:
            self.colleagues.noticed(notice)

    async def _follow(self, notice: Notice) -> None:
        match notice:
            case CampaignChanged(campaign_id=campaign_id):
                async with self.keeper.changes:
                    campaign = await self.stores.campaigns.get(campaign_id)
                    if campaign.policy.team_id in self.switchboard.runners:
                        await self.keeper.load(campaign)
                    else:
                        self.keeper.look_soon()  # a new team's, perhaps
            case AgentChanged(agent_id=agent_id):
                async with self.keeper.changes:
                    record = await self.stores.agents.get(agent_id)
                    self.keeper.follow_agent(record)
            case DoNotCallChanged():
                await self._forget_do_not_call()
            case TeamReleased():
                self.keeper.look_soon()

    def _woken(self, campaign_id: CampaignId) -> None:
        for runner in self.switchboard.runners.values():
            if campaign_id in runner.team.runs:
                runner.post(LeadsDue(campaign_id=campaign_id, at=self.clock.now()))

    # --- as it is done here -------------------------------------------------------------------------------------------

    async def _present_team(self, record: AgentRecord) -> TeamId:
        """The agent's by the store; of a new agent the one to be."""
        try:
            return (await self.stores.agents.get(record.agent_id)).team_id
        except NotFoundError:
            return record.team_id

    async def _save_agent(self, record: AgentRecord) -> Done:
        async with self.keeper.changes:
            self._check_may_join(record)
            here = await self.keeper.runner(record.team_id)
            await self.stores.agents.save(record)
            self.keeper.follow_agent(await self.stores.agents.get(record.agent_id))
            self.wires.bus.tell(AgentChanged(agent_id=record.agent_id))
            if here is not None:
                return done(here, here.team.agents[record.agent_id])
        new = Agent(agent_id=record.agent_id, name=record.name)
        return Done(team_id=record.team_id, agent=agent_view(new))

    async def _hang_up(self, call_id: CallId) -> Done:
        call = call_up(self.switchboard, call_id)
        telephony = self.exchanges[call.order.node]
        if not telephony.up:
            raise TelephonyDownError
        await telephony.hang_up(call_id)
        return Done(call=call_view(call))

    async def _check_may_change(self, policy: CampaignPolicy) -> None:
        try:
            stored = await self.stores.campaigns.get(policy.campaign_id)
        except NotFoundError:
            return
        if stored.policy.team_id != policy.team_id:
            raise ConflictError("a campaign cannot change its team")
        if stored.state is CampaignState.RUNNING:
            await self.lawful.check(policy)

    def _check_may_join(self, record: AgentRecord) -> None:
        for runner in self.switchboard.runners.values():
            agent = runner.team.agents.get(record.agent_id)
            elsewhere = agent is not None and runner.team.team_id != record.team_id
            if agent is not None and elsewhere and agent.status is not AgentStatus.LOGGED_OUT:
                raise ConflictError("an agent who is logged in cannot change the team")

    async def _do_not_call_changed(self) -> None:
        await self._forget_do_not_call()
        self.wires.bus.tell(DoNotCallChanged())

    async def _forget_do_not_call(self) -> None:
        """Out of the hoppers with the numbers that their clients may not ring now."""
        at = self.clock.now()
        for runner, run in self.switchboard.runs():
            phones = {phone for entry in run.hopper for phone in entry.lead.every_phone}
            listed = await self.stores.do_not_call.matching(
                phones, client_id=run.policy.client_id, at=at
            )
            gone = tuple(
                entry.lead.lead_id
                for entry in run.hopper
                if not listed.keys().isdisjoint(entry.lead.every_phone)
            )
            if gone:
                runner.post(LeadsForgotten(lead_ids=gone, at=at))

    def _backlogs(self) -> dict[TeamId, Backlog]:
        runners = self.switchboard.runners.items()
        return {team_id: Backlog(r.backlog, r.writer.backlog) for team_id, r in runners}

    async def _reload(self, campaign_id: CampaignId) -> Campaign:
        campaign = await self.stores.campaigns.get(campaign_id)
        await self.keeper.load(campaign)
        self.wires.bus.tell(CampaignChanged(campaign_id=campaign_id))
        return campaign

    async def _loaded(self, campaign: Campaign) -> CampaignLoaded:
        return await load(
            campaign,
            profiles=self.profiles,
            stores=self.stores,
            clock=self.clock,
            centre=self.settings.country,
        )

    def _new_runner(self, team_id: TeamId, fence: int) -> TeamRunner:
        board = RecordedBoard() if self._pacing_logs is not None else None
        return TeamRunner(
            Team(team_id, call_ids(self._random), self.exchanges, board),
            stores=self.stores,
            telephony=self.exchanges,
            clock=self.clock,
            metrics=self.metrics,
            owner=fenced_owner(team_id, fence),
            tape=self._tape(team_id, board) if board is not None else None,
        )

    def _tape(self, team_id: TeamId, board: RecordedBoard) -> PacingTape:
        assert self._pacing_logs is not None
        return PacingTape(
            team_id,
            board,
            self._pacing_logs,
            header=log_header,
            file_bytes=self.settings.pacing_log.file_bytes,
            clock=self.clock,
            metrics=self.metrics,
        )

    def _link_up(self, node: NodeId) -> None:
        self.switchboard.link_up(node)
        self.keeper.look_soon()
