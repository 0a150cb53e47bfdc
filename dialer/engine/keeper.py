"""Keeps this server's teams: takes them up, follows what the store says of them, gives them up and back.

Every RENEWAL, and as soon as there may be a team to take: renew our leases, take up teams that are nobody's as far as our
share goes, and bring agents and campaigns up to date with the store. So whatever another server told, and was not heard, is
done a little later all the same.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from dialer.agents import AgentStatus
from dialer.campaign import Campaign
from dialer.engine.ownership import RENEWAL, Ownership, Standing
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.errors import ConflictError, NotFoundError, StoreUnavailableError
from dialer.events import CampaignLoaded, ShiftEndSet
from dialer.ids import CampaignId, NodeId, TeamId
from dialer.live_ports import TeamReleased, Wires
from dialer.logs import get_logger
from dialer.ports import AgentRecord, Clock, Stores
from dialer.team_view import at_rest
from dialer.trunks import named

logger = get_logger(__name__)

AFTER_END_SECONDS = 0.1
"""A lease that ran out is looked at this much later: clocks and statements take their time."""


class TeamKeeper:
    """`changes` is held by whoever changes the store and a team together, so that both see the same order.

    `new_runner` makes the runner of a team under a fence, not started yet; `load` reads a campaign as its team needs it;
    `nodes_up` names the Asterisk servers whose links are up.
    """

    def __init__(
        self,
        *,
        stores: Stores,
        clock: Clock,
        switchboard: Switchboard,
        ownership: Ownership,
        wires: Wires,
        new_runner: Callable[[TeamId, int], TeamRunner],
        load: Callable[[Campaign], Awaitable[CampaignLoaded]],
        nodes_up: Callable[[], Sequence[NodeId]],
    ) -> None:
        self.changes = asyncio.Lock()
        self.teams: frozenset[TeamId] = frozenset()  # of the store, at the last look
        self.draining = False  # no team is taken up any more
        self._stores = stores
        self._clock = clock
        self._switchboard = switchboard
        self._ownership = ownership
        self._wires = wires
        self._new_runner = new_runner
        self._load = load
        self._nodes_up = nodes_up
        self._wanted = asyncio.Event()
        self._started = False
        self._told: set[CampaignId] = (
            set()
        )  # campaigns of which the log has said that they cannot be loaded

    def look_soon(self) -> None:
        """There may be a team to take, or a share to give back."""
        self._wanted.set()

    async def start(self) -> None:
        """Take up what may be ours, read and loaded when this returns. Raises StoreUnavailableError."""
        await self._take_up(await self._ownership.standing())
        await asyncio.gather(*(r.settle() for r in self._switchboard.runners.values()))
        self._started = True

    async def keep(self) -> None:
        """For good; to be cancelled while `changes` is held."""
        seconds = RENEWAL.total_seconds()
        while True:
            await self._wait_for_a_look(seconds)
            try:
                async with self.changes:
                    standing = await self._renew()
                    await self._take_up(standing)
                    await self._give_back_one(standing)
                seconds = self._seconds_to_next_look(standing)
            except StoreUnavailableError as error:
                logger.warning("leases_not_renewed", reason=error)
                seconds = RENEWAL.total_seconds()
            except Exception:  # the next look renews; without it the teams would be lost
                logger.exception("look_failed")
                seconds = RENEWAL.total_seconds()

    async def _wait_for_a_look(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), timeout=seconds)
        self._wanted.clear()

    async def _renew(self) -> Standing:
        for team_id in await self._ownership.renew():
            await self._give_up(team_id)
        standing = await self._ownership.standing()
        if self._nodes_up() and not self.draining:
            await self._ownership.sit_down(standing)
        return standing

    def _seconds_to_next_look(self, standing: Standing) -> float:
        """Until our leases are to be renewed, or another server's run out without that."""
        seconds = RENEWAL.total_seconds()
        end = standing.first_end(besides=self._ownership.owner)
        if end is None:
            return seconds
        return min(seconds, max((end - self._clock.now()).total_seconds() + AFTER_END_SECONDS, 0.1))

    async def _give_up(self, team_id: TeamId) -> None:
        """Another server runs the team now: what we know of its calls is written, the rest is that server's."""
        runner = self._switchboard.runners.pop(team_id)
        try:
            await asyncio.wait_for(runner.settle(), timeout=RENEWAL.total_seconds())
        except TimeoutError:
            logger.warning("team_lost_unwritten", team=team_id)
        await runner.close()

    async def _give_back_one(self, standing: Standing) -> None:
        """When we run more than our share: a team that nobody would miss for a moment goes to another server."""
        if self.draining or not self._ownership.too_many(len(self.teams), standing):
            return
        for team_id, runner in self._switchboard.runners.items():
            if not at_rest(runner.team):
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEWAL.total_seconds() / 2):
                    await runner.settle()
                if at_rest(runner.team):  # and nothing is decided from here on
                    del self._switchboard.runners[team_id]
                    await runner.close()
                    await self._release(team_id)
            return

    async def _release(self, team_id: TeamId) -> None:
        await self._ownership.give_back(team_id)
        self._wires.bus.tell(TeamReleased(team_id=team_id))

    # --- before the end -----------------------------------------------------------------------------------------------

    async def drain(self) -> list[TeamRunner]:
        """Take up no team from now on, and leave the others their shares. Returns the runners that are left."""
        self.draining = True
        async with self.changes:
            with contextlib.suppress(StoreUnavailableError):
                await self._ownership.stand_up()
            return list(self._switchboard.runners.values())

    async def give_back_quiet(self, runner: TeamRunner) -> None:
        """Wait until the draining team is quiet, then let another server take it."""
        team_id = runner.team.team_id
        await runner.quiet()
        async with self.changes:
            if self._switchboard.runners.get(team_id) is not runner:
                return  # lost meanwhile
            del self._switchboard.runners[team_id]
            try:
                await runner.settle()
            finally:
                await runner.close()
            with contextlib.suppress(StoreUnavailableError):  # `release` tries again
                await self._release(team_id)

    async def release(self) -> None:
        """All are anybody's; to be called when no runner is left."""
        try:
            for team_id in await self._ownership.release():
                self._wires.bus.tell(TeamReleased(team_id=team_id))
        except StoreUnavailableError:
            logger.warning("leases_unreleased")  # they run out by themselves

    # --- taking up ----------------------------------------------------------------------------------------------------

    async def _take_up(self, standing: Standing) -> None:
        """Teams of the store that are ours or may become so run here, with the store's agents and campaigns."""
        if self.draining:
            return
        agents = await self._stores.agents.all()
        campaigns = await self._stores.campaigns.all()
        trunks = await self._stores.trunks.all()
        teams = {record.team_id for record in agents} | {c.policy.team_id for c in campaigns}
        self.teams = frozenset(teams)
        for team_id in sorted(teams):
            if self._ownership.fence(team_id) is None and not (
                standing.holder(team_id) is None and self._ownership.may_take(len(teams), standing)
            ):
                continue
            runner = await self.runner(team_id)
            if runner is None:
                continue
            self._follow_agents(runner, agents)
            for campaign in campaigns:
                run = runner.team.runs.get(campaign.policy.campaign_id)
                wanted = named(campaign.policy.trunks, trunks)
                changed = run is None or run.campaign != campaign or run.trunks != wanted
                if campaign.policy.team_id == team_id and changed:
                    await self._load_if_possible(campaign)

    async def _load_if_possible(self, campaign: Campaign) -> None:
        """One that cannot be loaded stops the start, where somebody reads why, and later no other campaign."""
        try:
            await self.load(campaign)
        except NotFoundError as error:
            if not self._started:
                raise
            campaign_id = campaign.policy.campaign_id
            if campaign_id not in self._told:
                self._told.add(campaign_id)
                logger.error("campaign_not_loaded", campaign=campaign_id, reason=error)

    def _follow_agents(self, runner: TeamRunner, records: Sequence[AgentRecord]) -> None:
        """Who is in the team by the store is in it, with the end of the shift; who is not any more leaves it, once logged out."""
        team = runner.team
        for record in records:
            known = team.agents.get(record.agent_id)
            if record.team_id == team.team_id:
                if known is None or known.name != record.name:
                    team.add_agent(record.agent_id, record.name)
                if known is None:
                    self._follow_shift(runner, record)
            elif known is not None and known.status is AgentStatus.LOGGED_OUT:
                team.forget_agent(record.agent_id, self._clock.now())

    def _follow_shift(self, runner: TeamRunner, record: AgentRecord) -> None:
        ends_at, now = record.shift_ends_at, self._clock.now()
        if ends_at is not None and ends_at > now:
            runner.post(ShiftEndSet(agent_id=record.agent_id, ends_at=ends_at, at=now))

    # --- at once, for whoever holds `changes` -------------------------------------------------------------------------

    def follow_agent(self, record: AgentRecord) -> None:
        """What the store says of one agent."""
        for runner in self._switchboard.runners.values():
            self._follow_agents(runner, [record])

    async def load(self, campaign: Campaign) -> None:
        """Tell the campaign's team, if it runs here or can."""
        runner = await self.runner(campaign.policy.team_id)
        if runner is not None:
            runner.post(await self._load(campaign))

    async def runner(self, team_id: TeamId) -> TeamRunner | None:
        """Of a team that is ours, or becomes so because it is nobody's; None: another server runs it.
        Raises ConflictError when this one is about to stop."""
        known = self._switchboard.runners.get(team_id)
        if known is not None:
            return known
        if self.draining:
            raise ConflictError("this server is being stopped")
        fence = await self._ownership.take(team_id)
        if fence is None:
            return None
        runner = self._new_runner(team_id, fence)
        self._switchboard.runners[team_id] = runner
        runner.start()
        for node in self._nodes_up():
            runner.link_up(node)
        return runner
