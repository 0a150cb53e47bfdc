"""Orders for the simulated exchange, as the product gives them."""

from datetime import datetime, timedelta

from dialer.commands import AnswerRule, PlaceCall
from dialer.ids import CallId, CampaignId, LeadId, TrunkId
from dialer.profiles import NoAgentAction


def call_of(number: int, at: datetime, *, screen: bool = False, trunk: str = "t") -> PlaceCall:
    return PlaceCall(
        call_id=CallId(f"call-{number}"),
        campaign_id=CampaignId("c"),
        lead_id=LeadId(str(number)),
        phone=f"+3906{number:06}",
        caller_id="+390600",
        trunk=TrunkId(trunk),
        dial=f"PJSIP/+3906{number:06}@{trunk}",
        ring_timeout=timedelta(seconds=25),
        answer_rule=AnswerRule(
            limit=timedelta(milliseconds=2950),
            action=NoAgentAction.HANG_UP,
            noise="dialer-comfort",
            message="",
            screen=screen,
        ),
        at=at,
    )
