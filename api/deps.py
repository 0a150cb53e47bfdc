"""What the handlers ask for."""

from typing import Annotated

from fastapi import Depends, Header, Request

from dialer.bootstrap import Dialer
from dialer.texts import Language, language_of


async def dialer_of(request: Request) -> Dialer:
    dialer: Dialer = request.app.state.dialer
    return dialer


async def wanted_language(
    accept_language: Annotated[str | None, Header(description="en or it", examples=["it"])] = None,
) -> Language:
    return language_of(accept_language)


DialerDep = Annotated[Dialer, Depends(dialer_of)]
LanguageDep = Annotated[Language, Depends(wanted_language)]
