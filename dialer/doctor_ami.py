"""Looks at an Asterisk over AMI, with no more rights than the dialer's user has. It changes nothing and rings nobody.

What may be done is read from `ListCommands` and tried on channels that do not exist. Contexts come from `ShowDialPlan`,
modules, trunks and codecs from functions read by `Getvar`. Sounds are heard by the dialplan itself, on Local channels
in context dialer-doctor: a pair that begins and ends inside Asterisk.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dialer.ami import AsyncManager, ManagerAuthException, ManagerException
from dialer.ami_messages import Ev, Msg
from dialer.ami_node import AmiEndpoint
from dialer.doctor_facts import CONTEXTS, AsteriskFacts, Link, SettingsFacts, TrunkFacts
from dialer.ports import Clock

CONNECT_SECONDS = 5.0
EVENT_SECONDS = 3.0
PLAYS_SECONDS = 0.5
"""A class that exists is played for a second; one that does not comes back at once."""

CONNECT_TONE = "dialer/connect"
NOWHERE = "dialer-doctor/none"
PROBES: Mapping[str, Mapping[str, str]] = {
    "Redirect": {"Channel": NOWHERE, "Context": "dialer-doctor", "Exten": "far", "Priority": "1"},
    "Setvar": {"Channel": NOWHERE, "Variable": "DIALER_DOCTOR", "Value": "1"},
    "Hangup": {"Channel": NOWHERE},
    "Originate": {},  # of nothing: "Channel not specified"
    "CoreSettings": {},
    "DBGet": {"Family": "dialer-fate", "Key": "none"},
    "Command": {"Command": "core show version"},
}


class _Told:
    """The events of chosen channels, kept while somebody waits for them."""

    def __init__(self) -> None:
        self.booted = asyncio.Event()
        self.times: bool | None = None
        self.contact_changed: dict[str, asyncio.Event] = {}
        self._wanted: dict[str, list[Ev]] = {}
        self._ended: dict[str, asyncio.Event] = {}

    def take(self, event: Ev, _manager: AsyncManager) -> None:
        if event.name == "FullyBooted":
            self.booted.set()
            return  # it never carries a time
        if event.name == "ContactStatus":
            changed = self.contact_changed.get(event.first("EndpointName"))
            if changed is not None:
                changed.set()
        self.times = bool(self.times) or event.has_header("Timestamp")
        unique = event.first("Uniqueid")
        if unique in self._wanted:
            self._wanted[unique].append(event)
            if event.name == "Hangup":
                self._ended[unique].set()

    def want(self, unique: str) -> None:
        self._wanted[unique] = []
        self._ended[unique] = asyncio.Event()

    async def until_ended(self, unique: str) -> list[Ev]:
        """The channel's events up to its end, or what came in time."""
        await _in_time(self._ended[unique])
        return self._wanted[unique]


