"""Settings: from a TOML file and `DIALER_*` environment variables (`DIALER_ASTERISK__SECRET=...`); unknown keys are refused."""

import ssl
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dialer.ami_node import AmiEndpoint
from dialer.campaign import CampaignPolicy, Guard, PacingMode
from dialer.config_hints import unknown_key
from dialer.config_secrets import ServerSecrets
from dialer.errors import InvalidInputError
from dialer.ids import ONLY_NODE, AgentId, CampaignId, NodeId, TeamId, TrunkId
from dialer.logs import LogFormat
from dialer.phones import is_region
from dialer.ports import AgentRecord
from dialer.trunks import DEFAULT_TRUNK, NUMBER, NumberFormat, Trunk

ID = r"^[A-Za-z0-9_-]{1,64}$"
TRUNK_ID = r"^[A-Za-z0-9_.-]{1,64}$"
DIAL = r"^[A-Za-z0-9]+/[A-Za-z0-9_.:;=+*#@/{}-]+$"
"""No comma, blank or line break: a dial string goes into an AMI header."""

TrunkName = Annotated[str, Field(pattern=TRUNK_ID)]
CallerId = Annotated[str, Field(pattern=r"^\+?[0-9]{1,20}$")]
Prefix = Annotated[str, Field(pattern=r"^\+[0-9]*$")]

ONE_TEAM = "most installations have one team"


def _setting(default: Any, what: str, why: str, **limits: Any) -> Any:
    """A setting with its default, and why that is the default: both stand in docs/reference/settings.md."""
    return Field(default, description=what, json_schema_extra={"why": why}, **limits)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AsteriskSettings(_Strict):
    host: str = _setting(
        "127.0.0.1",
        "Name or address of the machine where Asterisk's manager interface (AMI) listens",
        "the link is not encrypted unless `tls` says so, and must then not leave the machine",
    )
    port: int = _setting(5038, "Port of the AMI", "Asterisk's own default", ge=1, le=65535)
    username: str = _setting(
        "dialer", "User in Asterisk's manager.conf", "the name in `asterisk_conf/pbx`"
    )
    secret: SecretStr = _setting(
        SecretStr(""),
        "Its secret; better in the environment (`DIALER_ASTERISK__SECRET`) than in a file",
        "a secret that everybody knows would be none: without one the login is refused",
    )
    tls: bool = _setting(
        False,
        "AMI over TLS; needed as soon as the link leaves the machine",
        "Asterisk has no certificate before somebody gives it one",
    )
    connect_tone: bool = _setting(
        True,
        "A short tone in the agent's ear at the start of a talk",
        "the talk begins without a ring, and the agent must not miss its first word",
    )

    def endpoint(self, name: str) -> AmiEndpoint:
        return AmiEndpoint(
            host=self.host,
            port=self.port,
            username=self.username,
            secret=self.secret.get_secret_value(),
            ssl_context=ssl.create_default_context() if self.tls else None,
            name=name,
        )


