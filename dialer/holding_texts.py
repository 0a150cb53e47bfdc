"""What holds leads back, and why. `.from`: the first of them falls due in the hour of {when}."""

HOLDING_TEXTS: dict[str, tuple[str, str]] = {
    "held.new": ("{count} were never tried {reason}", "{count} mai provati {reason}"),
    "held.retry": ("{count} may be tried again: {reason}", "{count} da riprovare: {reason}"),
    "held.retry.from": (
        "{count} wait for another try, the first from {when}: {reason}",
        "{count} attendono un altro tentativo, il primo dalle {when}: {reason}",
    ),
    "held.reserved": (
        "{count} are next to be dialled {reason}",
        "{count} stanno per essere chiamati {reason}",
    ),
    "held.dialing": ("{count} are being dialled {reason}", "{count} sono in chiamata {reason}"),
    "held.excluded": (
        "{count} may never be called: {reason}",
        "{count} non vanno mai chiamati: {reason}",
    ),
    "held.done": ("{count} are over: {reason}", "{count} sono conclusi: {reason}"),
    "reason.list_rests": ("their list rests (weight 0)", "la loro lista è a riposo (peso 0)"),
    "reason.callback": ("an agreed callback", "richiamata concordata"),
    "reason.callback_cancelled": (
        "their callback was cancelled",
        "la richiamata è stata annullata",
    ),
    "reason.disposition": ("an agent said so", "lo ha detto un operatore"),
    "reason.do_not_call": ("on the do-not-call list", "nell'elenco di chi non va chiamato"),
    "reason.calling_hours": ("outside the calling hours", "fuori dagli orari consentiti"),
    "reason.attempts_used": ("all attempts used", "tentativi esauriti"),
    "reason.abandon_block": (
        "to be left alone after an abandoned call",
        "da lasciare in pace dopo una chiamata muta",
    ),
    "reason.guaranteed_agent": (
        "an agent must be held for them",
        "serve un operatore riservato",
    ),
    "reason.no_trunk_serves": ("no trunk serves them", "nessun fascio li serve"),
    "reason.trunks_down": ("their trunks are down", "i loro fasci sono guasti"),
    "holdings.due": (
        "{due} leads may be tried now, {next_hour} more within the hour; the next one {when}",
        "{due} contatti chiamabili ora, altri {next_hour} entro un'ora; il prossimo {when}",
    ),
    "holdings.callbacks": (
        "callbacks: {waiting} wait, {overdue} of them overdue; the first was agreed for {when}",
        "richiamate: {waiting} in attesa, {overdue} delle quali in ritardo; la prima era fissata per {when}",
    ),
    "callbacks.cancelled": ("cancelled", "annullata"),
    "callbacks.moved": ("moved: {when}", "spostata: {when}"),
    "holdings.counted": ("counted {when}", "conteggio delle {when}"),
    "holdings.rehearsal": (
        "of the first {looked_at}: {allowed} allowed now, {later} more within the hour",
        "dei primi {looked_at}: {allowed} consentiti ora, altri {later} entro un'ora",
    ),
    "holdings.recount": ("a full recount agrees", "il conteggio completo coincide"),
    "holdings.differs": (
        "a full recount differs: run it again, and report it if it stays",
        "il conteggio completo è diverso: ripeterlo, e segnalarlo se resta così",
    ),
}
