"""Any story of a pacing board: several campaigns and servers, calls and agents that come and go in any order, and decisions."""

import math
from random import Random

from dialer.brake import WindowState
from dialer.campaign import PacingMode
from dialer.events import PastCall
from dialer.pacing import Binding, PacingDecision, PacingPolicy
from dialer.pacing_board import Duty, PacingBoard, Stage
from dialer.pacing_question import PacingQuestion

CAMPAIGNS = {"spring": False, "autumn": True, "winter": False}
"""Whether its calls are screened."""

NODES = ("roma", "milano")
START = 1_795_507_200.123456


class BoardStory:
    """Chance decides what happens; time passes in steps of microseconds. `decisions`: all that were made."""

    def __init__(self, board: PacingBoard, random: Random, agents: int) -> None:
        self.board, self.random = board, random
        self.agents = [f"100{number}" for number in range(agents)]
        self.now = START
        self.calls: dict[str, Stage] = {}
        self.placed = 0
        self.decisions: list[PacingDecision] = []
        for name, screened in CAMPAIGNS.items():
            board.campaign(name, screened=screened, grace=2.0, wrap_limit=15.0)
        board.recall("spring", self._past(), self.now)

    def _past(self) -> tuple[PastCall, ...]:
        choose = self.random.choice
        return tuple(
            PastCall(
                rang=self.random.uniform(0, 30),
                picked_up=choose((True, False)),
                person=choose((True, False)),
                talked=choose((None, self.random.expovariate(0.01))),
            )
            for _ in range(20)
        )

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.now = round(self.now + self.random.expovariate(4.0), 6)
            self._step()
            if self.random.random() < 0.4:
                self.decide()

    def restart(self, board: PacingBoard) -> None:
        """A server that was killed: another board, told of the calls that are found."""
        self.board = board
        for name, screened in CAMPAIGNS.items():
            board.campaign(name, screened=screened, grace=2.0, wrap_limit=15.0)
        for call, stage in self.calls.items():
            board.adopted(call, self._campaign(), self._node(), stage, self.now - 3.0)
        for agent in self.agents:
            duty = self.random.choice(list(Duty))
            board.agent(agent, self._node(), duty, self.now, staffed=True, campaign="")

    def _step(self) -> None:
        choose = self.random.choices
        step = choose(
            (self._place, self._move, self._unplace, self._agent, self._agent_goes, self._world),
            (10, 14, 1, 10, 1, 1),
        )[0]
        step()

    def _campaign(self) -> str:
        return self.random.choice(list(CAMPAIGNS))

    def _node(self) -> str:
        return self.random.choice(NODES)

    def _place(self) -> None:
        self.placed += 1
        call = f"0199f3a1-7b2c-7def-8123-{self.placed:012}"
        self.calls[call] = Stage.RINGING
        odds, segment = self.random.choice((1.0, 0.7, 1.9)), self.random.choice(("", "first"))
        self.board.placed(call, self._campaign(), self._node(), self.now, odds, segment)

    def _move(self) -> None:
        if not self.calls:
            return
        call = self.random.choice(list(self.calls))
        stage = self.random.choice((None, None, *Stage))
        self.board.moved(call, stage, self.now, person=self.random.random() < 0.4)
        if stage is None:
            del self.calls[call]
        elif stage is not Stage.RINGING:
            self.calls[call] = stage

    def _unplace(self) -> None:
        call = self.random.choice([*self.calls, "unheard-of"])
        self.calls.pop(call, None)
        self.board.unplaced(call)

    def _agent(self) -> None:
        duty = self.random.choice(list(Duty))
        staffed, of = self.random.random() < 0.9, self.random.choice((*CAMPAIGNS, ""))
        agent = self.random.choice(self.agents)
        self.board.agent(agent, self._node(), duty, self.now, staffed=staffed, campaign=of)

    def _agent_goes(self) -> None:
        self.board.agent_gone(self.random.choice(self.agents), self.now)

    def _world(self) -> None:
        node, what = self._node(), self.random.randrange(4)
        if what == 0:
            self.board.node_away(node, self.now)
        elif what == 1:
            self.board.node_up(node)
        elif what == 2:
            step = self.random.choice((3600.0, -3600.0, 0.1234567891, -1e6 / 3))
            self.board.shift(step)
            self.now += step
        else:
            name = self._campaign()
            screened = CAMPAIGNS[name] or self.random.random() < 0.1
            self.board.campaign(name, screened=screened, grace=1.75, wrap_limit=None)

    def decide(self) -> None:
        name, node = self._campaign(), self._node()
        elsewhere, doomed = self.board.hope(name, node, self.now)
        asked = PacingQuestion(
            campaign=name,
            node=node,
            at=self.now,
            policy=PacingPolicy(
                mode=self.random.choice(list(PacingMode)),
                dial_ratio=self.random.choice((1.0, 2.5)),
                lines=self.random.choice((3, 1000)),
                revokes=self.random.random() < 0.5,
            ),
            theta=self.random.choice((0.03, 0.0123456789)),
            windows=self._windows(doomed),
            elsewhere=elsewhere,
            doomed=doomed,
            own_in_flight=self.random.randrange(4),
            rate_tokens=self.random.choice((0, 10)),
            trunk_room=self.random.choice((0, 1_000_000)),
            trunk_binding=self.random.choice(list(Binding)),
            burst=self.random.choice((None, 0, 4)),
            inbound_per_second=self.random.choice((0.0, 0.25)),
            next_odds=(0.5, 1.75, 1.1)[: self.random.randrange(4)],
            revocable=self.random.randrange(3),
        )
        self.decisions.append(self.board.decide(asked))

    def _windows(self, doomed: float) -> tuple[WindowState, ...]:
        return tuple(
            WindowState(
                name=name,
                limit=0.03,
                answered=self.random.choice((0, 500)),
                abandoned=self.random.choice((0, 20)),
                to_come=self.random.choice((0.0, 123.456, math.inf)),
                doomed=doomed,
                days=self.random.choice((None, 30.0)),
            )
            for name in ("calendar_day", "campaign_total")[: self.random.randrange(3)]
        )
