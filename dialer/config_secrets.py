"""The secrets of several Asterisk servers, from the environment: they need not stand in the file."""

import os
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class ServerSecrets(PydanticBaseSettingsSource):
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
