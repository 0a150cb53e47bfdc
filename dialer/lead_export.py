"""`dialer leads export`: a campaign's leads into a file, which is there whole or not at all."""

import os
from pathlib import Path

from dialer.adapters.lead_pages import Export
from dialer.adapters.lead_writers import Format
from dialer.adapters.sql.store import open_stores
from dialer.config import Settings
from dialer.errors import InvalidInputError
from dialer.lead_file import find_campaign
from dialer.leads import LeadState

OWNER_ONLY = 0o600


async def export_file(
    settings: Settings,
    file: Path,
    campaign: str,
    form: Format,
    *,
    list_name: str | None = None,
    state: LeadState | None = None,
) -> int:
    """How many leads it has. Readable by its owner only. Raises NotFoundError, and InvalidInputError when the file is there
    already or cannot be written."""
    _check_free(file)
    part = file.with_name(f"{file.name}.part")
    stores = await open_stores(settings.database.url)
    try:
        export = Export(await find_campaign(stores, campaign), form, list_name, state)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(part, flags, OWNER_ONLY), "wb") as out:
            async for piece in export.pieces(stores):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)
    except OSError as error:
        raise InvalidInputError("file", f"cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
        await stores.close()
    return export.count


def _check_free(file: Path) -> None:
    if os.path.lexists(file):
        raise InvalidInputError("file", "is there already")
    if not file.parent.is_dir():
        raise InvalidInputError("file", "is to be in a folder that is not there")
