"""The stores on one database."""

from random import Random, SystemRandom

from sqlalchemy import text

from dialer.adapters.sql.agents import SqlAgentDirectory
from dialer.adapters.sql.attempts import SqlAttemptStore
from dialer.adapters.sql.callbacks import SqlCallbackStore
from dialer.adapters.sql.campaigns import SqlCampaignStore
from dialer.adapters.sql.clients import SqlClientStore
from dialer.adapters.sql.consents import SqlConsentStore
from dialer.adapters.sql.do_not_call import SqlDoNotCallStore
from dialer.adapters.sql.engine import Database, connect
from dialer.adapters.sql.leads import SqlLeadStore
from dialer.adapters.sql.leases import SqlLease
from dialer.adapters.sql.ledger import SqlLedger, SqlMachineAudits
from dialer.adapters.sql.lists import SqlListStore
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.registers import SqlRegisterStore
from dialer.adapters.sql.trunks import SqlTrunkStore
from dialer.ports import Stores


class SqlStoreHealth:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ping(self) -> None:
        async with self._database.read() as connection:
            await connection.execute(text("SELECT 1"))


async def open_stores(url: str, *, random: Random | None = None) -> Stores:
    """The stores of the database at `url`, its schema brought up to date. `random` makes the ids of leads.
    The caller closes. Raises StoreUnavailableError, InvalidInputError."""
    await migrate(url)
    return stores_on(connect(url), random or SystemRandom())


def stores_on(database: Database, random: Random) -> Stores:
    """The stores of a database whose schema is up to date."""
    return Stores(
        leads=SqlLeadStore(database, random),
        lists=SqlListStore(database),
        attempts=SqlAttemptStore(database),
        campaigns=SqlCampaignStore(database),
        clients=SqlClientStore(database),
        do_not_call=SqlDoNotCallStore(database),
        registers=SqlRegisterStore(database),
        consents=SqlConsentStore(database),
        trunks=SqlTrunkStore(database),
        agents=SqlAgentDirectory(database),
        leases=SqlLease(database),
        health=SqlStoreHealth(database),
        ledger=SqlLedger(database),
        audits=SqlMachineAudits(database),
        callbacks=SqlCallbackStore(database),
        close=database.close,
    )
