"""AttemptStore: what every store of attempts does."""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from dialer.abandonment import DEFAULT_FORMULA, EventClass
from dialer.commands import (
    CloseAttempt,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
)
from dialer.errors import ConflictError, IllegalTransitionError, NotFoundError
from dialer.ids import AgentId, CallId, LeadId, NodeId
from dialer.leads import LeadState, Outcome
from dialer.ports import Attempt, OpenAttempt
from tests.contract.world import (
    AUTUMN,
    HOUR,
    MINUTE,
    NOON,
    SPRING,
    TRUNK,
    World,
    call_to,
    closing,
    number,
)

AGENT = AgentId("101")


class TestOpening:
    async def test_an_opened_attempt_is_stored_and_its_lead_is_being_dialled(
        self, world: World
    ) -> None:
        lead = await world.reserved(1)
        call = call_to(lead, at=NOON + MINUTE)
        assert await world.open([call]) == {call.call_id}
        assert await world.get(lead) == replace(
            lead, state=LeadState.DIALING, last_attempt_at=NOON + MINUTE
        )
        assert await world.attempt(call) == Attempt(
            call_id=call.call_id,
            campaign_id=SPRING,
            lead_id=lead.lead_id,
            trunk=TRUNK,
            started_at=NOON + MINUTE,
            ringing_at=None,
            answered_at=None,
            bridged_at=None,
            ended_at=None,
            outcome=None,
            cause=None,
            agent_id=None,
            disposition=None,
        )

    async def test_a_batch_is_written_but_for_those_that_may_not_ring(self, world: World) -> None:
        for index in range(5):
            await world.lead(index)
        leads = await world.reserve()
        await world.stores.leads.release([leads[1].lead_id], owner="one")
        await world.bar(number(3))
        calls = [call_to(lead) for lead in leads]
        assert await world.open(calls) == {calls[index].call_id for index in (0, 2, 4)}
        assert await world.state(leads[1]) is LeadState.NEW
        assert await world.stores.attempts.of_lead(leads[1].lead_id) == []

    async def test_nothing_is_opened_for_an_empty_batch(self, world: World) -> None:
        assert await world.open([]) == set()

    async def test_a_lead_that_another_owner_holds_is_left_out(self, world: World) -> None:
        lead = await world.reserved(1)
        assert await world.open([call_to(lead)], owner="two") == set()
        assert await world.state(lead) is LeadState.RESERVED

    async def test_an_unknown_lead_is_left_out(self, world: World) -> None:
        lead = replace(await world.reserved(1), lead_id=LeadId("unknown"))
        assert await world.open([call_to(lead)]) == set()

    async def test_a_call_for_another_campaign_than_the_leads_is_left_out(
        self, world: World
    ) -> None:
        lead = replace(await world.reserved(1), campaign_id=AUTUMN)
        assert await world.open([call_to(lead)]) == set()

    async def test_a_lead_that_is_being_dialled_is_left_out(self, world: World) -> None:
        lead = await world.reserved(1)
        assert await world.open([call_to(lead, "first")]) == {"first"}
        assert await world.open([call_to(lead, "second")]) == set()

    async def test_a_lead_twice_in_one_batch_rings_once(self, world: World) -> None:
        lead = await world.reserved(1)
        written = await world.open([call_to(lead, "first"), call_to(lead, "second")])
        assert len(written) == len(await world.stores.attempts.of_lead(lead.lead_id)) == 1

    async def test_a_call_id_is_used_once(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY)
        other = await world.lead(2)
        first, second = await world.reserve()
        assert await world.open([replace(call_to(first), call_id=call.call_id)]) == set()
        twice = [call_to(first, "same"), call_to(second, "same")]
        assert await world.open(twice) == {"same"}
        assert second.lead_id == other.lead_id
        states = {await world.state(first), await world.state(second)}
        assert states == {LeadState.DIALING, LeadState.RESERVED}

    async def test_two_owners_who_ring_one_number_at_once_ring_it_once(self, world: World) -> None:
        spring, autumn = await world.lead(1), await world.lead(1, campaign=AUTUMN)
        await world.reserve(owner="one")
        await world.reserve(owner="two", campaign=AUTUMN)
        written = await asyncio.gather(
            world.open([call_to(spring, "spring")], owner="one"),
            world.open([call_to(autumn, "autumn")], owner="two"),
        )
        assert sorted(map(len, written)) == [0, 1]
        states = sorted([await world.state(spring), await world.state(autumn)])
        assert states == [LeadState.DIALING, LeadState.RESERVED]

    async def test_a_number_may_be_rung_again_once_its_attempt_is_closed(
        self, world: World
    ) -> None:
        await world.lead(1, campaign=AUTUMN)
        (autumn,) = await world.reserve(campaign=AUTUMN)
        call = await world.dialed(1)
        assert await world.open([call_to(autumn, "autumn")]) == set()
        await world.close(call)
        assert await world.open([call_to(autumn, "autumn")]) == {"autumn"}

    async def test_of_many_openers_of_one_lead_one_wins(self, world: World) -> None:
        lead = await world.reserved(1)
        written = await asyncio.gather(
            *(world.open([call_to(lead, f"try-{number}")]) for number in range(6))
        )
        assert sorted(map(len, written)) == [0, 0, 0, 0, 0, 1]


