"""Whether a campaign may start: the law that holds for it, asked with the trunks that it dials by."""

from dataclasses import dataclass

from dialer.campaign import CampaignPolicy
from dialer.campaign_faults import CampaignFaultsError, Fault, campaign_faults
from dialer.ports import Clock, ProfileBook, TrunkStore
from dialer.trunks import named


@dataclass(frozen=True, kw_only=True)
class Lawful:
    """`centre`: the country that the calls come from (ISO 3166); empty: nobody has said."""

    profiles: ProfileBook
    trunks: TrunkStore
    clock: Clock
    centre: str = ""

    async def faults(self, policy: CampaignPolicy) -> tuple[Fault, ...]:
        """Raises NotFoundError where the campaign names a profile that is not there."""
        now = self.clock.now()
        law = self.profiles.law(policy.profile, sector=policy.sector, centre=self.centre)
        return campaign_faults(
            policy,
            law.of_campaign(now),
            named(policy.trunks, await self.trunks.all()),
            now=now,
            sectors=self.profiles.sectors,
        )

    async def check(self, policy: CampaignPolicy) -> None:
        """Raises CampaignFaultsError; NotFoundError where the profile is not there."""
        if faults := await self.faults(policy):
            raise CampaignFaultsError(faults)