class ServerSettings(AsteriskSettings):
    """One of several. Its name is stored with every call that leaves there: renaming it is taking it away."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="Stored with every call that leaves there",
    )


class DatabaseSettings(_Strict):
    url: str = _setting(
        "sqlite+aiosqlite:///dialer.sqlite3",
        "`sqlite:///file` or `postgresql://user:password@host/database`",
        "a file in the present folder: nothing to install, and it holds a million leads",
    )


class RedisSettings(_Strict):
    """Between several servers on one database. One server alone needs none."""

    url: SecretStr = _setting(
        SecretStr(""),
        "`redis://user:password@host:port/0`, `rediss://` for TLS; better in DIALER_REDIS__URL. Empty: none",
        "one server alone needs none",
    )
    prefix: str = _setting(
        "dialer",
        "Of keys and channels; another one for each installation on the same Redis",
        "one installation has its Redis for itself",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
    )

    @field_validator("url")
    @classmethod
    def _is_a_redis_url(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")) and url:
            raise PydanticCustomError("redis_url", "must begin with redis://, rediss:// or unix://")
        return url


class ApiSettings(_Strict):
    host: str = _setting(
        "127.0.0.1",
        "Address where the API listens",
        "reachable from this machine only, until somebody decides otherwise",
    )
    port: int = _setting(
        8000,
        "Its port; 0 takes a free one, and the log says which",
        "above 1024: needs no root",
        ge=0,
        le=65535,
    )


class AgentSettings(_Strict):
    code: str = Field(
        pattern=r"^[0-9]{1,12}$", description="Digits that the agent dials to log in (`*45<code>`)"
    )
    name: str = _setting("", "What others see", "the code is shown")
    team: str = _setting("main", "The agent's team", ONE_TEAM, pattern=ID)


class TrunkSettings(_Strict):
    """A way out to the telephone network, saved (or brought up to date) at start."""

    id: str = Field(
        pattern=TRUNK_ID, description="Its name, here and in the log; mostly that of the endpoint"
    )
    dial: str = _setting(
        "",
        "What Asterisk dials, with `{number}` in it once",
        "stands for `PJSIP/{number}@<id>`: one endpoint of that name",
        pattern=rf"^$|{DIAL}",
    )
    number_format: NumberFormat = _setting(
        NumberFormat.PLUS_E164,
        "How the carrier wants numbers: `plus_e164`, `e164` (no plus), `international` (00 for the plus) or `national`",
        "the form that names a number alone, whatever the country",
    )
    prefix: str = _setting(
        "", "Digits before every number", "few carriers want any", pattern=r"^[0-9*#+]{0,20}$"
    )
    country: str = _setting(
        "",
        "Where it stands (ISO 3166, `IT`); without `prefixes` it serves the numbers of this country only",
        "a number in E.164 needs none",
    )
    prefixes: list[Prefix] = _setting(
        [], "Numbers that may leave here, by their first digits (`+39`)", "all may"
    )
    lines: int | None = _setting(
        None,
        "Calls up at once, at most, over all campaigns and servers",
        "your contract says it; nobody can guess it",
        ge=1,
        le=100_000,
    )
    calls_per_second: float | None = _setting(
        None,
        "New calls a second, at most, over all campaigns and servers",
        "your contract says it; the campaign's own limit holds meanwhile",
        gt=0,
        le=1000,
    )
    caller_ids: list[CallerId] = _setting(
        [],
        "Numbers that may be shown there",
        "the campaign's own is shown",
    )
    priority: int = _setting(
        1, "Smaller is tried first", "equal ones share by `weight`", ge=0, le=1000
    )
    weight: int = _setting(1, "Share among trunks of equal priority", "equal shares", ge=1, le=1000)
    nodes: list[TrunkName] = _setting(
        [], "Asterisk servers that have it", "with one server, or the same files on all, all do"
    )

    @field_validator("country")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        if value and not is_region(value):
            raise ValueError("is no country code of ISO 3166, such as IT")
        return value

    @field_validator("dial")
    @classmethod
    def _holds_the_number(cls, value: str) -> str:
        if value and value.count(NUMBER) != 1:
            raise ValueError("must hold {number} once")
        return value

    @model_validator(mode="after")
    def _national_where(self) -> Self:
        if self.number_format is NumberFormat.NATIONAL and not self.country:
            raise ValueError("number_format national needs a country")
        return self

    def trunk(self) -> Trunk:
        return Trunk(
            trunk_id=TrunkId(self.id),
            dial=self.dial,
            number_format=self.number_format,
            prefix=self.prefix,
            country=self.country,
            prefixes=tuple(self.prefixes),
            lines=self.lines,
            calls_per_second=self.calls_per_second,
            caller_ids=tuple(self.caller_ids),
            priority=self.priority,
            weight=self.weight,
            nodes=tuple(self.nodes),
        )


class CampaignSettings(_Strict):
    """A campaign saved (or brought up to date) at start. Durations in seconds."""

    id: str = Field(pattern=ID, description="Its name in addresses of the API, labels and the log")
    name: str = _setting("", "What people see; unique", "the id is shown")
    team: str = _setting("main", "Whose agents talk; cannot change later", ONE_TEAM, pattern=ID)
    profile: str = _setting(
        "IT-GARANTE",
        "Whose law holds: limits, hours, blocks (docs/reference/profiles.md)",
        "the strictest of those that are shipped",
    )
    mode: PacingMode = _setting(
        PacingMode.PREDICTIVE,
        "`predictive`, `progressive` (one line a free agent), `ratio`, `assured` (an agent is held first) or `manual`",
        "it keeps the abandon limit by itself, and agents busiest",
    )
    dial_ratio: float = _setting(
        2.0,
        "Lines a free agent, in mode `ratio` only",
        "where half of the calls are answered, it gives each agent one person",
        ge=1.0,
        le=10.0,
    )
    abandon_target: float | None = _setting(
        None,
        "A stricter abandon ratio than the profile's, 0 to 1",
        "0.97 of the profile's limit is aimed at, which leaves room for chance",
        ge=0.0,
        le=1.0,
    )
    guard: Guard = _setting(
        Guard.STANDARD,
        "`cautious`: steer to the profile's target, dial progressively until enough people have answered",
        "the limit is kept either way; cautious costs talk time",
    )
    works_until: time | None = _setting(
        None,
        "When the team stops for the day, by the profile's clock: lets the day's allowance be used earlier in the day",
        "a team that stops unannounced must not end its day over the limit",
    )
    caller_id: str = _setting(
        "",
        "What the person sees: yours, and one that can be called back",
        "nobody can guess it; a trunk may have its own",
        pattern=r"^\+?[0-9]*$",
    )
    trunks: list[TrunkName] = _setting(
        [],
        "Where its calls may leave, by the ids of trunks",
        "all of the settings; without any, the PJSIP endpoint `dialer-trunk`",
    )
    lines: int = _setting(
        60,
        "Calls up at once, at most",
        "two E1 lines: twenty agents at a third of calls answered",
        ge=1,
    )
    calls_per_second: float = _setting(
        10.0,
        "New calls a second, at most",
        "a small contract with a carrier; more than it allows comes back as congestion",
        gt=0,
        le=1000,
    )
    ring_timeout_seconds: float = _setting(
        25.0,
        "How long it rings; the profile may ask for more",
        "about five rings: who is at home has answered, most mailboxes have not",
        ge=5,
        le=120,
    )
    wrap_up_seconds: float = _setting(
        15.0,
        "An agent's time between two calls, at most",
        "long enough to choose a disposition, short enough not to be a break",
        ge=0,
    )
    max_attempts: int = _setting(
        6, "For one lead", "by then it was tried at different times of several days", ge=1
    )
    screen: bool = _setting(
        False,
        "Answering-machine detection",
        "it keeps people waiting, and takes some of them for machines",
    )
    running: bool = _setting(
        False,
        "Dial as soon as the server starts. Not after a restore: see docs/operations/backup.md",
        "the first call is somebody's decision; a state once chosen is kept",
    )

    def policy(self, all_trunks: Sequence[TrunkId] = (DEFAULT_TRUNK,)) -> CampaignPolicy:
        """`all_trunks`: what a campaign that names none dials by."""
        trunks = tuple(dict.fromkeys(map(TrunkId, self.trunks))) or tuple(all_trunks)
        return CampaignPolicy(
            campaign_id=CampaignId(self.id),
            name=self.name or self.id,
            team_id=TeamId(self.team),
            profile=self.profile,
            mode=self.mode,
            dial_ratio=self.dial_ratio,
            abandon_target=self.abandon_target,
            guard=self.guard,
            works_until=self.works_until,
            caller_id=self.caller_id,
            trunks=trunks,
            lines=self.lines,
            calls_per_second=self.calls_per_second,
            ring_timeout=timedelta(seconds=self.ring_timeout_seconds),
            wrap_up=timedelta(seconds=self.wrap_up_seconds),
            max_attempts=self.max_attempts,
            screen=self.screen,
        )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="DIALER_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    asterisk: AsteriskSettings = AsteriskSettings()
    asterisks: list[ServerSettings] = []
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    api: ApiSettings = ApiSettings()
    agents: list[AgentSettings] = []
    trunks: list[TrunkSettings] = []
    campaigns: list[CampaignSettings] = []
    profiles_folder: Path | None = _setting(
        None,
        "Jurisdiction profiles of your own (JSON), beside the shipped ones",
        "the shipped ones are enough for Italy and the United States",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "INFO",
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
        "a line for what an operator asks about the day after, none for each call",
    )
    log_format: LogFormat = _setting(
        "text",
        "`text` for people, `json` (one object a line) for programs",
        "who sees it first is a person at a terminal",
    )
    drain_seconds: float = _setting(
        300.0,
        "How long talks and wrap-ups may go on after SIGTERM (docs/operations/drain.md)",
        "most talks end within five minutes; longer ones go on in Asterisk without the server",
        ge=0,
        le=86400,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file: secrets need not stand in it."""
        return env_settings, ServerSecrets(settings_cls, init_settings)

    @model_validator(mode="after")
    def _trunks_are_there(self) -> Self:
        """Where trunks are listed, a name that is none of them is a slip of the pen."""
        known = [trunk.id for trunk in self.trunks]
        if len(known) != len(set(known)):
            raise ValueError("trunks: an id stands there twice")
        for campaign in self.campaigns:
            unknown = [name for name in campaign.trunks if known and name not in known]
            if unknown:
                raise ValueError(
                    f"campaigns: {campaign.id} names a trunk that is none of the trunks"
                )
        return self

    def campaign_policies(self) -> Iterator[tuple[CampaignSettings, CampaignPolicy]]:
        return ((campaign, campaign.policy(self.all_trunks)) for campaign in self.campaigns)

    @property
    def all_trunks(self) -> tuple[TrunkId, ...]:
        """What a campaign that names no trunk dials by."""
        return tuple(TrunkId(trunk.id) for trunk in self.trunks) or (DEFAULT_TRUNK,)

    @model_validator(mode="after")
    def _one_way_to_name_servers(self) -> Self:
        if self.asterisks and self.asterisk.model_fields_set - {"secret"}:
            raise ValueError(
                "set [asterisk] (one server) or [[asterisks]] (several), not both; "
                "beside [[asterisks]], [asterisk] may give only their common secret"
            )
        counted = Counter(server.name for server in self.asterisks)
        for name, count in counted.items():
            if count > 1:
                raise ValueError(f"asterisks: two servers are named {name!r}")
        names = set(counted) or {ONLY_NODE}
        for trunk in self.trunks:
            if unknown := sorted(set(trunk.nodes) - names):
                raise ValueError(
                    f"trunks: {trunk.id} is on a server that is not there: {unknown[0]}"
                )
        return self

    @property
    def servers(self) -> dict[NodeId, AsteriskSettings]:
        """Every Asterisk server by its name. A secret that a server does not give is the common one."""
        if not self.asterisks:
            return {ONLY_NODE: self.asterisk}
        common = {"secret": self.asterisk.secret}
        return {
            NodeId(each.name): each
            if each.secret.get_secret_value()
            else each.model_copy(update=common)
            for each in self.asterisks
        }

    def agent_records(self) -> list[AgentRecord]:
        return [
            AgentRecord(agent_id=AgentId(a.code), name=a.name or a.code, team_id=TeamId(a.team))
            for a in self.agents
        ]


class FixedSettings(Settings):
    """Settings as the code gives them, whatever the environment says: the demonstration must never reach a real exchange."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def read_settings(path: Path | None) -> Settings:
    """The settings of a file (None: defaults and environment). Raises InvalidInputError, naming the field."""
    data: dict[str, Any] = {}
    if path is not None:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidInputError(str(path), error.strerror or "cannot be read") from error
        except UnicodeDecodeError as error:
            raise InvalidInputError(str(path), "is not UTF-8 text") from error
        except tomllib.TOMLDecodeError as error:
            raise InvalidInputError(str(path), str(error)) from error
    try:
        return Settings(**data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        problem = (
            unknown_key(Settings, first["loc"])
            if unknown
            else first["msg"].removeprefix("Value error, ")
        )
        raise InvalidInputError(field or "settings", problem) from error