class TestMarking:
    async def test_the_first_answer_and_the_first_bridge_are_kept(self, world: World) -> None:
        call = await world.dialed(1)
        attempts = world.stores.attempts
        for delay in (MINUTE, HOUR):
            await attempts.mark_answered(call.call_id, at=NOON + delay)
            await attempts.mark_bridged(call.call_id, at=NOON + 2 * delay, agent_id=AGENT)
        attempt = await world.attempt(call)
        assert (attempt.answered_at, attempt.bridged_at) == (NOON + MINUTE, NOON + 2 * MINUTE)
        assert attempt.agent_id == AGENT

    async def test_a_closed_attempt_takes_no_marks(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call)
        before = await world.attempt(call)
        await world.stores.attempts.mark_answered(call.call_id, at=NOON + HOUR)
        await world.stores.attempts.mark_bridged(call.call_id, at=NOON + HOUR, agent_id=AGENT)
        assert await world.attempt(call) == before

    async def test_marks_for_an_unknown_attempt_change_nothing(self, world: World) -> None:
        call = await world.dialed(1)
        before = await world.attempt(call)
        await world.stores.attempts.mark_answered(CallId("unknown"), at=NOON)
        await world.stores.attempts.mark_bridged(CallId("unknown"), at=NOON, agent_id=AGENT)
        assert await world.attempt(call) == before


