"""Teams, live."""

from datetime import datetime
from statistics import median
from typing import Self

from fastapi import APIRouter
from pydantic import Field

from api.agents import AgentAnswer
from api.campaigns import LiveFigures
from api.deps import DialerDep, LanguageDep
from api.errors import problems
from api.fields import Answer, TeamIdPath
from dialer.calls import CallState
from dialer.campaign import CampaignState, PacingMode
from dialer.engine.overview import TeamPicture
from dialer.ids import CampaignId, NodeId, TeamId
from dialer.texts import Language
from dialer.views import CampaignView, NodeView

router = APIRouter(prefix="/teams", tags=["teams"])


class LiveCampaign(Answer):
    id: CampaignId
    name: str
    state: CampaignState
    mode: PacingMode
    live: LiveFigures

    @classmethod
    def of(cls, view: CampaignView, language: Language) -> Self:
        return cls(
            id=view.campaign_id,
            name=view.name,
            state=view.state,
            mode=view.mode,
            live=LiveFigures.of(view, language),
        )


class ConnectTimes(Answer):
    """From a person's answer to both legs in one bridge, over the latest calls."""

    count: int
    median_seconds: float
    longest_seconds: float


class AsteriskAnswer(Answer):
    """One Asterisk server, and what it holds of the team."""

    name: NodeId
    up: bool = Field(description="Its link is up and reconciled")
    problem: str = Field(description="Why it is not; empty when it is")
    agents: int = Field(description="Agents' legs; while it is away, as they were last seen")
    calls: int

    @classmethod
    def of(cls, view: NodeView) -> Self:
        return cls(
            name=view.node,
            up=view.up,
            problem=view.reason,
            agents=view.agents,
            calls=view.calls,
        )


class TeamAnswer(Answer):
    id: TeamId
    at: datetime
    telephony_up: bool = Field(description="The link to at least one Asterisk is up and reconciled")
    asterisks: list[AsteriskAnswer] = Field(description="Every Asterisk server of the settings")
    store_up: bool = Field(description="The database takes writes")
    draining: bool = Field(description="The server is being stopped: no new calls")
    agents: list[AgentAnswer]
    calls: dict[CallState, int]
    campaigns: list[LiveCampaign]
    lines_per_free_agent: float | None = Field(description="null: nobody is free")
    talk_ratio: float | None = Field(description="Of the logged-in time off break, since the start")
    connect_times: ConnectTimes | None = Field(description="null: no call was bridged yet")
    server: str = Field(description="The life of the server that runs the team")
    host: str = Field(description="The name of that server's machine")
    age_seconds: float = Field(description="Since that server showed this; 0: it answers itself")
    stale: bool = Field(description="Too old to be what the team is now")

    @classmethod
    def of(cls, picture: TeamPicture, language: Language) -> Self:
        view = picture.view
        return cls(
            id=view.team_id,
            at=view.at,
            telephony_up=view.telephony_up,
            asterisks=[AsteriskAnswer.of(node) for node in view.nodes],
            store_up=view.store_up,
            draining=view.draining,
            agents=[AgentAnswer.of(agent, view.team_id) for agent in view.agents],
            calls=view.calls,
            campaigns=[LiveCampaign.of(campaign, language) for campaign in view.campaigns],
            lines_per_free_agent=view.lines_per_free_agent,
            talk_ratio=view.talk_share,
            connect_times=_connect_times(view.answered_to_bridged_ms),
            server=picture.server,
            host=picture.host,
            age_seconds=picture.age_seconds,
            stale=picture.stale,
        )


def _connect_times(milliseconds: tuple[float, ...]) -> ConnectTimes | None:
    if not milliseconds:
        return None
    return ConnectTimes(
        count=len(milliseconds),
        median_seconds=round(median(milliseconds) / 1000, 4),
        longest_seconds=round(max(milliseconds) / 1000, 4),
    )


@router.get("", summary="All teams, as they are now", responses=problems(422))
async def list_teams(dialer: DialerDep, language: LanguageDep) -> list[TeamAnswer]:
    """Also those that other servers run, as those servers last showed them."""
    return [TeamAnswer.of(picture, language) for picture in await dialer.overview.teams()]


@router.get("/{team_id}", summary="One team, as it is now", responses=problems(404, 422, 503))
async def get_team(team_id: TeamIdPath, dialer: DialerDep, language: LanguageDep) -> TeamAnswer:
    return TeamAnswer.of(await dialer.overview.team(team_id), language)
