"""What `dialer doctor` has found out, before any judgement. None means: it could not be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Link(StrEnum):
    """How far the way to Asterisk's manager interface (AMI) goes."""

    UP = "up"
    UNREACHABLE = "unreachable"  # nobody listens there, or no answer
    REFUSED = "refused"  # user, secret or address
    ONE_ONLY = "one_only"  # the first session was let in, the second was not


CONTEXTS = (
    "dialer-answered",
    "dialer-abandoned",
    "dialer-sweep",
    "dialer-talk",
    "dialer-agent",
    "dialer-phones",
    "dialer-local",
    "dialer-doctor",
)

MODULES = (
    "app_bridgewait.so",
    "app_exec.so",
    "app_playback.so",
    "app_stack.so",
    "app_userevent.so",
    "bridge_holding.so",
    "bridge_simple.so",
    "chan_pjsip.so",
    "codec_alaw.so",
    "codec_ulaw.so",
    "format_pcm.so",
    "func_channel.so",
    "func_db.so",
    "func_global.so",
    "func_logic.so",
    "func_math.so",
    "func_rand.so",
    "func_strings.so",
    "func_timeout.so",
    "pbx_config.so",
    "res_musiconhold.so",
    "res_rtp_asterisk.so",
)
"""Without one of these calls fail, or the law is not kept."""

SCREEN_MODULES = (
    "app_amd.so",
    "app_channelredirect.so",
    "app_chanspy.so",
    "app_originate.so",
    "func_cdr.so",
    "res_tonedetect.so",
)
"""Needed by campaigns that look for answering machines."""

TONE_MODULES = ("app_chanspy.so", "app_originate.so", "func_cdr.so")
"""Needed by the tone in the agent's ear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignFacts:
    """What a campaign of the settings asks of Asterisk."""

    id: str
    trunks: tuple[str, ...]  # PJSIP endpoints; a dial string of another kind is not looked at
    noise: str
    message: str
    screen: bool
    lines: int
    profile: str
    profile_known: bool
    faults: str = ""  # what it breaks of its profile: fields and codes


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsFacts:
    host: str
    port: int
    username: str
    tls: bool
    secret_given: bool
    connect_tone: bool
    agents: int
    campaigns: tuple[CampaignFacts, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """All that these settings need, each once."""
        wanted = [*MODULES]
        if any(campaign.screen for campaign in self.campaigns):
            wanted += SCREEN_MODULES
        if self.connect_tone:
            wanted += TONE_MODULES
        return tuple(dict.fromkeys(wanted))

    @property
    def trunks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for campaign in self.campaigns for name in campaign.trunks))


@dataclass(frozen=True, kw_only=True, slots=True)
class TrunkFacts:
    """A PJSIP endpoint as Asterisk has it. `state` is its device state; empty values could not be seen."""

    state: str
    codecs: frozenset[str] | None = None
    rtp_timeout: str = ""
    timers: str = ""
    direct_media: str = ""
    ice: str = ""


_NOTHING: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class AsteriskFacts:
    link: Link
    problem: str = ""  # the link's, in Asterisk's or the system's words
    version: str = ""
    actions: frozenset[str] = frozenset()  # what AMI lets the user do, in lower case
    tried: Mapping[str, bool] = field(default_factory=lambda: _NOTHING)  # action -> not refused
    classes_seen: Mapping[str, bool] = field(default_factory=lambda: _NOTHING)  # of events
    event_times: bool | None = None  # events carry a Timestamp
    skew_seconds: float | None = None  # Asterisk's clock less ours
    contexts: Mapping[str, bool | None] = field(default_factory=lambda: _NOTHING)
    modules: Mapping[str, bool | None] = field(default_factory=lambda: _NOTHING)
    trunks: Mapping[str, TrunkFacts] = field(default_factory=lambda: MappingProxyType({}))
    sounds: Mapping[str, bool | None] = field(default_factory=lambda: _NOTHING)
    noises: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    """Class of noise asked for -> class that is heard; "" when it is silence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseFacts:
    place: str  # the file, or the server's name; never a password
    problem: str = ""  # why it cannot be read
    exists: bool = True
    revision: str | None = None  # of its schema; None: no schema yet
    newest: str = ""  # the revision of this program
    known: bool = True  # this program knows the database's revision
    write_problem: str = ""
    free_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiFacts:
    host: str
    port: int
    problem: str = ""  # why the port cannot be had
    served_by_us: bool = False  # a running dialer answers there


@dataclass(frozen=True, kw_only=True, slots=True)
class RedisFacts:
    """Asked as the server asks it."""

    place: str  # host and port; never a password
    problem: str = ""
    refused: bool = False  # it is there, and does not let us do it


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingLogFacts:
    """Where the pacing log is to lie, and what a trial file there came to."""

    folder: str
    problem: str = ""  # why nothing can be written there


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    settings: SettingsFacts
    asterisk: AsteriskFacts
    database: DatabaseFacts
    api: ApiFacts
    redis: RedisFacts | None = None  # None: the settings name none
    pacing_log: PacingLogFacts | None = None  # None: it is switched off
