"""A campaign's lists: how they are mixed, and the order of each."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import Answer, Body, CampaignIdPath, Line
from dialer.ids import CampaignId, ListId
from dialer.lead_lists import MOST_WEIGHT, LeadList, LeadOrder, ListSettings
from dialer.leads import DEFAULT_LIST

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

LARGEST_SEED = 2**53 - 1
"""A client in JavaScript keeps no larger number."""

Weight = Annotated[
    int,
    Field(ge=0, le=MOST_WEIGHT, description="Share among the lists that have leads; 0: it rests"),
]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED, description="Of the order `random`")]


class ListBody(Body):
    name: Line = Field(description="Empty: the leads that were given no list")
    weight: Weight = 1
    order: LeadOrder = LeadOrder.PRIORITY
    seed: Seed = 0


class ListAnswer(Answer):
    id: ListId = Field(description="Counts from 0 in each campaign")
    name: str
    weight: int
    order: LeadOrder
    seed: int
    created_at: datetime | None = Field(description="null: the unnamed list, never changed")

    @classmethod
    def of(cls, stored: LeadList) -> Self:
        settings = stored.settings
        return cls(
            id=stored.list_id,
            name=settings.name,
            weight=settings.weight,
            order=settings.order,
            seed=settings.seed,
            created_at=stored.created_at,
        )


@router.get(
    "/{campaign_id}/lists", summary="The campaign's lists", responses=problems(404, 422, 503)
)
async def lists(campaign_id: CampaignIdPath, dialer: DialerDep) -> list[ListAnswer]:
    """The unnamed one first."""
    await dialer.stores.campaigns.get(campaign_id)
    return [ListAnswer.of(each) for each in await dialer.stores.lists.all(campaign_id)]


@router.put(
    "/{campaign_id}/lists",
    summary="Make a list, or change the one of this name",
    responses=problems(*BODY_ERRORS, 404, 503),
)
async def put_list(campaign_id: CampaignIdPath, body: ListBody, dialer: DialerDep) -> ListAnswer:
    """Answered when the order holds for all of its leads: with millions, that takes minutes. Where the answer does not come,
    send it again."""
    wanted = ListSettings(
        campaign_id=campaign_id,
        name=body.name,
        weight=body.weight,
        order=body.order,
        seed=body.seed,
    )
    stored = await dialer.stores.lists.put(wanted, at=dialer.clock.now())
    dialer.leads_added(campaign_id)  # a list that rested may have some
    return ListAnswer.of(stored)


async def list_named(dialer: DialerDep, campaign_id: CampaignId, name: str) -> ListId:
    """The campaign's list of this name; made where there is none."""
    if not name:
        return DEFAULT_LIST
    for known in await dialer.stores.lists.all(campaign_id):
        if known.settings.name == name:
            return known.list_id
    wanted = ListSettings(campaign_id=campaign_id, name=name)
    return (await dialer.stores.lists.put(wanted, at=dialer.clock.now())).list_id
