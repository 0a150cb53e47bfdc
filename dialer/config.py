"""Settings: from a TOML file and `DIALER_*` environment variables (`DIALER_ASTERISK__SECRET=...`); unknown keys are refused."""

import os
import ssl
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dialer.ami_node import AmiEndpoint
from dialer.campaign import CampaignPolicy, PacingMode
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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AsteriskSettings(_Strict):
    host: str = "127.0.0.1"
    port: int = Field(default=5038, ge=1, le=65535)
    username: str = "dialer"
    secret: SecretStr = SecretStr("")
    tls: bool = False  # AMI over TLS; needed as soon as the link leaves the machine
    connect_tone: bool = True  # a short tone in the agent's ear at the start of a talk

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

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")


class DatabaseSettings(_Strict):
    url: str = "sqlite+aiosqlite:///dialer.sqlite3"  # nothing to install


class ApiSettings(_Strict):
    host: str = "127.0.0.1"  # reachable from this machine only, until somebody decides otherwise
    port: int = Field(default=8000, ge=0, le=65535)


class AgentSettings(_Strict):
    code: str = Field(pattern=r"^[0-9]{1,12}$")
    name: str = ""
    team: str = Field(default="main", pattern=ID)


class TrunkSettings(_Strict):
    """A way out to the telephone network, saved (or brought up to date) at start."""

    id: str = Field(pattern=TRUNK_ID)
    dial: str = Field(default="", pattern=rf"^$|{DIAL}")  # empty: PJSIP/{number}@<id>
    number_format: NumberFormat = NumberFormat.PLUS_E164
    prefix: str = Field(default="", pattern=r"^[0-9*#+]{0,20}$")
    country: str = ""
    prefixes: list[Prefix] = []
    lines: int | None = Field(default=None, ge=1, le=100_000)
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    caller_ids: list[CallerId] = []
    priority: int = Field(default=1, ge=0, le=1000)
    weight: int = Field(default=1, ge=1, le=1000)
    nodes: list[TrunkName] = []

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

    id: str = Field(pattern=ID)
    name: str = ""
    team: str = Field(default="main", pattern=ID)
    profile: str = "IT-GARANTE"
    mode: PacingMode = PacingMode.PREDICTIVE
    dial_ratio: float = Field(default=2.0, ge=1.0, le=10.0)
    abandon_target: float | None = Field(default=None, ge=0.0, le=1.0)
    caller_id: str = Field(default="", pattern=r"^\+?[0-9]*$")
    trunks: list[
        TrunkName
    ] = []  # none: all of the settings; PJSIP endpoint dialer-trunk where there are none
    lines: int = Field(default=60, ge=1)
    calls_per_second: float = Field(default=10.0, gt=0, le=1000)
    ring_timeout_seconds: float = Field(default=25.0, ge=5, le=120)
    wrap_up_seconds: float = Field(default=15.0, ge=0)
    max_attempts: int = Field(default=6, ge=1)
    screen: bool = False
    running: bool = False

    def policy(self, all_trunks: Sequence[TrunkId] = ()) -> CampaignPolicy:
        """`all_trunks`: those of the settings."""
        trunks = tuple(map(TrunkId, self.trunks)) or tuple(all_trunks) or (DEFAULT_TRUNK,)
        return CampaignPolicy(
            campaign_id=CampaignId(self.id),
            name=self.name or self.id,
            team_id=TeamId(self.team),
            profile=self.profile,
            mode=self.mode,
            dial_ratio=self.dial_ratio,
            abandon_target=self.abandon_target,
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

    asterisk: AsteriskSettings = AsteriskSettings()  # the one server
    asterisks: list[
        ServerSettings
    ] = []  # or several; then [asterisk] may give their common secret only
    database: DatabaseSettings = DatabaseSettings()
    api: ApiSettings = ApiSettings()
    profiles_folder: Path | None = (
        None  # jurisdiction profiles of your own, beside the shipped ones
    )
    agents: list[AgentSettings] = []
    trunks: list[TrunkSettings] = []
    campaigns: list[CampaignSettings] = []
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = "text"

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
        return env_settings, _ServerSecrets(settings_cls, init_settings)

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
        names = [TrunkId(trunk.id) for trunk in self.trunks]
        return ((campaign, campaign.policy(names)) for campaign in self.campaigns)

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


class _ServerSecrets(PydanticBaseSettingsSource):
    """What the file says, but for the secret of a server in [[asterisks]] that the environment gives."""

    def __init__(self, settings_cls: type[BaseSettings], file: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._file = file

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._file.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        data = self._file()
        servers = data.get("asterisks")
        if not isinstance(servers, list):
            return data
        return data | {"asterisks": [self._with_secret(server) for server in servers]}

    def _with_secret(self, server: object) -> object:
        if not isinstance(server, dict) or not isinstance(name := server.get("name"), str):
            return server
        found = os.environ.get(secret_variable(name))
        return server if found is None else server | {"secret": found}


def secret_variable(name: str) -> str:
    """The environment variable with the secret of the server of this name."""
    return f"DIALER_ASTERISK_{name.upper().replace('-', '_')}__SECRET"


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
        problem = _unknown_key(first["loc"]) if unknown else first["msg"]
        raise InvalidInputError(field or "settings", problem) from error


def _unknown_key(place: tuple[int | str, ...]) -> str:
    """What to say of a key that does not exist: the nearest that does."""
    *path, key = place
    names = _names_at([part for part in path if isinstance(part, str)])
    near = get_close_matches(str(key), names, n=1, cutoff=0.5)
    if near:
        return f"no such setting; did you mean {near[0]!r}?"
    return f"no such setting; there are: {', '.join(names)}"


def _names_at(path: list[str]) -> list[str]:
    """The settings of the table that lies there."""
    model: type[BaseModel] = Settings
    for part in path:
        kind = model.model_fields[part].annotation
        inner = [one for one in (kind, *get_args(kind)) if isinstance(one, type)]
        model = next(one for one in inner if issubclass(one, BaseModel))
    return sorted(model.model_fields)
