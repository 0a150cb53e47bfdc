"""What the legal windows of a campaign have seen besides what its team counts: in a window of the whole client or the whole call
centre the other campaigns' calls, wherever they are dialled; in a rolling one the calls of before the campaign was loaded.

Read from the store every SECONDS: so old the others' counts may be when a call is decided. What a team counts itself is always
of now.
"""

import asyncio
from datetime import datetime

from dialer.abandonment import AbandonFormula, Counts, EventClass
from dialer.campaign import Campaign
from dialer.campaign_run import CampaignRun
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.errors import StoreUnavailableError
from dialer.events import NOTHING_SEEN, CountsElsewhere, WindowCount
from dialer.ids import CampaignId
from dialer.logs import get_logger
from dialer.ports import Clock, Stores
from dialer.profiles import AbandonWindow, Profile, Scope, WindowType, window_start

logger = get_logger(__name__)

SECONDS = 30.0


def counted(found: Counts, formula: AbandonFormula) -> WindowCount:
    """What one window has seen, as the budget adds to it call by call. Machines among unscreened drops are not credited
    here: the guard does not live on estimates in its own favour."""
    return WindowCount(
        answered=sum(formula.weighs(of)[0] * number for of, number in found.items()),
        abandoned=sum(formula.weighs(of)[1] * number for of, number in found.items()),
        machines=found.get(EventClass.MACHINE, 0),
    )


def in_scope(
    window: AbandonWindow, campaign: Campaign, everything: list[Campaign]
) -> list[CampaignId]:
    """The campaigns whose calls the window counts together."""
    match window.scope:
        case Scope.CAMPAIGN:
            return [campaign.policy.campaign_id]
        case Scope.CLIENT:
            client = campaign.policy.client_id
            return [c.policy.campaign_id for c in everything if c.policy.client_id == client]
        case Scope.CALL_CENTRE:
            return [c.policy.campaign_id for c in everything]


async def elsewhere(
    stores: Stores,
    campaign: Campaign,
    everything: list[Campaign],
    profile: Profile,
    started_at: datetime | None,
    *,
    loaded_at: datetime,
    now: datetime,
) -> tuple[WindowCount, ...]:
    """One per window of the profile. `everything`: all campaigns there are. Raises StoreUnavailableError."""
    found = []
    for window in profile.every_window:
        since = window_start(window, profile, started_at, now)
        found.append(
            await _others(stores, window, campaign, everything, profile.formula, since)
            + await _before(stores, window, campaign, profile.formula, since, loaded_at)
        )
    return tuple(found)


async def _others(
    stores: Stores,
    window: AbandonWindow,
    campaign: Campaign,
    everything: list[Campaign],
    formula: AbandonFormula,
    since: datetime | None,
) -> WindowCount:
    own = campaign.policy.campaign_id
    others = [each for each in in_scope(window, campaign, everything) if each != own]
    if not others:
        return NOTHING_SEEN
    return counted(await stores.attempts.event_counts(others, formula, since=since), formula)


async def _before(
    stores: Stores,
    window: AbandonWindow,
    campaign: Campaign,
    formula: AbandonFormula,
    since: datetime | None,
    loaded_at: datetime,
) -> WindowCount:
    """Of a rolling window, this campaign's own calls before `loaded_at`."""
    if window.type is not WindowType.ROLLING or since is None or since >= loaded_at:
        return NOTHING_SEEN
    found = await stores.attempts.event_counts(
        [campaign.policy.campaign_id], formula, since=since, until=loaded_at
    )
    return counted(found, formula)


def _looks_wider(run: CampaignRun) -> bool:
    return run.dials and bool(run.budget.profile.windows_beyond)


class WiderWindows:
    """Tells the teams of this server."""

    def __init__(self, *, stores: Stores, clock: Clock, switchboard: Switchboard) -> None:
        self._stores = stores
        self._clock = clock
        self._switchboard = switchboard

    async def keep(self) -> None:
        """For good."""
        while True:
            await asyncio.sleep(SECONDS)
            await self.tell()

    async def tell(self) -> None:
        """Once, to every team. While the store cannot be read, what was told last holds."""
        try:
            wide = [(runner, run) for runner, run in self._switchboard.runs() if _looks_wider(run)]
            everything = await self._stores.campaigns.all() if wide else []
            for runner, run in wide:
                await self._tell(runner, run, everything)
        except StoreUnavailableError as error:
            logger.warning("windows_not_counted", reason=error)

    async def _tell(self, runner: TeamRunner, run: CampaignRun, everything: list[Campaign]) -> None:
        budget, now = run.budget, self._clock.now()
        if budget.loaded_at is None:
            return
        counts = await elsewhere(
            self._stores,
            run.campaign,
            everything,
            budget.profile,
            budget.started_at,
            loaded_at=budget.loaded_at,
            now=now,
        )
        runner.post(
            CountsElsewhere(
                campaign_id=run.campaign.policy.campaign_id,
                profile=budget.profile.name,
                counts=counts,
                at=now,
            )
        )