async def _in_time(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(EVENT_SECONDS):
            return await event.wait()
    except TimeoutError:
        return False


async def look(endpoint: AmiEndpoint, wanted: SettingsFacts, clock: Clock) -> AsteriskFacts:
    """Everything that can be seen of this Asterisk. A link that fails half-way is a fact too."""
    told = _Told()
    events, actions = AsyncManager(), AsyncManager(receive_events=False)
    events.register_event("*", told.take)
    try:
        await _log_in(events, endpoint, "system,call,user")
        try:
            await _log_in(actions, endpoint, "off")
        except ManagerAuthException:
            return AsteriskFacts(link=Link.ONE_ONLY)
        return await _Look(actions, told, wanted, clock).all()
    except ManagerAuthException:
        return AsteriskFacts(link=Link.REFUSED)
    except (ManagerException, OSError) as error:
        problem = str(error.args[-1]) if error.args else type(error).__name__
        return AsteriskFacts(link=Link.UNREACHABLE, problem=problem)
    finally:
        await actions.close()
        await events.close()


async def _log_in(link: AsyncManager, endpoint: AmiEndpoint, mask: str) -> None:
    await link.connect(
        endpoint.host,
        endpoint.port,
        ssl_context=endpoint.ssl_context,
        server_hostname=endpoint.server_hostname,
        timeout=CONNECT_SECONDS,
    )
    await link.login(
        endpoint.username, endpoint.secret, events=mask, md5=endpoint.md5, timeout=CONNECT_SECONDS
    )


def _denied(answer: Msg) -> bool:
    return not answer.ok and "permission denied" in answer.first("Message").lower()


class _Look:
    """One look through a pair of links."""

    def __init__(
        self, link: AsyncManager, told: _Told, wanted: SettingsFacts, clock: Clock
    ) -> None:
        self._link = link
        self._told = told
        self._wanted = wanted
        self._clock = clock
        self._heard_call = False

    async def all(self) -> AsteriskFacts:
        skew = await self._skew()
        tried = {action: await self._try(action) for action in PROBES}
        listed = await self._ask("ListCommands")
        settings = await self._ask("CoreSettings")
        contexts = {name: await self._context(name) for name in CONTEXTS}
        facts = AsteriskFacts(
            link=Link.UP,
            version=settings.first("AsteriskVersion"),
            actions=frozenset(name.lower() for name in listed.headers),
            tried=tried,
            skew_seconds=skew,
            contexts=contexts,
            modules={name: await self._module(name) for name in self._wanted.modules},
            trunks={name: await self._trunk(name) for name in self._wanted.trunks},
        )
        can_play = tried["Originate"] and contexts["dialer-doctor"] is True
        facts = await self._sounds(facts) if can_play else self._unheard(facts)
        return replace(facts, event_times=self._told.times)

    async def _ask(self, action: str, **headers: str) -> Msg:
        return await self._link.send_action({"Action": action, **headers})

    async def _skew(self) -> float | None:
        """From Ping's own time stamp, taken as of the middle of the exchange."""
        before = self._clock.now()
        answer = await self._ask("Ping")
        middle = before + (self._clock.now() - before) / 2
        try:
            return float(answer.first("Timestamp")) - middle.timestamp()
        except ValueError:
            return None

    async def _try(self, action: str) -> bool:
        return not _denied(await self._ask(action, **PROBES[action]))

    async def _context(self, name: str) -> bool | None:
        answer = await self._ask("ShowDialPlan", Context=name)
        return None if _denied(answer) else answer.ok

    async def _value(self, function: str) -> str:
        return (await self._ask("Getvar", Variable=function)).first("Value")

    async def _module(self, name: str) -> bool | None:
        return {"1": True, "0": False}.get(await self._value(f"IFMODULE({name})"))

    async def _trunk(self, name: str) -> TrunkFacts:
        state = await self._value(f"DEVICE_STATE(PJSIP/{name})")
        if state == "INVALID":
            return TrunkFacts(state=state)
        if state == "UNAVAILABLE":
            state = await self._asked_again(name)
        codecs, timeout, timers, direct, ice = [
            await self._value(f"PJSIP_ENDPOINT({name},{option})")
            for option in ("allow", "rtp_timeout", "timers", "direct_media", "ice_support")
        ]
        return TrunkFacts(
            state=state,
            codecs=frozenset(codecs.strip("()").split("|")) if codecs else None,
            rtp_timeout=timeout,
            timers=timers,
            direct_media=direct,
            ice=ice,
        )

    async def _asked_again(self, name: str) -> str:
        """The trunk's state after it has been asked for a sign of life, which Asterisk may not have done yet."""
        changed = self._told.contact_changed.setdefault(name, asyncio.Event())
        if (await self._ask("PJSIPQualify", Endpoint=name)).ok:
            await _in_time(changed)
        return await self._value(f"DEVICE_STATE(PJSIP/{name})")

    # --- the self-test --------------------------------------------------------------------------------------------------

    async def _sounds(self, facts: AsteriskFacts) -> AsteriskFacts:
        sounds = {name: await self._sound(name) for name in self._sound_names()}
        noises = {name: await self._noise(name) for name in self._noise_names()}
        seen = {
            "call": self._heard_call,
            "user": any(status is not None for status in sounds.values()),
            "system": await _in_time(self._told.booted),
        }
        return replace(facts, sounds=sounds, noises=noises, classes_seen=seen)

    def _unheard(self, facts: AsteriskFacts) -> AsteriskFacts:
        nothing_heard = dict.fromkeys(self._noise_names())
        return replace(facts, sounds=dict.fromkeys(self._sound_names()), noises=nothing_heard)

    def _sound_names(self) -> Iterable[str]:
        messages = [c.message for c in self._wanted.campaigns if c.message]
        return dict.fromkeys([CONNECT_TONE, *messages])

    def _noise_names(self) -> Iterable[str]:
        return dict.fromkeys(c.noise for c in self._wanted.campaigns if c.noise)

    async def _play(self, extension: str, variable: str) -> list[Ev]:
        """The events of one pair of Local channels that plays to itself."""
        unique = f"doctor-{secrets.token_hex(8)}"
        self._told.want(unique)
        await self._ask(
            "Originate",
            Channel="Local/far@dialer-doctor/n",
            Context="dialer-doctor",
            Exten=extension,
            Priority="1",
            Async="true",
            ChannelId=unique,
            OtherChannelId=f"{unique}-2",
            Variable=variable,
        )
        events = await self._told.until_ended(unique)
        self._heard_call |= any(event.name == "Newchannel" for event in events)
        return events

    async def _sound(self, name: str) -> bool | None:
        for event in await self._play("sound", f"DIALER_MESSAGE={name}"):
            if event.first("UserEvent") == "DialerDoctor":
                return event.first("Status") == "SUCCESS"
        return None

    async def _noise(self, name: str) -> str | None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        events = await self._play("noise", f"DIALER_NOISE={name}")
        heard = [event.first("Class") for event in events if event.name == "MusicOnHoldStart"]
        if heard:
            return heard[0]
        over = any(event.name == "Hangup" for event in events)
        return "" if over and loop.time() - began < PLAYS_SECONDS else None
