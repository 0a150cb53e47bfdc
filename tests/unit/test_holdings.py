"""What holds leads back, in words; and the dry run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.profile_files import ProfileFiles
from dialer.campaign import CampaignPolicy
from dialer.holdings import RESTS, by_reason, reason_words, sentence
from dialer.ids import CampaignId, LeadId, ListId, TeamId
from dialer.leads import DEFAULT_LIST, Lead, LeadState, Outcome
from dialer.ports import HeldLeads, LeadHoldings
from dialer.rehearsal import rehearse
from dialer.texts import Language

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)  # a Tuesday
HOUR = timedelta(hours=1)
ROME = ZoneInfo("Europe/Rome")
POLICY = CampaignPolicy(campaign_id=CampaignId("spring"), name="Spring", team_id=TeamId("one"))
LEAD = Lead(
    lead_id=LeadId("a"),
    campaign_id=POLICY.campaign_id,
    phone="+390612345678",
    name="",
    zone="Europe/Rome",
    priority=0,
    state=LeadState.NEW,
    attempts=0,
    never_rang=0,
    last_attempt_at=None,
    last_outcome=None,
    last_abandoned_at=None,
    next_attempt_at=None,
)


def held(
    state: LeadState,
    reason: str,
    number: int,
    wakes_at: datetime | None = None,
    list_id: ListId = DEFAULT_LIST,
) -> HeldLeads:
    return HeldLeads(list_id=list_id, state=state, reason=reason, number=number, wakes_at=wakes_at)


def holdings(*groups: HeldLeads) -> LeadHoldings:
    return LeadHoldings(counted_at=NOON, held=groups, due=0, next_hour=0, next_due_at=None)


class TestByReason:
    def test_hours_and_lists_are_put_together_and_the_most_comes_first(self) -> None:
        found = by_reason(
            holdings(
                held(LeadState.DONE, "talked", 9),
                held(LeadState.RETRY, "busy", 2, NOON + 3 * HOUR),
                held(LeadState.RETRY, "busy", 3, NOON + HOUR, ListId(1)),
                held(LeadState.RETRY, "no_answer", 4, NOON + HOUR),
            ),
            resting=(),
        )
        told = [(one.state, one.reason, one.count, one.from_at) for one in found]
        assert told == [
            ("retry", "busy", 5, NOON + HOUR),
            ("retry", "no_answer", 4, NOON + HOUR),
            ("done", "talked", 9, None),
        ]

    def test_what_waits_in_a_list_that_rests_waits_for_that(self) -> None:
        groups = [
            held(state, "", 1, list_id=ListId(1)) for state in (LeadState.NEW, LeadState.DONE)
        ]
        found = by_reason(holdings(*groups), resting={ListId(1)})
        assert [(one.state, one.reason) for one in found] == [("new", RESTS), ("done", "")]

    def test_a_sentence_has_the_count_the_reason_and_the_hour(self) -> None:
        (one,) = by_reason(holdings(held(LeadState.RETRY, "busy", 5, NOON)), resting=())
        english = sentence(one, Language.EN, ROME)
        assert english == "5 wait for another try, the first from 2026-03-03 13:00: busy"
        assert "occupato" in sentence(one, Language.IT, ROME)

    @pytest.mark.parametrize("state", LeadState)
    def test_every_state_has_a_sentence(self, state: LeadState) -> None:
        (one,) = by_reason(holdings(held(state, "", 1)), resting=())
        assert sentence(one, Language.IT, ROME).startswith("1 ")

    def test_a_reason_without_a_text_reads_as_its_word(self) -> None:
        assert reason_words("not_on_sundays", Language.EN) == "not on sundays"


class TestRehearsal:
    law = ProfileFiles().law("IT-GARANTE")

    def test_what_would_be_dialled_now_later_and_not(self) -> None:
        tokyo = replace(LEAD, lead_id=LeadId("b"), zone="Asia/Tokyo")
        used = replace(LEAD, lead_id=LeadId("c"), attempts=POLICY.max_attempts)
        abandoned = replace(
            LEAD,
            lead_id=LeadId("d"),
            last_abandoned_at=NOON - timedelta(days=1),
            last_outcome=Outcome.ABANDONED,
        )
        found = rehearse([LEAD, tokyo, used, abandoned], POLICY, self.law, NOON)
        assert (found.looked_at, found.allowed, found.later) == (4, (LEAD.lead_id,), 0)
        assert found.held == {"calling_hours": 1, "attempts_used": 1, "abandon_block": 1}

    def test_who_may_be_rung_within_the_hour_comes_later(self) -> None:
        early = datetime(2026, 3, 3, 7, 30, tzinfo=UTC)  # half past eight in Rome
        found = rehearse([LEAD], POLICY, self.law, early)
        assert (found.allowed, found.later, found.held) == ((), 1, {})