class TestClosing:
    async def test_the_attempt_ends_and_the_lead_follows(self, world: World) -> None:
        call = await world.dialed(1)
        lead = await world.get(call)
        await world.close(call, Outcome.NO_ANSWER, state=LeadState.RETRY, next_at=NOON + HOUR)
        assert await world.get(call) == replace(
            lead,
            state=LeadState.RETRY,
            attempts=1,
            last_outcome=Outcome.NO_ANSWER,
            next_attempt_at=NOON + HOUR,
        )
        attempt = await world.attempt(call)
        assert (attempt.ended_at, attempt.outcome, attempt.cause) == (
            NOON + MINUTE,
            Outcome.NO_ANSWER,
            17,
        )

    async def test_everything_that_the_close_says_is_stored(self, world: World) -> None:
        call = await world.dialed(1)
        close = replace(
            closing(call, Outcome.TALKED, LeadState.DONE, None, NOON + 5 * MINUTE),
            ringing_at=NOON + MINUTE,
            answered_at=NOON + 2 * MINUTE,
            bridged_at=NOON + 3 * MINUTE,
            agent_id=AGENT,
            cause=16,
        )
        await world.stores.attempts.close(close)
        assert await world.attempt(call) == Attempt(
            call_id=call.call_id,
            campaign_id=SPRING,
            lead_id=call.lead_id,
            trunk=TRUNK,
            started_at=NOON,
            ringing_at=NOON + MINUTE,
            answered_at=NOON + 2 * MINUTE,
            bridged_at=NOON + 3 * MINUTE,
            ended_at=NOON + 5 * MINUTE,
            outcome=Outcome.TALKED,
            cause=16,
            agent_id=AGENT,
            disposition=None,
        )

    async def test_what_was_marked_stays_where_the_close_does_not_know_it(
        self, world: World
    ) -> None:
        call = await world.dialed(1)
        await world.stores.attempts.mark_answered(call.call_id, at=NOON + MINUTE)
        await world.stores.attempts.mark_bridged(call.call_id, at=NOON + 2 * MINUTE, agent_id=AGENT)
        await world.close(call, Outcome.LOST)
        attempt = await world.attempt(call)
        assert (attempt.answered_at, attempt.bridged_at) == (NOON + MINUTE, NOON + 2 * MINUTE)
        assert attempt.agent_id == AGENT

    async def test_closing_a_closed_attempt_changes_nothing(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, Outcome.BUSY, state=LeadState.RETRY, next_at=NOON + HOUR)
        lead, attempt = await world.get(call), await world.attempt(call)
        await world.close(call, Outcome.TALKED, state=LeadState.DONE)
        await world.close(call, Outcome.TALKED, state=LeadState.NEW)
        assert (await world.get(call), await world.attempt(call)) == (lead, attempt)

    async def test_closing_a_closed_attempt_leaves_the_next_attempt_alone(
        self, world: World
    ) -> None:
        first = await world.dialed(1)
        await world.close(first, state=LeadState.RETRY)
        (lead,) = await world.reserve()
        second = call_to(lead, "second")
        await world.open([second])
        await world.close(first)
        assert await world.state(lead) is LeadState.DIALING
        assert [one.call_id for one in await world.stores.attempts.still_open([SPRING])] == [
            "second"
        ]

    async def test_failures_of_the_network_are_counted_apart_and_in_a_row(
        self, world: World
    ) -> None:
        await world.lead(1)
        seen = []
        for outcome in (Outcome.FAILED, Outcome.CONGESTION, Outcome.BUSY, Outcome.UNREACHABLE):
            (lead,) = await world.reserve()
            call = call_to(lead, f"call-{outcome}")
            await world.open([call])
            await world.close(call, outcome, state=LeadState.RETRY)
            lead = await world.get(call)
            seen.append((lead.attempts, lead.never_rang))
        assert seen == [(0, 1), (0, 2), (1, 0), (1, 1)]

    async def test_the_last_abandonment_is_remembered(self, world: World) -> None:
        await world.lead(1)
        for outcome in (Outcome.ABANDONED, Outcome.BUSY):
            (lead,) = await world.reserve()
            call = call_to(lead, f"call-{outcome}")
            await world.open([call])
            await world.close(call, outcome, state=LeadState.RETRY)
            assert (await world.get(call)).last_abandoned_at == NOON + MINUTE

    async def test_only_a_lead_in_retry_has_a_next_time(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.DONE, next_at=NOON + HOUR)
        assert (await world.get(call)).next_attempt_at is None

    @pytest.mark.parametrize("state", [LeadState.NEW, LeadState.RESERVED, LeadState.DIALING])
    async def test_a_forbidden_move_of_the_lead_is_refused_and_changes_nothing(
        self, world: World, state: LeadState
    ) -> None:
        call = await world.dialed(1)
        lead, attempt = await world.get(call), await world.attempt(call)
        with pytest.raises(IllegalTransitionError):
            await world.close(call, state=state)
        assert (await world.get(call), await world.attempt(call)) == (lead, attempt)

    async def test_an_update_of_another_lead_is_refused_and_changes_nothing(
        self, world: World
    ) -> None:
        other = await world.lead(2)
        await world.stores.leads.add_do_not_call(number(2), reason="asked", at=NOON)
        call = await world.dialed(1)
        with pytest.raises(ConflictError):
            await world.close(call, lead_id=other.lead_id)
        assert await world.state(call) is LeadState.DIALING

    async def test_an_unknown_attempt_is_not_found(self, world: World) -> None:
        lead = await world.reserved(1)
        with pytest.raises(NotFoundError):
            await world.close(call_to(lead))

    async def test_of_many_closers_one_counts(self, world: World) -> None:
        call = await world.dialed(1)
        await asyncio.gather(*(world.close(call, state=LeadState.RETRY) for _ in range(5)))
        assert (await world.get(call)).attempts == 1


