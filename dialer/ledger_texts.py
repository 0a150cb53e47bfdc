"""Texts of the ledger and of the abandonment report: English, Italian."""

LEDGER_TEXTS: dict[str, tuple[str, str]] = {
    "ledger.whole": (
        "whole: {count} rows. Without a checkpoint this shows no chain that was made anew",
        "integro: {count} righe. Senza un punto di controllo non si vede una catena rifatta",
    ),
    "ledger.whole_checked": (
        "whole: {count} rows, in agreement with {checkpoints} signed checkpoints",
        "integro: {count} righe, concordi con {checkpoints} punti di controllo firmati",
    ),
    "ledger.broken": ("NOT whole: {count} findings", "NON integro: {count} riscontri"),
    "ledger.finding": ("{chain}, row {seq}: {words}", "{chain}, riga {seq}: {words}"),
    "ledger.row_changed": (
        "text or hash was changed",
        "il testo o l'impronta è stato modificato",
    ),
    "ledger.column_changed": (
        "a column was changed, the text was not",
        "una colonna è stata modificata, il testo no",
    ),
    "ledger.rows_missing": (
        "rows are missing, or stand in another order",
        "mancano righe, o sono in un altro ordine",
    ),
    "ledger.cut_off": ("rows at the end are missing", "mancano righe alla fine"),
    "ledger.head_changed": (
        "the chain does not end as it says itself",
        "la catena non finisce come essa stessa dice",
    ),
    "ledger.begin_changed": (
        "rows at the begin are missing, and no record says why",
        "mancano righe all'inizio, e nessuna registrazione dice perché",
    ),
    "ledger.person_changed": (
        "the number in the attempt is not the one that was called",
        "il numero nel tentativo non è quello chiamato",
    ),
    "ledger.person_gone": (
        "number or salt are gone, and no record says that they were erased",
        "numero o sale mancano, e nessuna registrazione dice che sono stati cancellati",
    ),
    "ledger.other_than_checkpoint": (
        "not the row that the signed checkpoint knows: the chain was made anew",
        "non è la riga che il punto di controllo firmato conosce: la catena è stata rifatta",
    ),
    "abandonment.head": ("{campaign}, by {profile}", "{campaign}, secondo {profile}"),
    "abandonment.no_windows": (
        "this profile sets no limit over a window",
        "questo profilo non pone limiti su un periodo",
    ),
    "abandonment.window": (
        "{window}, {scope}, {since} to {until}: {verdict}",
        "{window}, {scope}, dal {since} al {until}: {verdict}",
    ),
    "abandonment.campaign_total": ("whole campaign", "intera campagna"),
    "abandonment.calendar_day": ("day", "giorno"),
    "abandonment.calendar_month": ("month", "mese"),
    "abandonment.campaign_period": ("period of the campaign", "periodo della campagna"),
    "abandonment.rolling": ("latest span", "ultimo intervallo"),
    "abandonment.scope_campaign": ("this campaign", "questa campagna"),
    "abandonment.scope_client": ("all of the client", "tutte del cliente"),
    "abandonment.scope_call_centre": ("whole call centre", "intero call center"),
    "abandonment.ok": ("within the limit", "entro il limite"),
    "abandonment.over": ("OVER THE LIMIT", "OLTRE IL LIMITE"),
    "abandonment.no_data": ("nothing answered yet", "ancora nessuna risposta"),
    "abandonment.machines": (
        "FP: of {count} calls that detection took for machines, {share} are counted as people",
        "FP: di {count} chiamate prese per segreterie, {share} sono contate come persone",
    ),
    "abandonment.silent": (
        "{count} people were dropped without a message",
        "{count} persone chiuse senza messaggio",
    ),
    "ledger.chain_missing": (
        "the whole chain is missing",
        "manca l'intera catena",
    ),
}
