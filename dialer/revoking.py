"""Calls taken back before anybody has answered: which may be, which are, and what becomes of their leads.

Theory of operation. When the risk jumps (agents leave, an answer rate doubles) pacing wants fewer calls in flight than there
are (dialer.pacing, `calls_to_revoke`). A call may be taken back while no phone rings: nobody notices, the attempt is not burnt,
the lead is dialled again later. That no phone rings is known only of a trunk that tells of ringing (SIP 180) before each answer:
`TrunkBoard.tells_ringing` learns it. Where the campaign says so, a call that has rung for as long as the law asks may end too:
that is an attempt like any other that nobody answered.

Nobody is rung twice by this. What had begun to ring, as far as the exchange tells before it tells the end, was an attempt; whose
phone may have rung for an instant, unheard, is left alone for GIVEN_BACK_FOR, and the next call to that lead is not taken back
silently again. Nobody is cut off in silence either: who answers in the instant of the hang-up is a person who was abandoned,
and counted as one (calls.outcome_of); where the hang-up came to nothing, one who is given to an agent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer import calls as call_rules
from dialer.calls import Call, CallState
from dialer.campaign import TakeBack
from dialer.campaign_run import CampaignRun, HopperLead
from dialer.commands import Command, HangUp
from dialer.ids import CallId, LeadId, NodeId
from dialer.leads import LeadState, LeadUpdate, Outcome
from dialer.pacing_board import PacingBoard
from dialer.trunk_board import TrunkBoard

GIVEN_BACK_FOR = timedelta(minutes=15)
"""Until the lead of a call taken back is due again."""

UNDER_WAY = timedelta(seconds=1)
"""A call younger than this may not have left yet: a hang-up would find nothing, and it would ring all the same."""

LEAST_RING = timedelta(seconds=15)
"""A call that rings is left to ring for so long, also where the law asks for less: shorter is a prank."""


@dataclass
class Revoking:
    """Works on what the team owns; nothing is remembered here."""

    calls: dict[CallId, Call]
    leads: Mapping[CallId, HopperLead]
    trunks: TrunkBoard
    board: PacingBoard

    def candidates(self, run: CampaignRun, node: NodeId, now: datetime) -> list[CallId]:
        """Calls of the campaign on this server that may be taken back, the first to go first: those for which no phone
        rings, then those that have rung long enough; of each the newest first. One call for each free agent stays: it
        would be placed anew."""
        most = max(-self.board.free_less_calls(node), 0)
        if run.policy.take_back is TakeBack.NEVER or not most:
            return []
        silent, rung = [], []
        for call in self._in_flight(run, node):
            order = call.order
            if call.ringing_at is None:
                if now - order.at >= UNDER_WAY and self._is_silent(call):
                    silent.append((order.at, order.call_id))
            elif now - call.ringing_at >= self._least_ring(run, call):
                rung.append((order.at, order.call_id))
        if run.policy.take_back is TakeBack.SILENT:
            rung = []
        found = (*sorted(silent)[::-1], *sorted(rung)[::-1])
        return [call_id for _, call_id in found[:most]]

    def _in_flight(self, run: CampaignRun, node: NodeId) -> Iterator[Call]:
        """Unanswered, for whoever is free (a call with an agent of its own is no risk), not taken back yet."""
        mine = (run.policy.campaign_id, node)
        for call in self.calls.values():
            if call.state not in (CallState.DIALING, CallState.RINGING):
                continue
            order = call.order
            if (order.campaign_id, order.node) == mine and self.board.knows(order.call_id):
                yield call

    def _least_ring(self, run: CampaignRun, call: Call) -> timedelta:
        """What the law of this lead asks for, and no prank."""
        lead = self.leads[call.order.call_id].lead
        return max(run.rules(lead, call.order.at).values.min_ring, LEAST_RING)

    def _is_silent(self, call: Call) -> bool:
        """No phone rings; and if the lead's last call was taken back too, this one is not."""
        again = self.leads[call.order.call_id].lead.last_outcome is Outcome.CANCELLED
        return not again and self.trunks.tells_ringing(call.order.trunk)

    def take_back(self, call_ids: Sequence[CallId], now: datetime) -> list[Command]:
        """They teach nothing, and count no more as in flight; their end is told by the exchange, as of any call."""
        commands: list[Command] = []
        for call_id in call_ids:
            call = self.calls[call_id] = call_rules.revoked(self.calls[call_id], now)
            self.board.unplaced(call_id)
            commands.append(HangUp(call_id=call_id, node=call.order.node))
        return commands


def given_back(lead_id: LeadId, now: datetime) -> LeadUpdate:
    """Of a lead whose call was taken back before its phone rang: nothing is burnt and nobody is blamed."""
    return LeadUpdate(
        lead_id=lead_id,
        state=LeadState.RETRY,
        next_attempt_at=now + GIVEN_BACK_FOR,
        counts_as_attempt=False,
        outcome=Outcome.CANCELLED,
        blames_number=False,
    )
