"""Which team an event is for. The exchange and the API post here; the runners do the rest."""

from collections import Counter

from dialer.campaign_run import CampaignRun
from dialer.engine.runner import TeamRunner
from dialer.errors import NotFoundError
from dialer.events import AgentEvent, CallEvent, CampaignLoaded, Event
from dialer.ids import AgentId, NodeId, TeamId


class Switchboard:
    def __init__(self) -> None:
        self.runners: dict[TeamId, TeamRunner] = {}
        self.strays: Counter[str] = Counter()

    def runner(self, team_id: TeamId) -> TeamRunner:
        """Raises NotFoundError."""
        try:
            return self.runners[team_id]
        except KeyError:
            raise NotFoundError(f"no team {team_id!r}") from None

    def runner_of_agent(self, agent_id: AgentId) -> TeamRunner:
        """Raises NotFoundError."""
        for runner in self.runners.values():
            if agent_id in runner.team.agents:
                return runner
        raise NotFoundError(f"no agent {agent_id!r}")

    def runs(self) -> list[tuple[TeamRunner, CampaignRun]]:
        """Every campaign that is dialled here, with the runner of its team, as of now."""
        return [
            (runner, run) for runner in self.runners.values() for run in runner.team.runs.values()
        ]

    def deliver(self, event: Event) -> None:
        """Post the event to the team it concerns; one that concerns none is counted."""
        runner = self._find(event)
        if runner is None:
            self.strays[type(event).__name__] += 1
        else:
            runner.post(event)

    def _find(self, event: Event) -> TeamRunner | None:
        for runner in self.runners.values():
            match event:
                case CallEvent(call_id=call_id):
                    found = call_id in runner.team.calls
                case AgentEvent(agent_id=agent_id):
                    found = agent_id in runner.team.agents
                case CampaignLoaded(campaign=campaign):
                    found = campaign.policy.team_id == runner.team.team_id
                case _:
                    found = False
            if found:
                return runner
        return None

    def link_up(self, node: NodeId) -> None:
        for runner in self.runners.values():
            runner.link_up(node)

    def link_down(self, node: NodeId, reason: str) -> None:
        for runner in self.runners.values():
            runner.link_down(node, reason)
