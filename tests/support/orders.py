"""Orders for the simulated exchange, as the product gives them."""

from dataclasses import replace
from datetime import datetime

from dialer.commands import PlaceCall
from dialer.ids import LeadId, TrunkId
from tests.support.playbook import order


def call_of(number: int, at: datetime, *, screen: bool = False, trunk: str = "t") -> PlaceCall:
    """To a person of its own: the `number`-th."""
    call, phone = order(f"call-{number}"), f"+3906{number:06}"
    return replace(
        call,
        lead_id=LeadId(str(number)),
        phone=phone,
        caller_id="+390600",
        trunk=TrunkId(trunk),
        dial=f"PJSIP/{phone}@{trunk}",
        answer_rule=replace(call.answer_rule, screen=screen),
        at=at,
    )
