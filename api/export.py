"""Writes the description of the API: `python -m api.export docs/reference/openapi.json`."""

import json
import sys
from pathlib import Path

from api.app import describe_app


def openapi_text() -> str:
    """OpenAPI 3.1, as the file in docs/reference holds it."""
    return json.dumps(describe_app().openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m api.export FILE\n")
        return 2
    Path(arguments[0]).write_text(openapi_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
