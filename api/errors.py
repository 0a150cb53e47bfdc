"""Errors to answers: one table by type, one shape of body. No answer repeats a value that was sent."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from dialer.campaign_faults import CampaignFaultsError, Fault
from dialer.errors import (
    ConflictError,
    DialerError,
    IllegalTransitionError,
    InvalidInputError,
    NotDeliveredError,
    NotFoundError,
    NotHereError,
    PacingLogDownError,
    StoreUnavailableError,
    TelephonyDownError,
    TelephonyError,
    TelephonyRefusedError,
    WireDownError,
)
from dialer.texts import Language, language_of, text

STATUS: dict[type[DialerError], int] = {
    DialerError: 500,
    IllegalTransitionError: 409,
    NotFoundError: 404,
    ConflictError: 409,
    InvalidInputError: 422,
    TelephonyError: 502,
    TelephonyDownError: 503,
    TelephonyRefusedError: 502,
    StoreUnavailableError: 503,
    WireDownError: 503,
    PacingLogDownError: 503,
    NotHereError: 503,
    NotDeliveredError: 503,
}
"""An error that is not here is answered as the nearest of its bases that is."""

RETRY_AFTER_SECONDS = 2

BODY_ERRORS = (403, 411, 413, 415, 422)
"""Of every route that takes a body: see api.guard."""

_MEANING = {
    403: "a browser sent this from another site",
    404: "there is no such thing",
    409: "it contradicts what is stored, or the present state",
    411: "the body does not tell its length",
    413: "the body is too large",
    415: "the body is not application/json",
    422: "a value is not acceptable; `field` names it",
    502: "the telephone exchange did not do it",
    503: "the database, the link to the telephone exchange or another server does not answer; try again",
}


class Problem(BaseModel):
    """The body of every error."""

    error: str = Field(description="A stable code in snake case", examples=["not_found"])
    field: str | None = Field(
        description="The value that is not acceptable; null: none", examples=[None]
    )
    message: str = Field(description="For people to read", examples=["no such campaign"])


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route."""
    return {status: {"model": Problem, "description": _MEANING[status]} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a Problem."""
    app.add_exception_handler(DialerError, _on_dialer_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_fault)


def status_of(error: type[DialerError]) -> int:
    return next(STATUS[base] for base in error.__mro__ if base in STATUS)


def code_of(error: type[DialerError]) -> str:
    """The class's name without `Error`, in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error.__name__.removesuffix("Error")).lower()


def answer(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    problem = Problem(error=code, field=field, message=message)
    return JSONResponse(problem.model_dump(), status_code=status)


async def _on_dialer_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DialerError)
    field, message = None, str(error)
    if isinstance(error, InvalidInputError):
        field, message = error.field, error.problem
    if isinstance(error, CampaignFaultsError):
        return _unlawful(request, error)
    response = answer(status_of(type(error)), code_of(type(error)), message, field)
    if error.retryable:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _unlawful(request: Request, error: CampaignFaultsError) -> JSONResponse:
    """Code and field of the first fault; the text tells all of them."""
    language = language_of(request.headers.get("accept-language"))
    lines = [f"{each.field}: {_fault_text(each, language)}" for each in error.faults]
    first = error.faults[0]
    return answer(status_of(type(error)), first.code, "; ".join(lines), first.field)


def _fault_text(fault: Fault, language: Language) -> str:
    profiles = ", ".join(fault.profiles)
    return text(f"law.fault.{fault.code}", language, wanted=fault.wanted, profiles=profiles)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return answer(422, "invalid_input", str(first["msg"]), _field(first["type"], first["loc"]))


def _field(kind: str, place: Sequence[str | int]) -> str:
    """The place without the part of the request where it stands; that part itself when it is all there is."""
    inner = [] if kind == "json_invalid" else place[1:]
    return ".".join(str(part) for part in inner) or str(place[0])


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = re.sub(r"[^a-z]+", "_", phrase.lower())
    response = answer(error.status_code, code, phrase)
    response.headers.update(error.headers or {})
    return response


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    return answer(500, "internal_error", "A fault of the server; its log says more")
