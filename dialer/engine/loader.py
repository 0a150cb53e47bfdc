"""A campaign as its team needs it: policy, profile, and what its legal windows have counted so far."""

from dialer.campaign import Campaign
from dialer.events import CampaignLoaded, WindowCount
from dialer.ports import AttemptStore, Clock, ProfileBook
from dialer.profiles import window_start


async def load(
    campaign: Campaign, *, profiles: ProfileBook, attempts: AttemptStore, clock: Clock
) -> CampaignLoaded:
    """Raises NotFoundError when the campaign names a profile that is not there."""
    now = clock.now()
    profile = profiles.get(campaign.policy.profile)
    campaign_id = campaign.policy.campaign_id
    started_at = await attempts.first_started_at(campaign_id)
    counts = []
    for window in profile.windows:
        since = window_start(window, profile, started_at, now)
        count = await attempts.abandon_count(campaign_id, since=since)
        counts.append(WindowCount(answered=count.answered, abandoned=count.abandoned))
    return CampaignLoaded(
        campaign=campaign, profile=profile, started_at=started_at, counts=tuple(counts), at=now
    )
