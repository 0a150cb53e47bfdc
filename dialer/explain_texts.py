"""The parts of the sentence that explains a pacing decision. `.none`, `.one` and `.many`: by the count."""

EXPLAIN_TEXTS: dict[str, tuple[str, str]] = {
    "explain.calls.none": ("No call", "Nessuna chiamata"),
    "explain.calls.one": ("1 call", "1 chiamata"),
    "explain.calls.many": ("{count} calls", "{count} chiamate"),
    "explain.revoked.one": ("1 taken back", "1 ritirata"),
    "explain.revoked.many": ("{count} taken back", "{count} ritirate"),
    "explain.no_agents": ("no agent takes calls", "nessun operatore riceve chiamate"),
    "explain.free_now.none": ("no agent free", "nessun operatore libero"),
    "explain.free_now.one": ("1 agent free", "1 operatore libero"),
    "explain.free_now.many": ("{count} agents free", "{count} operatori liberi"),
    "explain.free_soon.none": (
        "less than 80 % that an agent is free in 10 s",
        "meno dell'80 % che un operatore sia libero entro 10 s",
    ),
    "explain.free_soon.one": (
        "1 agent free in 10 s with 80 %",
        "1 operatore libero entro 10 s all'80 %",
    ),
    "explain.free_soon.many": (
        "{count} agents free in 10 s with 80 %",
        "{count} operatori liberi entro 10 s all'80 %",
    ),
    "explain.waiting.one": ("1 person waiting", "1 persona in attesa"),
    "explain.waiting.many": ("{count} persons waiting", "{count} persone in attesa"),
    "explain.ringing.none": ("none ringing", "nessuna in squillo"),
    "explain.ringing.one": ("1 ringing", "1 in squillo"),
    "explain.ringing.many": ("{count} ringing", "{count} in squillo"),
    "explain.screening.one": ("1 picked up and being screened", "1 risposta in verifica"),
    "explain.screening.many": (
        "{count} picked up and being screened",
        "{count} risposte in verifica",
    ),
    "explain.one_line_each": (
        "one line for each free agent",
        "una linea per ogni operatore libero",
    ),
    "explain.lines_each": (
        "{lines} lines for each free agent",
        "{lines} linee per ogni operatore libero",
    ),
    "explain.agent_held": (
        "one agent held for each call",
        "un operatore riservato per ogni chiamata",
    ),
    "explain.agent_shown": (
        "each free agent is shown a lead before it is called",
        "ogni operatore libero vede il contatto prima che sia chiamato",
    ),
    "explain.on_request": (
        "it calls whom an agent asks for",
        "chiama chi è richiesto da un operatore",
    ),
    "explain.risk": (
        "one more would find no agent with at least {risk}, {allowed} is allowed",
        "una in più non troverebbe operatori con almeno {risk} di probabilità, ammesso {allowed}",
    ),
    "explain.risk_near_limit": (
        "one more would find no agent with at least {risk}, {allowed} is allowed near the limit of {window} "
        "({ratio} of {limit} used)",
        "una in più non troverebbe operatori con almeno {risk} di probabilità, ammesso {allowed} vicino al limite della "
        "{window} ({ratio} su {limit} usato)",
    ),
    "explain.budget_used": (
        "held back by {window}, {ratio} of {limit} used",
        "frenata dalla {window}, {ratio} su {limit} usato",
    ),
    "explain.budget_over": (
        "held back by {window}, {ratio} where {limit} is allowed",
        "frenata dalla {window}, {ratio} dove è ammesso {limit}",
    ),
    "explain.budget_start.none": (
        "held back by {window}: nobody has answered yet, and one abandoned call would be over {limit}",
        "frenata dalla {window}: non ha ancora risposto nessuno, e una sola chiamata muta supererebbe {limit}",
    ),
    "explain.budget_start.one": (
        "held back by {window}: 1 person has answered, and one abandoned call would be over {limit}",
        "frenata dalla {window}: ha risposto 1 persona, e una sola chiamata muta supererebbe {limit}",
    ),
    "explain.budget_start.many": (
        "held back by {window}: {count} persons have answered, and one abandoned call would be over {limit}",
        "frenata dalla {window}: hanno risposto {count} persone, e una sola chiamata muta supererebbe {limit}",
    ),
    "explain.cautious": (
        "cautious until more persons have answered in {window} ({count} so far)",
        "prudente finché non avranno risposto altre persone nella {window} (finora {count})",
    ),
    "explain.budget": ("held back by the abandon limit", "frenata dal limite delle chiamate mute"),
    "explain.lines": (
        "held back by the campaign's own lines ({lines})",
        "frenata dalle linee della campagna ({lines})",
    ),
    "explain.calls_per_second": (
        "held back by the campaign's calls per second",
        "frenata dalle chiamate al secondo della campagna",
    ),
    "explain.trunk_lines": (
        "held back by the lines of its trunks",
        "frenata dalle linee dei suoi trunk",
    ),
    "explain.trunk_rate": (
        "held back by the calls per second of its trunks",
        "frenata dalle chiamate al secondo dei suoi trunk",
    ),
    "explain.trunks_down": ("its trunks do not work", "i suoi trunk non funzionano"),
    "explain.start_up": ("placed a few at a time", "partono poche alla volta"),
    "explain.window.campaign_total": (
        "the whole campaign's window",
        "finestra di tutta la campagna",
    ),
    "explain.window.calendar_day": ("today's window", "finestra di oggi"),
    "explain.window.calendar_month": ("this month's window", "finestra di questo mese"),
    "explain.window.client": (
        "{window} of all campaigns of the client",
        "{window} di tutte le campagne del cliente",
    ),
    "explain.window.call_centre": (
        "{window} of the whole call centre",
        "{window} di tutto il call center",
    ),
    "explain.window.days.one": (
        "the campaign's 1-day window",
        "finestra di 1 giorno della campagna",
    ),
    "explain.window.days.many": (
        "the campaign's {count}-day window",
        "finestra di {count} giorni della campagna",
    ),
    "explain.window.hours.one": (
        "the campaign's 1-hour window",
        "finestra di 1 ora della campagna",
    ),
    "explain.window.hours.many": (
        "the campaign's {count}-hour window",
        "finestra di {count} ore della campagna",
    ),
    "explain.window.other": ("window {name}", "finestra {name}"),
}
