"""The Telephony port on a real Asterisk: commands become AMI actions, AMI events become events of the rulebook.

Nothing is ever sent twice. What the dialplan does with the variables stands in docs/reference/dialplan-protocol.md.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from dialer.adapters.held_refusals import HeldRefusals
from dialer.ami import ActionTimeoutError, ManagerException, ManagerSocketException
from dialer.ami_events import AGENT_CONTEXT, AmiEvent, EventTranslator, is_call_id
from dialer.ami_messages import Ev, Msg
from dialer.ami_node import AmiEndpoint, AmiNode, AmiTimings
from dialer.ami_stats import AmiStats
from dialer.commands import AnswerRule, BridgeToAgent, PlaceCall
from dialer.errors import TelephonyDownError, TelephonyError, TelephonyRefusedError
from dialer.events import CallRefused, Event, Fate
from dialer.ids import ONLY_NODE, AgentId, CallId, NodeId
from dialer.logs import get_logger
from dialer.ports import AgentLeg, CallLeg, ChannelsUp, Clock

logger = get_logger(__name__)

ANSWERED_CONTEXT = "dialer-answered"
TALK_CONTEXT = "dialer-talk"
UP = "6"


class AsteriskTelephony:
    """One Asterisk, `node` by name. `on_event`, `on_up` and `on_down` are called in the event loop and must be short.

    `on_down` is also called with the reason of every try to connect that failed.
    """

    def __init__(
        self,
        endpoint: AmiEndpoint,
        *,
        clock: Clock,
        random: Random,
        on_event: Callable[[Event], None],
        on_up: Callable[[NodeId], None],
        on_down: Callable[[NodeId, str], None],
        node: NodeId = ONLY_NODE,
        connect_tone: bool = True,
        timings: AmiTimings | None = None,
    ) -> None:
        self._clock = clock
        self._on_event = on_event
        self._on_up, self._on_down = on_up, on_down
        self.node = node
        self._connect_tone = connect_tone
        self._translator = EventTranslator(node=node)
        self._refusals = HeldRefusals(self._refused)
        self._node = AmiNode(
            endpoint,
            on_event=self._take,
            on_up=self._came_up,
            on_down=self._went_down,
            on_failed=lambda reason: on_down(node, reason),
            rng=random,
            timings=timings,
        )

    @property
    def up(self) -> bool:
        return self._node.up

    @property
    def stats(self) -> AmiStats:
        return self._node.stats

    def start(self) -> None:
        self._node.start()

    async def wait_up(self) -> None:
        """Until the links are up; give it a deadline."""
        await self._node.wait_up()

    async def close(self) -> None:
        await self._node.close()

    def _came_up(self, generation: int) -> None:
        self._translator = EventTranslator(node=self.node)
        self._on_up(self.node)

    def _take(self, message: AmiEvent, generation: int) -> None:
        if self._refusals:
            self._refusals.heard_of(message.first("Uniqueid"))
            self._refusals.heard_of(message.first("DestUniqueid"))
        for event in self._translator.translate(message, self._clock.now()):
            if isinstance(event, CallRefused):
                self._refusals.hold(event)
            else:
                self._on_event(event)

    def _refused(self, refusal: CallRefused) -> None:
        self._translator.forget(refusal.call_id)
        self._on_event(replace(refusal, at=self._clock.now()))

    def _went_down(self, reason: str) -> None:
        self._refusals.drop()
        self._on_down(self.node, reason)

    # --- the Telephony port -------------------------------------------------------------------------------------------

    async def place(self, call: PlaceCall) -> None:
        milliseconds = round(call.ring_timeout.total_seconds() * 1000)
        headers = [
            ("Action", "Originate"),
            ("Channel", call.dial),
            ("Context", ANSWERED_CONTEXT),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", str(milliseconds)),
            *([("CallerID", f"<{call.caller_id}>")] if call.caller_id else []),
            ("Async", "true"),
            ("EarlyMedia", "false"),
            ("ChannelId", call.call_id),
            *(("Variable", f"{name}={value}") for name, value in self._variables(call.answer_rule)),
        ]
        await self._ask(headers)

    def _variables(self, rule: AnswerRule) -> list[tuple[str, str]]:
        return [
            ("DIALER_LIMIT_MS", str(round(rule.limit.total_seconds() * 1000))),
            ("DIALER_ACTION", rule.action.value),
            ("DIALER_NOISE", rule.noise),
            ("DIALER_MESSAGE", rule.message),
            ("DIALER_AMD", "1" if rule.screen else "0"),
            ("DIALER_TONE", "1" if self._connect_tone else "0"),
        ]

    async def bridge(self, order: BridgeToAgent) -> None:
        await self._ask(
            [
                ("Action", "Redirect"),
                ("Channel", order.call_id),
                ("Context", TALK_CONTEXT),
                ("Exten", order.agent_id),
                ("Priority", "1"),
            ]
        )

    async def hang_up(self, channel: str) -> None:
        if not self._node.up:
            raise TelephonyDownError
        try:
            await self._ask([("Action", "Hangup"), ("Channel", channel), ("Cause", "16")])
        except TelephonyRefusedError:
            logger.debug("hang_up_unneeded", reason="the channel is gone already")

    async def channels_up(self) -> ChannelsUp:
        rows = await self._list([("Action", "CoreShowChannels")])
        at = self._clock.now()
        legs = [row for row in rows if row.first("Context") == AGENT_CONTEXT]
        calls = [row for row in rows if is_call_id(row.first("Uniqueid"))]
        agent_of_bridge = {
            row.first("BridgeId"): AgentId(row.first("Exten"))
            for row in legs
            if row.first("BridgeId")
        }
        call_bridges = {row.first("BridgeId") for row in calls} - {""}
        self._translator.learn(
            ((row.first("Uniqueid"), AgentId(row.first("Exten"))) for row in legs),
            (CallId(row.first("Uniqueid")) for row in calls),
        )
        return ChannelsUp(
            calls=tuple(
                CallLeg(
                    call_id=CallId(row.first("Uniqueid")),
                    answered=row.first("ChannelState") == UP,
                    agent_id=agent_of_bridge.get(row.first("BridgeId")),
                )
                for row in calls
            ),
            agents=tuple(
                AgentLeg(
                    agent_id=AgentId(row.first("Exten")),
                    leg=row.first("Channel"),
                    leg_id=row.first("Uniqueid"),
                    waiting=row.first("BridgeId") not in call_bridges,
                )
                for row in legs
            ),
            at=at,
        )

    async def fate(self, call_id: CallId) -> Fate:
        try:
            rows = await self._list(
                [("Action", "DBGet"), ("Family", "dialer-fate"), ("Key", call_id)]
            )
        except TelephonyRefusedError:
            return Fate.UNKNOWN
        values = {row.first("Val") for row in rows}
        return Fate.ABANDONED if "abandoned" in values else Fate.UNKNOWN

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _ask(self, headers: list[tuple[str, str]]) -> Msg:
        """One action and its answer. A lost link or no answer in time: TelephonyDownError, its fate unknown."""
        if not self._node.up:
            raise TelephonyRefusedError("no link; nothing was sent")
        try:
            answer = await self._node.action(headers)
        except (ManagerSocketException, ActionTimeoutError) as error:
            raise TelephonyDownError from error
        except ManagerException as error:
            raise TelephonyError from error
        if not answer.ok:
            raise TelephonyRefusedError(answer.first("Message", "refused"))
        return answer

    async def _list(self, headers: list[tuple[str, str]]) -> list[Ev]:
        try:
            return await self._node.list_action(headers)
        except (ManagerSocketException, ActionTimeoutError) as error:
            raise TelephonyDownError from error
        except ManagerException as error:
            raise TelephonyRefusedError(str(error.args[-1])) from error
