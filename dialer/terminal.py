"""The live picture in the terminal: calls, agents, pacing, and why it is or is not dialling."""

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dialer.agents import AgentPhase, AgentStatus
from dialer.calls import CallState
from dialer.explain import explain
from dialer.leads import Outcome
from dialer.texts import Language, text
from dialer.views import AgentView, CampaignView, TeamView
from dialer.why import PACE_CODES

_COLOURS = {
    AgentPhase.IDLE: "yellow",
    AgentPhase.PREVIEWING: "cyan",
    AgentPhase.RESERVED: "cyan",
    AgentPhase.TALKING: "green",
    AgentPhase.WRAP_UP: "blue",
}


def picture(view: TeamView, language: Language) -> RenderableType:
    """One frame."""
    parts: list[RenderableType] = [_head(view, language)]
    parts += [_campaign(view, campaign, language) for campaign in view.campaigns]
    parts.append(_agents(view, language))
    return Group(*parts)


def _head(view: TeamView, language: Language) -> RenderableType:
    share = "-" if view.talk_share is None else f"{view.talk_share:.0%}"
    line = Text.assemble(
        (" Dialer ", "bold reverse"),
        *_links(view, language),
        f"   {text('term.talk_share', language)} {share}",
    )
    waits = sorted(view.answered_to_bridged_ms)
    if waits:
        half, worst = waits[len(waits) // 2], waits[-1]
        line.append(f"   {text('term.connect', language)} {half:.0f} ms (max {worst:.0f})")
    return line


def _links(view: TeamView, language: Language) -> list[tuple[str, str]]:
    """Connected or not; by name where there are several servers."""
    kind = "node" if len(view.nodes) > 1 else "link"
    links = []
    for node in view.nodes:
        word = text(f"term.{kind}_{'up' if node.up else 'down'}", language, node=node.node)
        links.append((f"  {word}", "green" if node.up else "red"))
    return links


def _campaign(view: TeamView, campaign: CampaignView, language: Language) -> RenderableType:
    left = Table.grid(padding=(0, 2))
    for state in (CallState.DIALING, CallState.RINGING, CallState.WAITING, CallState.TALKING):
        left.add_row(text(f"call.{state.value}", language), str(view.calls.get(state, 0)))
    lines = view.lines_per_free_agent
    shown = "-" if lines is None else f"{lines:.1f}"
    left.add_row(text("term.lines_per_agent", language), shown)
    left.add_row(text("term.hopper", language), str(campaign.hopper))
    middle = Table.grid(padding=(0, 2))
    over = campaign.abandon_ratio > campaign.abandon_limit
    ratio = f"{campaign.abandon_ratio:.2%} / {campaign.abandon_limit:.0%}"
    middle.add_row(text("term.abandon", language), Text(ratio, style="red" if over else "green"))
    middle.add_row(text("term.answered", language), str(campaign.answered))
    middle.add_row(text("term.abandoned", language), str(campaign.abandoned))
    middle.add_row(text("term.theta", language), f"{campaign.theta:.3f}")
    right = Table.grid(padding=(0, 2))
    for outcome in Outcome:
        if campaign.outcomes.get(outcome):
            label = text(f"outcome.{outcome.value}", language)
            right.add_row(label, str(campaign.outcomes[outcome]))
    title = f"{campaign.name} · {campaign.mode.value}"
    body = Group(Columns([left, middle, right], padding=(0, 4)), _why(campaign, language))
    return Panel(body, title=title, title_align="left")


def _why(campaign: CampaignView, language: Language) -> RenderableType:
    """The reasons; what the pacing itself says, as its sentence."""
    if not campaign.why:
        words = explain(campaign.decision, language) if campaign.decision else None
        return Text(words or text("why.nothing", language), style="green")
    lines = [
        explain(campaign.decision, language)
        if campaign.decision and item.code in PACE_CODES
        else text(
            f"why.{item.code}",
            language,
            count=item.count,
            until=item.until.strftime("%H:%M") if item.until else None,
            detail=item.detail,
        )
        for item in campaign.why
    ]
    return Text("\n".join(lines), style="yellow")


def _agents(view: TeamView, language: Language) -> RenderableType:
    cells = [_agent(agent, view, language) for agent in view.agents]
    return Panel(
        Columns(cells, equal=True), title=text("term.agents", language), title_align="left"
    )


def _agent(agent: AgentView, view: TeamView, language: Language) -> RenderableType:
    if agent.status is AgentStatus.LOGGED_OUT:
        return Text(f"{agent.agent_id} {text('agent.logged_out', language)}", style="dim")
    seconds = (view.at - agent.since).total_seconds() if agent.since else 0.0
    word = text(f"agent.{agent.phase.value}", language)
    if agent.status is AgentStatus.ON_BREAK and agent.phase is AgentPhase.IDLE:
        word = text("agent.on_break", language)
    return Text(f"{agent.agent_id} {word} {seconds:3.0f}s", style=_COLOURS[agent.phase])