class TestDispositions:
    async def test_the_agents_word_is_kept_and_the_lead_stays(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, Outcome.TALKED)
        lead = await world.get(call)
        await world.dispose(call, "sold")
        attempt = await world.attempt(call)
        assert (attempt.disposition, attempt.agent_id) == ("sold", AGENT)
        assert await world.get(call) == lead

    async def test_the_agent_who_talked_stays_the_agent(self, world: World) -> None:
        call = await world.dialed(1)
        await world.stores.attempts.mark_bridged(call.call_id, at=NOON, agent_id=AgentId("7"))
        await world.dispose(call, "sold")
        assert (await world.attempt(call)).agent_id == "7"

    async def test_a_callback_has_a_lead_that_is_done_tried_again(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, Outcome.TALKED)
        lead = await world.get(call)
        await world.dispose(call, callback_at=NOON + HOUR)
        assert await world.get(call) == replace(
            lead, state=LeadState.RETRY, next_attempt_at=NOON + HOUR, held_by="callback"
        )
        assert await world.reserve(at=NOON + HOUR - MINUTE) == []
        assert len(await world.reserve(at=NOON + HOUR)) == 1

    async def test_a_callback_sets_another_time_for_a_lead_that_waits(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        await world.dispose(call, callback_at=NOON + 2 * HOUR)
        assert await world.reserve(at=NOON + HOUR) == []
        assert len(await world.reserve(at=NOON + 2 * HOUR)) == 1

    async def test_a_callback_agreed_during_the_talk_holds_when_the_attempt_closes(
        self, world: World
    ) -> None:
        call = await world.dialed(1)
        await world.dispose(call, callback_at=NOON + HOUR)
        assert await world.state(call) is LeadState.DIALING
        await world.close(call, Outcome.TALKED, state=LeadState.DONE)
        lead = await world.get(call)
        assert (lead.state, lead.next_attempt_at) == (LeadState.RETRY, NOON + HOUR)
        assert (lead.attempts, lead.last_outcome) == (1, Outcome.TALKED)

    async def test_the_last_word_during_the_talk_holds(self, world: World) -> None:
        call = await world.dialed(1)
        await world.dispose(call, callback_at=NOON + HOUR)
        await world.dispose(call, "sold")
        await world.close(call, Outcome.TALKED, state=LeadState.DONE)
        assert await world.state(call) is LeadState.DONE
        assert (await world.attempt(call)).disposition == "sold"

    async def test_a_callback_does_not_bring_back_who_is_excluded(self, world: World) -> None:
        call = await world.dialed(1)
        await world.dispose(call, callback_at=NOON + HOUR)
        await world.close(call, Outcome.TALKED, state=LeadState.EXCLUDED)
        attempt = await world.attempt(call)
        with pytest.raises(IllegalTransitionError):
            await world.dispose(call, "again", callback_at=NOON + HOUR)
        assert await world.state(call) is LeadState.EXCLUDED
        assert await world.attempt(call) == attempt

    async def test_a_callback_to_a_number_on_the_do_not_call_list_excludes_the_lead(
        self, world: World
    ) -> None:
        call = await world.dialed(1)
        await world.close(call, Outcome.TALKED)
        await world.bar(number(1))
        await world.dispose(call, callback_at=NOON + HOUR)
        assert await world.state(call) is LeadState.EXCLUDED

    async def test_a_late_callback_takes_a_reserved_lead_from_its_owner(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY)
        (lead,) = await world.reserve()
        await world.dispose(call, callback_at=NOON + HOUR)
        assert await world.open([call_to(lead, "second")]) == set()
        assert await world.state(lead) is LeadState.RETRY

    async def test_a_late_callback_leaves_a_lead_that_is_dialled_again_alone(
        self, world: World
    ) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY)
        (lead,) = await world.reserve()
        await world.open([call_to(lead, "second")])
        with pytest.raises(IllegalTransitionError):
            await world.dispose(call, callback_at=NOON + HOUR)
        assert await world.state(lead) is LeadState.DIALING
        assert (await world.attempt(call)).disposition is None

    async def test_an_unknown_attempt_is_not_found(self, world: World) -> None:
        lead = await world.reserved(1)
        with pytest.raises(NotFoundError):
            await world.dispose(call_to(lead))


def _closing(
    call: PlaceCall, outcome: Outcome = Outcome.BUSY, state: LeadState = LeadState.DONE
) -> CloseAttempt:
    return closing(call, outcome, state, None, NOON + HOUR)


