"""A customer's channel from answer to end, as docs/reference/dialplan-protocol.md and asterisk_conf/pbx have it."""

from functools import partial
from math import ceil

from dialer.events import Screening
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import Scenario
from dialer.simulator.switch import (
    AGENT_GLOBAL,
    FATE_FAMILY,
    NORMAL_CLEARING,
    OPT_OUT_FAMILY,
    CallFate,
    Channel,
    Switch,
)
from dialer.simulator.talks import Talks

TALK_CONTEXT = "dialer-talk"
ABANDONED_CONTEXT = "dialer-abandoned"
LIMIT_WHERE_NONE_IS_GIVEN = 2.0
AMD_RESERVE, AMD_LONGEST, AMD_SHORTEST = 0.5, 2.2, 0.5
OPT_OUT_SECONDS = 3.0
"""How long the dialplan waits for the digit after the message."""

AMD_WORDS = {
    Screening.HUMAN: ("HUMAN", "HUMAN-800-800"),
    Screening.MACHINE: ("MACHINE", "MAXWORDS-3-3"),
    Screening.UNSURE: ("NOTSURE", "TOOLONG-2200"),
}


class Dialplan:
    """Limit, screening, waiting, joining, abandonment. Its word on abandonment is final, and kept in the database."""

    def __init__(self, switch: Switch, talks: Talks, scenario: Scenario) -> None:
        self._switch, self._talks, self._scenario = switch, talks, scenario
        switch.on_close.append(self._hung_up)

    # --- from answer to the wait ----------------------------------------------------------------------------------

    def start(self, channel: Channel) -> None:
        """An answered channel runs from here; the limit counts from the answer."""
        met = channel.encounter
        assert met is not None
        channel.on_timeout = partial(self._limit_reached, channel)
        self._switch.set_timeout(channel, channel.answered_at + limit_seconds(channel))
        gives_up = channel.answered_at + min(met.patience, met.stay)
        self._switch.arm(channel, "patience", gives_up, partial(self._gives_up, channel))
        longest = min(limit_seconds(channel) - AMD_RESERVE, AMD_LONGEST)
        if channel.variables.get("DIALER_AMD") == "1" and longest >= AMD_SHORTEST:
            self._screen(channel, met, longest)
        else:
            self._announce(channel)

    def _screen(self, channel: Channel, met: Encounter, longest: float) -> None:
        self._switch.run(channel, "AMD")
        verdict = met.verdict if met.screen < longest else Screening.UNSURE
        due = channel.answered_at + min(met.screen, longest)
        self._switch.arm(channel, "amd", due, lambda: self._screened(channel, met, verdict))

    def _screened(self, channel: Channel, met: Encounter, verdict: Screening) -> None:
        status, cause = AMD_WORDS[verdict]
        machine = verdict is Screening.MACHINE
        if machine and met.behaviour is Behaviour.FAX:
            cause = "FAX"
        self._switch.say(channel, "DialerScreened", {"Status": status, "Cause": cause})
        if machine:
            self._switch.close(channel, NORMAL_CLEARING)
        else:
            self._announce(channel)

    def _announce(self, channel: Channel) -> None:
        self._switch.say(channel, "DialerWaiting")
        self._wait(channel)

    def _wait(self, channel: Channel) -> None:
        """Noise, for the limit rounded up to whole seconds: the second line of defence."""
        seconds = ceil(limit_seconds(channel))
        noise = channel.variables.get("DIALER_NOISE", "")
        application = ("MusicOnHold", f"{noise},{seconds}") if noise else ("Wait", f"{seconds}")
        self._switch.run(channel, *application)
        due = self._switch.schedule.now + seconds
        self._switch.arm(channel, "second line", due, partial(self._abandon, channel))

    def _gives_up(self, channel: Channel) -> None:
        if channel.talk is None:
            self._switch.watcher.hangup_requested(channel, NORMAL_CLEARING)
            self._switch.close(channel, NORMAL_CLEARING)

    # --- joining --------------------------------------------------------------------------------------------------

    def redirect(self, channel: Channel, code: str) -> None:
        """The channel was told to go to `dialer-talk,<code>`; it gets there a moment later, unless the limit is first."""
        arrival = self._switch.schedule.now + self._scenario.latency.bridge
        self._switch.arm(channel, "redirect", arrival, partial(self._talk, channel, code))

    def _talk(self, channel: Channel, code: str) -> None:
        self._switch.disarm(channel, "amd", "second line", "message")
        if channel.talk is not None:
            self._talks.part(channel.talk, first=channel)
        if channel.fate is CallFate.ABANDONED:
            self._tell_message(channel)
            return
        channel.context, channel.exten = TALK_CONTEXT, code
        left = channel.timeout_at
        self._switch.set_timeout(channel, None)
        free = self._switch.globals.pop(AGENT_GLOBAL + code, "")
        agent = self._switch.find(free)
        if agent is None:
            self._refused(channel, code, "NONEXISTENT" if free else "NOAGENT", left)
            return
        channel.fate = CallFate.TALK
        self._switch.run(channel, "Bridge", agent.name)
        channel.resume = partial(self._talk_ended, channel)
        self._talks.join(channel, agent)

    def _refused(self, channel: Channel, code: str, result: str, left: float | None) -> None:
        channel.fate = CallFate.NONE
        self._switch.say(channel, "DialerBridgeFailed", {"Agent": code, "Result": result})
        if left is None:
            self._abandon(channel)
            return
        channel.context, channel.exten = "dialer-answered", "s"
        self._switch.set_timeout(channel, left)
        self._wait(channel)

    def _talk_ended(self, channel: Channel) -> None:
        """The agent's side left: the customer's channel goes on, to its end."""
        self._say_ended(channel, channel.exten)
        self._switch.close(channel, NORMAL_CLEARING)

    def _hung_up(self, channel: Channel) -> None:
        """Extension h: a customer hung up in the talk."""
        if channel.fate is CallFate.TALK:
            code, channel.exten = channel.exten, "h"
            self._say_ended(channel, code)

    def _say_ended(self, channel: Channel, code: str) -> None:
        channel.fate = CallFate.TALKED
        self._switch.say(channel, "DialerTalkEnded", {"Agent": code})

    # --- the limit ------------------------------------------------------------------------------------------------

    def _limit_reached(self, channel: Channel) -> None:
        """Extension T. Where a talk is on (somebody set the time-out again) it is cut, which is no abandonment."""
        if channel.fate is CallFate.NONE:
            self._abandon(channel)
        else:
            self._talks.hang_up(channel, NORMAL_CLEARING)

    def _abandon(self, channel: Channel) -> None:
        self._switch.disarm(channel, "amd", "second line", "redirect")
        self._switch.set_timeout(channel, None)
        channel.fate = CallFate.ABANDONED
        channel.context, channel.exten = ABANDONED_CONTEXT, "s"
        self._switch.database[FATE_FAMILY, channel.unique_id] = "abandoned"
        message = channel.variables.get("DIALER_ACTION") == "message"
        self._switch.say(channel, "DialerAbandoned", {"Action": "message" if message else "hangup"})
        if message:
            self._tell_message(channel)
        else:
            self._switch.close(channel, NORMAL_CLEARING)

    def _tell_message(self, channel: Channel) -> None:
        """The message; where a digit is offered, the time to press it. Then the end."""
        digit = channel.variables.get("DIALER_OPT_OUT", "")
        sound = channel.variables.get("DIALER_MESSAGE", "")
        self._switch.run(channel, "Background" if digit else "Playback", sound)
        now, seconds = self._switch.schedule.now, self._scenario.message_seconds
        met = channel.encounter
        if digit and met is not None and met.opts_out:
            due = now + seconds
            self._switch.arm(channel, "message", due, lambda: self._opt_out(channel, digit))
            return
        end = now + seconds + (OPT_OUT_SECONDS if digit else 0.0)
        hang_up = partial(self._switch.close, channel, NORMAL_CLEARING)
        self._switch.arm(channel, "message", end, hang_up)

    def _opt_out(self, channel: Channel, digit: str) -> None:
        self._switch.database[OPT_OUT_FAMILY, channel.unique_id] = digit
        channel.exten = digit
        self._switch.say(channel, "DialerOptOut", {"Digit": digit})
        self._switch.close(channel, NORMAL_CLEARING)


def limit_seconds(channel: Channel) -> float:
    """The limit that came with the call; a missing one, or 0, counts as two seconds."""
    text = channel.variables.get("DIALER_LIMIT_MS", "")
    milliseconds = int(text) if text.isdigit() else 0
    return milliseconds / 1000 or LIMIT_WHERE_NONE_IS_GIVEN
