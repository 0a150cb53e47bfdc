"""What holds for every route: errors in one shape, foreign pages kept off, health, the description."""

import importlib
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import dialer
from api.app import create_app, describe_app
from api.errors import BODY_ERRORS, STATUS, Problem, code_of, status_of
from api.export import openapi_text
from api.guard import MAX_BODY_BYTES
from dialer import errors
from dialer.errors import DialerError, StoreUnavailableError
from tests.api.desk import Desk

OPENAPI = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
JSON = {"Content-Type": "application/json"}


def _subclasses(error: type[DialerError]) -> Iterator[type[DialerError]]:
    yield error
    for each in error.__subclasses__():
        yield from _subclasses(each)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_every_error_of_the_dialer_has_its_status() -> None:
    for module in pkgutil.iter_modules(dialer.__path__):
        if not module.name.startswith("__"):
            importlib.import_module(f"dialer.{module.name}")
    for error in _subclasses(DialerError):
        assert error in STATUS or error.__module__ != errors.__name__, error
        assert 400 <= status_of(error) < 600
        assert not error.retryable or status_of(error) == 503


def test_the_codes_are_stable() -> None:
    assert {code_of(error): status for error, status in STATUS.items()} == {
        "dialer": 500,
        "illegal_transition": 409,
        "not_found": 404,
        "conflict": 409,
        "invalid_input": 422,
        "telephony": 502,
        "telephony_down": 503,
        "telephony_refused": 502,
        "store_unavailable": 503,
        "wire_down": 503,
        "not_here": 503,
        "not_delivered": 503,
        "pacing_log_down": 503,
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/campaigns", 405, "method_not_allowed"),
        ("GET", "/docs", 404, "not_found"),
    ],
)
async def test_the_frameworks_errors_have_the_same_shape(
    desk: Desk, method: str, path: str, status: int, code: str
) -> None:
    response = await desk.http.request(method, path)
    assert response.status_code == status
    assert Problem.model_validate_json(response.text).error == code


async def test_broken_json_is_refused_without_repeating_it(desk: Desk) -> None:
    content = '[{"phone": "+393471234001"'
    await desk.campaign()
    response = await desk.http.post("/campaigns/spring/leads", content=content, headers=JSON)
    assert response.status_code == 422
    assert response.json()["field"] == "body"
    assert "347" not in response.text


async def test_a_body_that_is_too_large_is_refused(desk: Desk) -> None:
    await desk.campaign()
    content = b" " * (MAX_BODY_BYTES + 1)
    response = await desk.http.post("/campaigns/spring/leads", content=content, headers=JSON)
    assert (response.status_code, response.json()["error"]) == (413, "content_too_large")


async def test_a_body_of_unknown_length_is_refused(desk: Desk) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    response = await desk.http.post("/campaigns", content=pieces(), headers=JSON)
    assert (response.status_code, response.json()["error"]) == (411, "length_required")


async def test_what_may_be_tried_again_says_when(desk: Desk) -> None:
    async def unavailable() -> None:
        raise StoreUnavailableError

    app = create_app(desk.dialer)
    app.add_api_route("/broken", unavailable)
    async with _client(app) as http:
        response = await http.get("/broken")
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.json()["error"] == "store_unavailable"


async def test_a_fault_of_ours_says_nothing_of_its_cause(desk: Desk) -> None:
    async def broken() -> None:
        raise RuntimeError("+393471234001")

    app = create_app(desk.dialer)
    app.add_api_route("/broken", broken)
    async with _client(app) as http:
        response = await http.get("/broken")
    assert response.status_code == 500
    assert response.json()["error"] == "internal_error"
    assert "347" not in response.text


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://desk")


# --- foreign pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
async def test_a_body_must_be_json(desk: Desk, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = await desk.http.post("/campaigns", content=b'{"id": "spring"}', headers=headers)
    assert response.status_code == 415
    assert response.json()["error"] == "unsupported_media_type"
    assert await desk.get("/campaigns") == []


async def test_json_with_a_character_set_is_json(desk: Desk) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    response = await desk.http.post("/campaigns", content=b'{"id": "spring"}', headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://desk"}, 200),
        ({"Origin": "http://desk"}, 200),
        ({}, 200),
    ],
)
async def test_a_foreign_page_starts_nothing(
    desk: Desk, headers: dict[str, str], status: int
) -> None:
    await desk.campaign()
    response = await desk.http.post("/campaigns/spring/start", headers=headers)
    assert response.status_code == status
    state = (await desk.get("/campaigns/spring"))["state"]
    assert state == ("running" if status == 200 else "paused")


# --- operations -------------------------------------------------------------------------------------------------------


async def test_the_process_is_alive_and_not_ready_without_its_exchange(desk: Desk) -> None:
    assert await desk.get("/healthz") == {"status": "alive"}
    assert await desk.get("/readyz", status=503) == {
        "ready": False,
        "reasons": [{"code": "telephony_down", "team": "main"}],
    }


async def test_a_database_that_is_gone_makes_the_server_unready(desk: Desk, tmp_path: Path) -> None:
    await desk.dialer.stores.close()
    _replace_by_folder(tmp_path / "dialer.sqlite3")
    answer = await desk.get("/readyz", status=503)
    assert {"code": "store_down", "team": None} in answer["reasons"]
    assert (await desk.get("/campaigns", status=503))["error"] == "store_unavailable"
    assert await desk.get("/healthz") == {"status": "alive"}


def _replace_by_folder(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.mkdir()


# --- the description --------------------------------------------------------------------------------------------------


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in describe_app().openapi()["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_route_is_described() -> None:
    names = [operation["operationId"] for _, operation in _operations()]
    assert len(names) == len(set(names)) == 46
    for route, operation in _operations():
        assert operation["summary"], route
        success = next(value for key, value in operation["responses"].items() if key < "300")
        schema = next(iter(success["content"].values()))["schema"]
        assert schema, route
        if "requestBody" in operation:
            assert {str(status) for status in BODY_ERRORS} <= operation["responses"].keys(), route
        elif not route.startswith("get"):
            assert "403" in operation["responses"], route
        if operation.get("parameters"):
            assert "422" in operation["responses"], route


def test_every_documented_error_is_a_problem() -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for route, operation in _operations():
        for status, response in operation["responses"].items():
            if status >= "400" and route != "get /readyz":
                assert response["content"]["application/json"]["schema"] == problem, route


def test_the_description_in_docs_is_the_present_one() -> None:
    """Renew it with `python -m api.export docs/reference/openapi.json`."""
    assert OPENAPI.read_text(encoding="utf-8") == openapi_text()
    json.loads(openapi_text())