class TestManyRecordsAtOnce:
    async def test_each_is_kept_as_if_it_came_alone(self, world: World) -> None:
        first, second = await world.dialed(1), await world.dialed(2)
        refused = await world.stores.attempts.record(
            [
                MarkAnswered(call_id=first.call_id, answered_at=NOON + MINUTE),
                MarkBridged(call_id=first.call_id, bridged_at=NOON + 2 * MINUTE, agent_id=AGENT),
                _closing(first, Outcome.TALKED),
                RecordDisposition(
                    call_id=first.call_id,
                    agent_id=AGENT,
                    disposition="sold",
                    callback_at=None,
                    at=NOON + HOUR,
                ),
                _closing(second, Outcome.BUSY, LeadState.RETRY),
            ]
        )
        assert refused == {}
        talked = await world.attempt(first)
        assert (talked.answered_at, talked.bridged_at) == (NOON + MINUTE, NOON + 2 * MINUTE)
        assert (talked.outcome, talked.disposition) == (Outcome.TALKED, "sold")
        assert (await world.attempt(second)).outcome is Outcome.BUSY
        assert (await world.get(second)).state is LeadState.RETRY

    async def test_one_that_is_refused_changes_nothing_and_holds_up_none(
        self, world: World
    ) -> None:
        first, second = await world.dialed(1), await world.dialed(2)
        strange = replace(_closing(second), lead_update=_closing(first).lead_update)
        unknown = replace(_closing(second), call_id=CallId("no-such-call"))
        refused = await world.stores.attempts.record(
            [unknown, _closing(first, Outcome.BUSY), strange, _closing(second, Outcome.NO_ANSWER)]
        )
        assert {place: type(error) for place, error in refused.items()} == {
            0: NotFoundError,
            2: ConflictError,
        }
        assert (await world.attempt(first)).outcome is Outcome.BUSY
        assert (await world.attempt(second)).outcome is Outcome.NO_ANSWER

    async def test_none_are_nothing(self, world: World) -> None:
        assert await world.stores.attempts.record([]) == {}


