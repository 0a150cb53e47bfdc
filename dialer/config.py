"""Settings: from a TOML file and `DIALER_*` environment variables (`DIALER_ASTERISK__SECRET=...`); unknown keys are refused."""

import ssl
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dialer.ami_node import AmiEndpoint
from dialer.campaign import CampaignPolicy
from dialer.clients import Client
from dialer.config_campaign import CampaignSettings as CampaignSettings
from dialer.config_hints import unknown_key
from dialer.config_secrets import ServerSecrets
from dialer.config_table import (
    DIAL,
    ID,
    ONE_TEAM,
    TRUNK_ID,
    CallerId,
    Prefix,
    Strict,
    TrunkName,
    setting,
)
from dialer.errors import InvalidInputError
from dialer.ids import MAIN_CLIENT, ONLY_NODE, AgentId, ClientId, NodeId, TeamId, TrunkId
from dialer.logs import LogFormat
from dialer.phones import is_region
from dialer.ports import AgentRecord
from dialer.trunks import DEFAULT_TRUNK, NUMBER, NumberFormat, Trunk


class AsteriskSettings(Strict):
    host: str = setting(
        "127.0.0.1",
        "Name or address of the machine where Asterisk's manager interface (AMI) listens",
        "the link is not encrypted unless `tls` says so, and must then not leave the machine",
    )
    port: int = setting(5038, "Port of the AMI", "Asterisk's own default", ge=1, le=65535)
    username: str = setting(
        "dialer", "User in Asterisk's manager.conf", "the name in `asterisk_conf/pbx`"
    )
    secret: SecretStr = setting(
        SecretStr(""),
        "Its secret; better in the environment (`DIALER_ASTERISK__SECRET`) than in a file",
        "a secret that everybody knows would be none: without one the login is refused",
    )
    tls: bool = setting(
        False,
        "AMI over TLS; needed as soon as the link leaves the machine",
        "Asterisk has no certificate before somebody gives it one",
    )
    connect_tone: bool = setting(
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


class DatabaseSettings(Strict):
    url: str = setting(
        "sqlite+aiosqlite:///dialer.sqlite3",
        "`sqlite:///file` or `postgresql://user:password@host/database`",
        "a file in the present folder: nothing to install, and it holds a million leads",
    )


class RedisSettings(Strict):
    """Between several servers on one database. One server alone needs none."""

    url: SecretStr = setting(
        SecretStr(""),
        "`redis://user:password@host:port/0`, `rediss://` for TLS; better in DIALER_REDIS__URL. Empty: none",
        "one server alone needs none",
    )
    prefix: str = setting(
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


class PacingLogSettings(Strict):
    """What pacing decided and from what, so that it can be decided again: docs/operations/pacing-log.md."""

    enabled: bool = setting(
        True,
        "Whether it is written",
        "when somebody asks why a call was placed, it is too late to switch it on",
    )
    folder: Path | None = setting(
        None,
        "Where its files lie; made if it is not there",
        "`pacing-log` beside the SQLite file, or in the present folder",
    )
    most_megabytes: int = setting(
        1000,
        "Of all its files together; the oldest are removed",
        "months of a team of 20 agents, weeks of one of 500",
        ge=4,
        le=1_000_000,
    )

    @property
    def most_bytes(self) -> int:
        return self.most_megabytes * 1_000_000

    @property
    def file_bytes(self) -> int:
        """The size at which a file is followed by another."""
        return min(16_000_000, self.most_bytes // 4)


class ApiSettings(Strict):
    host: str = setting(
        "127.0.0.1",
        "Address where the API listens",
        "reachable from this machine only, until somebody decides otherwise",
    )
    port: int = setting(
        8000,
        "Its port; 0 takes a free one, and the log says which",
        "above 1024: needs no root",
        ge=0,
        le=65535,
    )


class AgentSettings(Strict):
    code: str = Field(
        pattern=r"^[0-9]{1,12}$", description="Digits that the agent dials to log in (`*45<code>`)"
    )
    name: str = setting("", "What others see", "the code is shown")
    team: str = setting("main", "The agent's team", ONE_TEAM, pattern=ID)


class TrunkSettings(Strict):
    """A way out to the telephone network, saved (or brought up to date) at start."""

    id: str = Field(
        pattern=TRUNK_ID, description="Its name, here and in the log; mostly that of the endpoint"
    )
    dial: str = setting(
        "",
        "What Asterisk dials, with `{number}` in it once",
        "stands for `PJSIP/{number}@<id>`: one endpoint of that name",
        pattern=rf"^$|{DIAL}",
    )
    number_format: NumberFormat = setting(
        NumberFormat.PLUS_E164,
        "How the carrier wants numbers: `plus_e164`, `e164` (no plus), `international` (00 for the plus) or `national`",
        "the form that names a number alone, whatever the country",
    )
    prefix: str = setting(
        "", "Digits before every number", "few carriers want any", pattern=r"^[0-9*#+]{0,20}$"
    )
    country: str = setting(
        "",
        "Where it stands (ISO 3166, `IT`); without `prefixes` it serves the numbers of this country only",
        "a number in E.164 needs none",
    )
    prefixes: list[Prefix] = setting(
        [], "Numbers that may leave here, by their first digits (`+39`)", "all may"
    )
    lines: int | None = setting(
        None,
        "Calls up at once, at most, over all campaigns and servers",
        "your contract says it; nobody can guess it",
        ge=1,
        le=100_000,
    )
    calls_per_second: float | None = setting(
        None,
        "New calls a second, at most, over all campaigns and servers",
        "your contract says it; the campaign's own limit holds meanwhile",
        gt=0,
        le=1000,
    )
    caller_ids: list[CallerId] = setting(
        [],
        "Numbers that may be shown there",
        "the campaign's own is shown",
    )
    priority: int = setting(
        1, "Smaller is tried first", "equal ones share by `weight`", ge=0, le=1000
    )
    weight: int = setting(1, "Share among trunks of equal priority", "equal shares", ge=1, le=1000)
    nodes: list[TrunkName] = setting(
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


class ClientSettings(Strict):
    """A company on whose behalf people are called. Saved (or brought up to date) at start."""

    id: str = Field(
        pattern=ID, description="Its name in campaigns, do-not-call lists and addresses of the API"
    )
    name: str = setting("", "What people see", "the id is shown", max_length=200)

    def client(self) -> Client:
        return Client(client_id=ClientId(self.id), name=self.name or self.id)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="DIALER_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    asterisk: AsteriskSettings = AsteriskSettings()
    asterisks: list[ServerSettings] = []
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    api: ApiSettings = ApiSettings()
    pacing_log: PacingLogSettings = PacingLogSettings()
    agents: list[AgentSettings] = []
    trunks: list[TrunkSettings] = []
    clients: list[ClientSettings] = []
    campaigns: list[CampaignSettings] = []
    profiles_folder: Path | None = setting(
        None,
        "Jurisdiction profiles of your own (JSON), beside the shipped ones",
        "the shipped ones cover Italy, the United States, Great Britain, Canada, France, Germany, Australia",
    )
    country: str = setting(
        "",
        "Where the agents call from (ISO 3166), such as `IT`: the law of that country holds for every call too",
        "nobody can guess it; the law of the called people holds in any case",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO",
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
        "a line for what an operator asks about the day after, none for each call",
    )
    log_format: LogFormat = setting(
        "text",
        "`text` for people, `json` (one object a line) for programs",
        "who sees it first is a person at a terminal",
    )
    drain_seconds: float = setting(
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

    @field_validator("country")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        if value and not is_region(value):
            raise ValueError("is no country code of ISO 3166, such as IT")
        return value

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

    @model_validator(mode="after")
    def _clients_are_there(self) -> Self:
        counted = Counter(client.id for client in self.clients)
        for name, count in counted.items():
            if count > 1:
                raise ValueError(f"clients: the id {name!r} stands there twice")
        for campaign in self.campaigns:
            if campaign.client not in {MAIN_CLIENT, *counted}:
                raise ValueError(
                    f"campaigns: {campaign.id} names a client that is none of the clients"
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
