"""How much likelier than the average of its campaign a lead answers, where its list gives a chance.

Theory of operation. Whoever made the list may have chances from elsewhere, and they may be too high or too low altogether: only
how they differ is believed. The odds of a lead are its own (chance / (1 - chance)) over those of the average lead; what that is,
is learnt from the calls placed: stochastic approximation brings the mean weight of the calls to 1, so that the campaign's answer
curve, which is of its average call, stays right. A lead without a chance is an average one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from dialer.leads import Lead

SURE = 0.98
"""A chance nearer to 1, or to 0, is not believed."""

MOST = 20.0
"""Times the average, or one in so many of it."""

STEP = 0.02
"""Of the logarithm of the scale, for each call."""


@dataclass
class LeadOdds:
    """Of one campaign. Mutable; owned by its CampaignRun."""

    average: float | None = (
        None  # odds of the average lead, as the list has it; None: no lead with a chance was met
    )

    def meet(self, leads: Iterable[Lead]) -> None:
        """Leads that will be dialled. The first with chances say where to begin."""
        if self.average is None:
            given = [_odds(lead.answer_odds) for lead in leads if lead.answer_odds is not None]
            self.average = median(given) if given else None

    def of(self, lead: Lead) -> float:
        """Times the odds of an average lead; 1 where nothing is known."""
        if lead.answer_odds is None or self.average is None:
            return 1.0
        return min(max(_odds(lead.answer_odds) / self.average, 1.0 / MOST), MOST)

    def placed(self, lead: Lead, chance: float) -> None:
        """A call to this lead leaves; `chance`: of the campaign's average call to be answered."""
        if lead.answer_odds is not None and self.average is not None:
            odds = self.of(lead)
            weight = odds / (1.0 + chance * (odds - 1.0))
            self.average *= math.exp(STEP * (weight - 1.0))


def _odds(chance: float) -> float:
    sure = min(max(chance, 1.0 - SURE), SURE)
    return sure / (1.0 - sure)