class TestLooking:
    async def test_what_is_still_open(self, world: World) -> None:
        await world.close(await world.dialed(1))
        lead, other = await world.reserved(2), await world.dialed(3, campaign=AUTUMN)
        call = replace(call_to(lead), node=NodeId("milano"))
        await world.open([call])
        await world.stores.attempts.mark_answered(call.call_id, at=NOON + MINUTE)
        await world.stores.attempts.mark_bridged(call.call_id, at=NOON + HOUR, agent_id=AGENT)
        still_open = await world.stores.attempts.still_open([SPRING])
        assert still_open == [
            OpenAttempt(
                call_id=call.call_id,
                campaign_id=SPRING,
                lead_id=call.lead_id,
                trunk=TRUNK,
                started_at=NOON,
                answered_at=NOON + MINUTE,
                bridged_at=NOON + HOUR,
                agent_id=AGENT,
                attempts=0,
                node=NodeId("milano"),
            )
        ]
        both = await world.stores.attempts.still_open([SPRING, AUTUMN])
        assert {attempt.call_id for attempt in both} == {call.call_id, other.call_id}
        assert await world.stores.attempts.still_open([]) == []

    async def test_an_open_attempt_tells_how_often_its_lead_was_tried_before(
        self, world: World
    ) -> None:
        await world.close(await world.dialed(1), state=LeadState.RETRY)
        (lead,) = await world.reserve()
        await world.open([call_to(lead, "second")])
        (attempt,) = await world.stores.attempts.still_open([SPRING])
        assert attempt.attempts == 1

    async def test_the_attempts_of_a_lead_oldest_first(self, world: World) -> None:
        await world.lead(1)
        for hour, call_id in enumerate(("b", "c", "a")):
            (lead,) = await world.reserve()
            call = call_to(lead, call_id, at=NOON + hour * HOUR)
            await world.open([call])
            await world.close(call, state=LeadState.RETRY)
        attempts = await world.stores.attempts.of_lead(lead.lead_id)
        assert [attempt.call_id for attempt in attempts] == ["b", "c", "a"]
        assert await world.stores.attempts.of_lead(LeadId("unknown")) == []

    async def test_the_last_ended_attempts_of_a_campaign_newest_first(self, world: World) -> None:
        for hour, call_id in enumerate(("b", "c", "a")):
            lead = await world.reserved(hour)
            call = call_to(lead, call_id, at=NOON + hour * HOUR)
            await world.open([call])
            await world.close(call)
        await world.dialed(9)
        attempts = world.stores.attempts
        found = await attempts.last_ended(SPRING, 2)
        assert [attempt.call_id for attempt in found] == ["a", "c"]
        assert found[0] in await attempts.of_lead(found[0].lead_id)
        assert len(await attempts.last_ended(SPRING, 10)) == 3
        assert await attempts.last_ended(AUTUMN, 10) == []
        assert await attempts.last_ended(SPRING, 0) == []

    async def test_outcomes_count_closed_attempts(self, world: World) -> None:
        for index, outcome in enumerate((Outcome.BUSY, Outcome.TALKED, Outcome.BUSY)):
            await world.tried(outcome, index, answered_at=NOON)
        await world.dialed(9)
        assert await world.stores.attempts.outcomes(SPRING) == {
            Outcome.BUSY: 2,
            Outcome.TALKED: 1,
        }
        assert await world.stores.attempts.outcomes(AUTUMN) == {}

    async def test_when_a_campaign_began(self, world: World) -> None:
        assert await world.stores.attempts.first_started_at(SPRING) is None
        await world.lead(1)
        await world.lead(2)
        first, second = await world.reserve()
        await world.open([call_to(first, at=NOON + HOUR)])
        await world.open([call_to(second, at=NOON + MINUTE)])
        assert await world.stores.attempts.first_started_at(SPRING) == NOON + MINUTE
        assert await world.stores.attempts.first_started_at(AUTUMN) is None

    async def test_closed_attempts_come_latest_first_from_an_instant_on(self, world: World) -> None:
        calls = []
        for minutes in range(4):
            call = call_to(await world.reserved(minutes), at=NOON + minutes * MINUTE)
            await world.open([call])
            calls.append(call)
        for call in calls[:3]:
            close = closing(call, Outcome.BUSY, LeadState.RETRY, NOON + HOUR, NOON + 5 * MINUTE)
            await world.stores.attempts.close(close)
        attempts = world.stores.attempts

        async def found(since: datetime, most: int) -> list[CallId]:
            closed = await attempts.closed_since(SPRING, since=since, most=most)
            return [each.call_id for each in closed]

        assert await found(NOON, 10) == [calls[2].call_id, calls[1].call_id, calls[0].call_id]
        assert await found(NOON + MINUTE, 10) == [calls[2].call_id, calls[1].call_id]
        assert await found(NOON, 1) == [calls[2].call_id]
        assert await attempts.closed_since(AUTUMN, since=NOON, most=10) == []

    async def test_answered_calls_are_counted_by_their_class(self, world: World) -> None:
        for index, outcome in enumerate(Outcome):
            await world.tried(outcome, index, answered_at=NOON)
        await world.stores.attempts.mark_answered((await world.dialed(99)).call_id, at=NOON)
        expected = {
            EventClass.LATE: 1,
            EventClass.SILENT: 2,  # abandoned; and answered, its end not seen
            EventClass.GAVE_UP: 1,
            EventClass.MACHINE: 1,
        }
        count = partial(world.stores.attempts.event_counts, [SPRING], DEFAULT_FORMULA)
        assert await count(since=None) == expected
        assert await count(since=NOON) == expected
        assert await count(since=NOON + MINUTE) == {}
        assert await count(since=None, until=NOON) == {}
        assert await count(since=None, until=NOON + MINUTE) == expected
        others = [AUTUMN]
        assert await world.stores.attempts.event_counts(others, DEFAULT_FORMULA, since=None) == {}
        patient = replace(DEFAULT_FORMULA, allowance=MINUTE)
        both = await world.stores.attempts.event_counts([SPRING, AUTUMN], patient, since=None)
        assert (both[EventClass.CONNECTED], both[EventClass.LEFT_EARLY]) == (1, 1)

    async def test_an_agents_word_that_it_was_a_machine_changes_its_class(
        self, world: World
    ) -> None:
        call = await world.tried(Outcome.TALKED, 1, answered_at=NOON)
        await world.dispose(call, "machine")
        found = await world.stores.attempts.event_counts([SPRING], DEFAULT_FORMULA, since=None)
        assert found == {EventClass.MACHINE_BRIDGED: 1}
        await world.dispose(call, "sale")
        found = await world.stores.attempts.event_counts([SPRING], DEFAULT_FORMULA, since=None)
        assert found == {EventClass.LATE: 1}

    async def test_a_drop_with_its_message_and_one_that_nobody_screened(self, world: World) -> None:
        call = await world.dialed(1)
        close = closing(call, Outcome.ABANDONED, LeadState.DONE, None, NOON + MINUTE, NOON)
        await world.stores.attempts.close(replace(close, message=True, screened=False))
        count = world.stores.attempts.event_counts
        assert await count([SPRING], DEFAULT_FORMULA, since=None) == {EventClass.MESSAGE: 1}
        credited = replace(DEFAULT_FORMULA, machine_credit=True)
        assert await count([SPRING], credited, since=None) == {EventClass.UNSCREENED_DROP: 1}

    async def test_an_abandonment_that_nobody_saw_answered_counts_from_its_end(
        self, world: World
    ) -> None:
        await world.close(await world.dialed(1), Outcome.ABANDONED, ended_at=NOON + HOUR)
        count = partial(world.stores.attempts.event_counts, [SPRING], DEFAULT_FORMULA)
        assert await count(since=NOON + HOUR) == {EventClass.SILENT: 1}
        assert await count(since=NOON + HOUR + MINUTE) == {}
