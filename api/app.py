"""The front desk: HTTP in, events to the teams and questions to the store.

Access. There is no access control yet, so whoever reaches the port may do everything: the server binds to a loopback
address unless the settings say otherwise, and must not be made reachable from elsewhere without a proxy that asks who is
there. What a browser on the same machine could be made to send by a foreign page is refused: a body must be
`application/json`, and a request that changes something must not come from another site (api.guard). There is no CORS,
and no page with scripts of third parties (the description of the API is at /openapi.json).
"""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import (
    abandonment,
    agents,
    callbacks,
    calls,
    campaigns,
    check,
    clients,
    consents,
    do_not_call,
    errors,
    health,
    leads,
    lists,
    registers,
    teams,
    why,
)
from api.guard import RequestGuard
from dialer.bootstrap import Dialer

DESCRIPTION = """\
Instants are RFC 3339 in UTC, durations end in `_seconds`, ratios are 0 to 1. Every error has the body `Problem`.
Requests with a body must be `application/json`."""


def create_app(dialer: Dialer) -> FastAPI:
    """The API of a dialer that somebody else starts and stops."""
    app = describe_app()
    app.state.dialer = dialer
    return app


def describe_app() -> FastAPI:
    """The API with nobody behind it: enough for its description."""
    app = FastAPI(
        title="Dialer",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        generate_unique_id_function=_name,
    )
    app.add_middleware(RequestGuard)
    errors.install(app)
    for resource in (
        campaigns,
        clients,
        why,
        abandonment,
        lists,
        leads,
        do_not_call,
        registers,
        consents,
        check,
        agents,
        callbacks,
        calls,
        teams,
        health,
    ):
        app.include_router(resource.router)
    return app


def _name(route: APIRoute) -> str:
    """The handler's name: what generated clients call the operation."""
    return route.name
