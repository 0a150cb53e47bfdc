"""Callbacks are booked with the agent's word, settled by the calls that follow, and moved or cancelled by people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dialer.callback_ports import EVERY_CALLBACK, CallbackFilter
from dialer.callbacks import Booking, Callback, CallbackKind, CallbackState
from dialer.clients import Client
from dialer.commands import PlaceCall, RecordDisposition
from dialer.dispositions import Category, Ruling
from dialer.errors import ConflictError, IllegalTransitionError, InvalidInputError, NotFoundError
from dialer.ids import MAIN_CLIENT, AgentId, CallbackId, ClientId
from dialer.leads import Lead, LeadState, Outcome
from tests.contract.world import AUTUMN, HOUR, LEASE, MINUTE, NOON, SPRING, World, call_to, policy

ANNA, BRUNO = AgentId("101"), AgentId("102")
DUE = NOON + 3 * HOUR


def booking(due_at: datetime = DUE, agent_id: AgentId | None = ANNA, tries: int = 2) -> Booking:
    return Booking(
        kind=CallbackKind.RECALL,
        due_at=due_at,
        agent_id=agent_id,
        grace=15 * MINUTE,
        most_tries=tries,
        note="after lunch",
    )


async def says(
    world: World, call: PlaceCall, wanted: Booking | None, *, at: datetime = NOON + 2 * MINUTE
) -> None:
    """A callback; without one, that the call came to a sale."""
    agreed = Ruling(category=Category.CALLBACK, lead_state=LeadState.RETRY, booking=wanted)
    if wanted is not None:
        agreed = replace(agreed, next_at=wanted.due_at)
    ruling = agreed if wanted else Ruling(category=Category.SUCCESS, lead_state=LeadState.DONE)
    word = RecordDisposition(
        call_id=call.call_id,
        agent_id=ANNA,
        disposition="callback" if wanted else "sale",
        callback_at=wanted.due_at if wanted else None,
        at=at,
        ruling=ruling,
    )
    await world.stores.attempts.record_disposition(word)


async def promised(
    world: World, index: int = 1, wanted: Booking | None = None, *, during: bool = False
) -> PlaceCall:
    """A talk in which a callback was agreed: during it, or in the wrap-up."""
    call = await world.dialed(index)
    if during:
        await says(world, call, wanted or booking())
    await world.close(call, Outcome.TALKED)
    if not during:
        await says(world, call, wanted or booking())
    return call


async def of(world: World, call: PlaceCall) -> Callback:
    return await world.stores.callbacks.get(CallbackId(call.call_id))


async def due(world: World, at: datetime = DUE, *, owner: str = "one") -> list[Lead]:
    return await world.stores.callbacks.reserve_due(SPRING, 10, owner=owner, lease=LEASE, at=at)


async def rung(world: World, lead: Lead, name: str, at: datetime = DUE) -> PlaceCall:
    """The next call to a lead that is reserved."""
    call = call_to(lead, name, at=at)
    assert await world.open([call]) == {call.call_id}
    return call


async def missed(world: World, call: PlaceCall, next_at: datetime, state: str = "retry") -> None:
    await world.close(
        call, Outcome.BUSY, state=LeadState(state), next_at=next_at, ended_at=next_at - MINUTE
    )


async def page(world: World, wanted: CallbackFilter = EVERY_CALLBACK) -> Sequence[Callback]:
    return await world.stores.callbacks.page(SPRING, wanted, after=None, limit=10)


class TestBooking:
    async def test_it_is_kept_with_the_word_in_the_talk_or_after_it(self, world: World) -> None:
        for index, during in ((1, True), (2, False)):
            call = await promised(world, index, during=during)
            callback = await of(world, call)
            assert (callback.state, callback.due_at) == (CallbackState.BOOKED, DUE)
            assert (callback.agent_id, callback.booked_by) == (ANNA, ANNA)
            assert (callback.grace, callback.note) == (15 * MINUTE, "after lunch")
            assert callback.client_id == MAIN_CLIENT
            lead = await world.get(call)
            assert (lead.state, lead.next_attempt_at) == (LeadState.RETRY, DUE)

    async def test_the_same_word_again_books_nothing_more_and_another_time_moves_it(
        self, world: World
    ) -> None:
        call = await promised(world)
        before = await of(world, call)
        await says(world, call, booking(), at=NOON + 5 * MINUTE)
        assert await of(world, call) == before
        assert len(await page(world)) == 1
        await says(world, call, booking(DUE + HOUR, None), at=NOON + 5 * MINUTE)
        (callback,) = await page(world)
        assert (callback.due_at, callback.agent_id) == (DUE + HOUR, None)

    async def test_another_word_cancels_it_and_the_first_again_books_it(self, world: World) -> None:
        call = await promised(world)
        await says(world, call, None)
        cancelled = await of(world, call)
        assert (cancelled.state, cancelled.reason) == (CallbackState.CANCELLED, "disposition")
        assert await due(world) == []
        await says(world, call, booking(), at=NOON + 5 * MINUTE)
        assert (await of(world, call)).state is CallbackState.BOOKED
        assert [lead.lead_id for lead in await due(world)] == [call.lead_id]

    async def test_a_refused_word_books_nothing_and_a_barred_number_is_promised_nothing(
        self, world: World
    ) -> None:
        call = await world.dialed()
        await world.close(call, Outcome.TALKED, state=LeadState.EXCLUDED)
        with pytest.raises(IllegalTransitionError):
            await says(world, call, booking())
        assert await page(world) == []
        call = await world.dialed(2)
        await says(world, call, booking())
        await world.bar(call.phone)
        await world.close(call, Outcome.TALKED)
        assert (await of(world, call)).state is CallbackState.CANCELLED


class TestReserving:
    async def test_not_before_its_time_and_by_one_caller_only(self, world: World) -> None:
        call = await promised(world)
        assert await world.stores.callbacks.waiting_of({call.lead_id}) == {
            call.lead_id: await of(world, call)
        }
        assert await due(world, DUE - MINUTE) == []
        assert await due(world, owner="team:one#1") == []  # a team that was lost
        (lead,) = await due(world)
        assert lead.lead_id == call.lead_id
        assert lead.callback == await of(world, call)
        assert await due(world, owner="two") == []
        assert [found.lead_id for found in await due(world, DUE + LEASE, owner="two")] == [
            lead.lead_id
        ]

    async def test_in_the_order_of_the_times_and_the_next_one_is_foretold(
        self, world: World
    ) -> None:
        assert await world.stores.callbacks.next_at(SPRING, at=NOON) is None
        late = await promised(world, 1, booking(DUE))
        assert await world.stores.callbacks.next_at(SPRING, at=NOON) == DUE
        assert await world.stores.callbacks.next_at(SPRING, at=DUE + HOUR) == DUE + HOUR
        assert await world.stores.callbacks.next_at(AUTUMN, at=NOON) is None
        early = await promised(world, 2, booking(DUE - HOUR))
        assert [lead.lead_id for lead in await due(world)] == [early.lead_id, late.lead_id]

    async def test_a_barred_number_never_and_its_callback_is_cancelled(self, world: World) -> None:
        call = await promised(world)
        await world.bar(call.phone)
        assert await due(world) == []
        await world.stores.callbacks.next_at(SPRING, at=DUE)
        callback = await of(world, call)
        assert (callback.state, callback.reason) == (CallbackState.CANCELLED, "do_not_call")
        assert await world.stores.callbacks.next_at(SPRING, at=DUE) is None

    async def test_what_was_put_off_waits_for_its_new_time(self, world: World) -> None:
        await promised(world)
        (lead,) = await due(world)
        opening = DUE + 9 * HOUR
        await world.stores.leads.defer(
            lead.lead_id, owner="one", state=LeadState.RETRY, not_before=opening, reason="hours"
        )
        assert await due(world, opening - MINUTE) == []
        assert await world.stores.callbacks.next_at(SPRING, at=DUE) == opening
        (lead,) = await due(world, opening)
        assert lead.callback is not None
        assert lead.callback.due_at == DUE  # what was agreed stands


class TestCalls:
    async def test_a_talk_keeps_the_promise(self, world: World) -> None:
        call = await promised(world)
        (lead,) = await due(world)
        again = await rung(world, lead, "again")
        assert await due(world, owner="two") == []  # while it rings, nobody else
        await world.close(again, Outcome.TALKED, ended_at=DUE + MINUTE)
        callback = await of(world, call)
        assert (callback.state, callback.tries) == (CallbackState.DONE, 1)
        assert await due(world, DUE + 9 * HOUR) == []

    async def test_who_is_not_reached_is_tried_again_and_given_up(self, world: World) -> None:
        call = await promised(world)
        (lead,) = await due(world)
        again = await rung(world, lead, "again")
        await world.close(again, Outcome.CONGESTION, state=LeadState.RETRY, next_at=DUE + HOUR)
        callback = await of(world, call)  # what never rang is no try
        assert (callback.tries, callback.state) == (0, CallbackState.BOOKED)
        for tries, state in ((1, CallbackState.BOOKED), (2, CallbackState.EXPIRED)):
            at = DUE + tries * HOUR
            (lead,) = await due(world, at)
            await missed(world, await rung(world, lead, f"try-{tries}", at), at + HOUR)
            callback = await of(world, call)
            assert (callback.state, callback.tries) == (state, tries)
        assert callback.reason == "tries_used"
        assert (await world.get(call)).state is LeadState.RETRY  # as any other lead from now on

    async def test_a_lead_that_is_over_takes_it_along(self, world: World) -> None:
        call = await promised(world)
        (lead,) = await due(world)
        await missed(world, await rung(world, lead, "again"), DUE, state="done")
        assert (await of(world, call)).state is CallbackState.EXPIRED

    async def test_another_one_agreed_in_the_callback_keeps_the_first(self, world: World) -> None:
        first = await promised(world)
        (lead,) = await due(world)
        again = await rung(world, lead, "later")
        await says(world, again, booking(DUE + HOUR), at=DUE + MINUTE)
        await world.close(again, Outcome.TALKED, ended_at=DUE + 2 * MINUTE)
        assert (await of(world, first)).state is CallbackState.DONE
        assert (await of(world, again)).state is CallbackState.BOOKED
        assert [found.lead_id for found in await due(world, DUE + HOUR)] == [first.lead_id]

    async def test_a_late_word_on_an_old_talk_leaves_the_new_one(self, world: World) -> None:
        old = await world.dialed()
        await world.close(old, Outcome.BUSY, state=LeadState.RETRY, next_at=NOON + HOUR)
        (lead,) = await world.reserve(at=NOON + HOUR)
        new = await rung(world, lead, "zz-new", NOON + HOUR)
        await world.close(new, Outcome.TALKED, ended_at=NOON + HOUR + MINUTE)
        await says(world, new, booking(), at=NOON + HOUR + 2 * MINUTE)
        await says(world, old, booking(DUE + HOUR), at=NOON + HOUR + 3 * MINUTE)
        assert [each.callback_id for each in await page(world)] == [new.call_id]


class TestPeople:
    async def test_an_escalated_one_stays_so_until_it_is_moved(self, world: World) -> None:
        call = await promised(world)
        name = CallbackId(call.call_id)
        await world.stores.callbacks.escalate(name, at=DUE)
        (lead,) = await due(world)
        await missed(world, await rung(world, lead, "again"), DUE + HOUR)
        assert (await of(world, call)).state is CallbackState.ESCALATED
        moved = await world.stores.callbacks.move(
            name, client_id=MAIN_CLIENT, due_at=DUE + 2 * HOUR, agent_id=BRUNO, at=DUE
        )
        assert (moved.state, moved.agent_id) == (CallbackState.BOOKED, BRUNO)
        assert moved == await of(world, call)
        assert (await world.get(call)).next_attempt_at == DUE + 2 * HOUR

    async def test_a_cancelled_one_is_not_called(self, world: World) -> None:
        call = await promised(world)
        name = CallbackId(call.call_id)
        for _ in range(2):
            done = await world.stores.callbacks.cancel(
                name, client_id=MAIN_CLIENT, reason="by_hand", at=NOON + HOUR
            )
            assert (done.state, done.reason) == (CallbackState.CANCELLED, "by_hand")
        lead = await world.get(call)
        assert (lead.state, lead.held_by) == (LeadState.DONE, "by_hand")
        assert await due(world) == []
        with pytest.raises(ConflictError):
            await world.stores.callbacks.move(
                name, client_id=MAIN_CLIENT, due_at=DUE + HOUR, agent_id=None, at=NOON
            )

    async def test_nobody_changes_one_that_is_being_called(self, world: World) -> None:
        call = await promised(world)
        (lead,) = await due(world)
        await rung(world, lead, "again")
        name = CallbackId(call.call_id)
        with pytest.raises(ConflictError, match="being called"):
            await world.stores.callbacks.cancel(
                name, client_id=MAIN_CLIENT, reason="by_hand", at=DUE
            )
        with pytest.raises(ConflictError, match="being called"):
            await world.stores.callbacks.move(
                name, client_id=MAIN_CLIENT, due_at=DUE + HOUR, agent_id=None, at=DUE
            )
        assert (await of(world, call)).due_at == DUE

        reserved = await promised(world, 2)
        (lead,) = await due(world)
        other = CallbackId(reserved.call_id)
        await world.stores.callbacks.cancel(
            other, client_id=MAIN_CLIENT, reason="by_hand", at=DUE
        )  # out of the hands of the team
        assert await world.open([call_to(lead, "third", at=DUE)]) == frozenset()

    async def test_what_is_anothers_or_past_or_unknown_is_refused(self, world: World) -> None:
        call = await promised(world)
        name, other = CallbackId(call.call_id), ClientId("other")
        with pytest.raises(NotFoundError):
            await world.stores.callbacks.cancel(name, client_id=other, reason="x", at=NOON)
        with pytest.raises(NotFoundError):
            await world.stores.callbacks.move(
                name, client_id=other, due_at=DUE + HOUR, agent_id=None, at=NOON
            )
        with pytest.raises(InvalidInputError, match="due_at"):
            await world.stores.callbacks.move(
                name, client_id=MAIN_CLIENT, due_at=NOON, agent_id=None, at=DUE
            )
        with pytest.raises(NotFoundError):
            await world.stores.callbacks.get(CallbackId("none"))
        assert (await of(world, call)).state is CallbackState.BOOKED
        await world.stores.clients.save(Client(client_id=other, name="Other"))
        await world.stores.campaigns.save(replace(policy(SPRING), client_id=other))
        assert await page(world) == []  # the campaign works for somebody else now

    async def test_pages_and_what_is_looked_for(self, world: World) -> None:
        calls = [await promised(world, n, booking(DUE + n * HOUR)) for n in (1, 2, 3)]
        names = sorted(call.call_id for call in calls)
        store = world.stores.callbacks
        first = await store.page(SPRING, EVERY_CALLBACK, after=None, limit=2)
        rest = await store.page(SPRING, EVERY_CALLBACK, after=first[-1].callback_id, limit=2)
        assert [each.callback_id for each in (*first, *rest)] == names
        soon = CallbackFilter(due_from=DUE + HOUR, due_before=DUE + 2 * HOUR)
        assert [each.due_at for each in await page(world, soon)] == [DUE + HOUR]
        assert await page(world, CallbackFilter(agent_id=BRUNO)) == []
        assert len(await page(world, CallbackFilter(state=CallbackState.BOOKED))) == 3
        counted = await store.counts(SPRING, at=DUE + 2 * HOUR + timedelta(seconds=1))
        assert (counted.waiting, counted.overdue) == (3, 2)

        await world.stores.ledger.erase(calls[0].lead_id, at=NOON + HOUR)
        assert [(await of(world, call)).note for call in calls] == ["", *2 * ["after lunch"]]
