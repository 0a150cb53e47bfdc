"""Every text a person reads, in English and Italian. One mechanism: `text(key, language, **values)`.

A key that is missing in a language is a fault that the tests find; values never hold a phone number.
"""

from enum import StrEnum

from dialer.compliance_texts import COMPLIANCE_TEXTS
from dialer.doctor_texts import DOCTOR_TEXTS
from dialer.explain_texts import EXPLAIN_TEXTS
from dialer.forecast_texts import FORECAST_TEXTS
from dialer.holding_texts import HOLDING_TEXTS
from dialer.import_texts import IMPORT_TEXTS
from dialer.ledger_texts import LEDGER_TEXTS


class Language(StrEnum):
    EN = "en"
    IT = "it"


TEXTS: dict[str, tuple[str, str]] = {
    "why.campaign_paused": ("The campaign is paused", "La campagna è in pausa"),
    "why.campaign_held": (
        "The database was restored from a backup on {detail}: close the gap, then start the campaign",
        "Il database è stato ripristinato da una copia il {detail}: colmare il vuoto, poi avviare la campagna",
    ),
    "why.campaign_finished": ("The campaign is finished", "La campagna è terminata"),
    "why.telephony_down": (
        "No link to the telephone exchange: {detail}",
        "Nessun collegamento con il centralino: {detail}",
    ),
    "why.node_down": (
        "Asterisk server {detail} is away: {count} agents wait for it",
        "Il server Asterisk {detail} non risponde: {count} operatori lo attendono",
    ),
    "why.store_down": (
        "The database does not take writes; nothing may ring that is not written",
        "La base dati non accetta scritture; non si chiama ciò che non è registrato",
    ),
    "why.draining": (
        "The server is being stopped: no new calls",
        "Il server si sta fermando: nessuna nuova chiamata",
    ),
    "why.calling_hours": (
        "{count} leads are outside their calling hours until {until}",
        "{count} contatti sono fuori dagli orari consentiti fino a {until}",
    ),
    "why.no_leads_due": (
        "No lead may be tried now; next {until}",
        "Nessun contatto è chiamabile ora; il prossimo {until}",
    ),
    "why.abandon_block": (
        "{count} leads must be left alone after an abandoned call",
        "{count} contatti da lasciare in pace dopo una chiamata muta",
    ),
    "why.guaranteed_agent": (
        "{count} leads were abandoned once: each is called when an agent is free to be held for it",
        "{count} contatti hanno avuto una chiamata muta: ciascuno è chiamato quando un operatore libero può essergli riservato",
    ),
    "why.callback_agent": (
        "{count} callbacks are due and wait for agents of their own; anyone may have the first from {until}",
        "{count} richiamate sono da fare e attendono il proprio operatore; la prima è di chiunque dalle {until}",
    ),
    "why.callbacks_due": (
        "{count} callbacks are due and wait for a free agent",
        "{count} richiamate sono da fare e attendono un operatore libero",
    ),
    "why.number_blocked": (
        "{count} leads have a number that an agent has found to be wrong",
        "{count} contatti hanno un numero che un operatore ha trovato errato",
    ),
    "why.attempts_used": (
        "{count} leads have used all their attempts",
        "{count} contatti hanno esaurito i tentativi",
    ),
    "why.do_not_call": (
        "{count} leads are on the do-not-call list",
        "{count} contatti sono nella lista di opposizione",
    ),
    "why.no_agents": ("No agent is logged in", "Nessun operatore è collegato"),
    "why.agents_on_break": (
        "All {count} agents logged in are on break",
        "Tutti i {count} operatori collegati sono in pausa",
    ),
    "why.agents_busy": (
        "All {count} agents are talking or in wrap-up",
        "Tutti i {count} operatori sono in conversazione o in lavorazione",
    ),
    "why.agents_held": (
        "{count} agents are held, each for a call that rings",
        "{count} operatori sono riservati, ciascuno a una chiamata che squilla",
    ),
    "why.agents_previewing": (
        "{count} agents look at the lead that they will call",
        "{count} operatori guardano il contatto che chiameranno",
    ),
    "why.abandon_budget": (
        "The abandon limit holds it back: {detail}",
        "Frenata dal limite delle chiamate mute: {detail}",
    ),
    "why.abandon_budget_start": (
        "Dials with hardly any risk until about {count} more persons have answered: "
        "of so few, one abandoned call would be over the limit",
        "Chiama quasi senza rischio finché non rispondono altre {count} persone circa: "
        "su così poche, una sola chiamata muta supererebbe il limite",
    ),
    "why.trunk_failing": (
        "Trunk {detail} failed the last {count} leads and rests; one call probes it again at {until}",
        "Il trunk {detail} non ha servito gli ultimi {count} contatti e riposa; una chiamata lo riprova alle {until}",
    ),
    "why.no_trunk_serves": (
        "{count} leads have numbers that none of the campaign's trunks serves",
        "{count} contatti hanno numeri che nessun trunk della campagna serve",
    ),
    "why.trunks_down": (
        "{count} leads wait for a trunk that works",
        "{count} contatti aspettano un trunk che funzioni",
    ),
    "why.trunks_full": (
        "{count} leads wait for a free line of the trunks that serve them",
        "{count} contatti aspettano una linea libera dei trunk che li servono",
    ),
    "why.trunk_elsewhere": (
        "{count} leads wait for agents on the Asterisk server that has their trunk",
        "{count} contatti aspettano operatori sul server Asterisk che ha il loro trunk",
    ),
    "why.trunk_lines": (
        "All lines of its trunks are in use",
        "Tutte le linee dei suoi trunk sono occupate",
    ),
    "why.trunk_rate": (
        "The calls per second of its trunks are used",
        "Raggiunte le chiamate al secondo dei suoi trunk",
    ),
    "why.lines_in_use": ("All its lines are in use", "Tutte le sue linee sono occupate"),
    "why.calls_per_second": (
        "The calls-per-second limit is reached",
        "Raggiunto il limite di chiamate al secondo",
    ),
    "why.pacing_risk": (
        "One more call would risk finding no agent",
        "Una chiamata in più rischierebbe di non trovare operatori",
    ),
    "why.start_up": (
        "Calls are being placed a few at a time",
        "Le chiamate partono poche alla volta",
    ),
    "why.free_agents_served": (
        "Each free agent has the lines that the mode allows",
        "Ogni operatore libero ha le linee previste dalla modalità",
    ),
    "why.on_request": (
        "Mode manual: it calls whom an agent asks for",
        "Modalità manuale: chiama chi è richiesto da un operatore",
    ),
    "why.nothing": ("It is dialling", "Sta chiamando"),
    "term.link_up": ("exchange connected", "centralino collegato"),
    "term.link_down": ("no exchange", "centralino non collegato"),
    "term.node_up": ("{node} connected", "{node} collegato"),
    "term.node_down": ("{node} away", "{node} non collegato"),
    "term.talk_share": ("talk share", "quota in conversazione"),
    "term.connect": ("answer to agent", "dalla risposta all'operatore"),
    "term.lines_per_agent": ("lines per free agent", "linee per operatore libero"),
    "term.hopper": ("leads in the hopper", "contatti pronti"),
    "term.abandon": ("abandoned / limit", "mute / limite"),
    "term.answered": ("persons who answered", "persone che hanno risposto"),
    "term.abandoned": ("abandoned", "chiamate mute"),
    "term.theta": ("risk allowed per call", "rischio ammesso per chiamata"),
    "term.agents": ("agents", "operatori"),
    "call.dialing": ("dialling", "in composizione"),
    "call.ringing": ("ringing", "squillano"),
    "call.answered": ("answered", "risposte"),
    "call.waiting": ("waiting for an agent", "in attesa di operatore"),
    "call.connecting": ("being connected", "in collegamento"),
    "call.talking": ("talking", "in conversazione"),
    "agent.logged_out": ("logged out", "scollegato"),
    "agent.on_break": ("break", "pausa"),
    "agent.idle": ("free", "libero"),
    "agent.previewing": ("looks at a lead", "guarda un contatto"),
    "agent.reserved": ("connecting", "collega"),
    "agent.talking": ("talking", "parla"),
    "agent.wrap_up": ("wrap-up", "lavora"),
    "outcome.talked": ("talked", "parlato"),
    "outcome.abandoned": ("abandoned", "mute"),
    "outcome.hung_up": ("hung up at once", "chiuso subito"),
    "outcome.machine": ("machine", "segreteria"),
    "outcome.busy": ("busy", "occupato"),
    "outcome.no_answer": ("no answer", "non risponde"),
    "outcome.invalid_number": ("invalid number", "numero inesistente"),
    "outcome.rejected": ("rejected", "rifiutata"),
    "outcome.congestion": ("network busy", "rete occupata"),
    "outcome.unreachable": ("no reply from the network", "rete muta"),
    "outcome.failed": ("refused by the exchange", "rifiutata dal centralino"),
    "outcome.cancelled": ("taken back before it rang", "ritirata prima dello squillo"),
    "outcome.lost": ("ended unseen", "finita non vista"),
    "replay.agrees": (
        "{file}: team {team}, {decisions} decisions until {until}: all agree",
        "{file}: gruppo {team}, {decisions} decisioni fino al {until}: tutte concordano",
    ),
    "replay.differs": (
        "{file}: record {record}, {at}, campaign {campaign} on {node}: {field} was {logged}, is {replayed} now"
        " ({decisions} decisions before it agree)",
        "{file}: registrazione {record}, {at}, campagna {campaign} su {node}: {field} era {logged}, ora è {replayed}"
        " (le {decisions} decisioni precedenti concordano)",
    ),
    "replay.damaged": (
        "{file}: damaged from byte {place} on ({decisions} decisions before it agree)",
        "{file}: danneggiato dal byte {place} in poi (le {decisions} decisioni precedenti concordano)",
    ),
    "replay.no_log": (
        "{file}: no pacing log that this version can read",
        "{file}: non è un registro delle decisioni leggibile da questa versione",
    ),
    "replay.unreadable": ("{file}: {reason}", "{file}: {reason}"),
    "replay.cut_short": (
        "{file}: the last record is not whole: the server did not stop by itself",
        "{file}: l'ultima registrazione è incompleta: il server non si è fermato da sé",
    ),
    "replay.other_rules": (
        "{file}: written with other rules ({product}, rules {rules}, numpy {numpy}, {machine}) than those at hand"
        " ({here}): a difference may come from there",
        "{file}: scritto con altre regole ({product}, regole {rules}, numpy {numpy}, {machine}) rispetto a quelle in uso"
        " ({here}): una differenza può venire da lì",
    ),
    **COMPLIANCE_TEXTS,
    **DOCTOR_TEXTS,
    **FORECAST_TEXTS,
    **EXPLAIN_TEXTS,
    **IMPORT_TEXTS,
    **LEDGER_TEXTS,
    **HOLDING_TEXTS,
}


def text(key: str, language: Language, **values: object) -> str:
    """The text in the language, with its values filled in; a value that is None reads as a dash."""
    english, italian = TEXTS[key]
    template = italian if language is Language.IT else english
    shown = {name: "-" if value is None else value for name, value in values.items()}
    return template.format(**shown).strip()


def language_of(accept_language: str | None) -> Language:
    """The first of our languages that an Accept-Language header (RFC 9110, section 12.5.4) names; English otherwise."""
    for item in (accept_language or "").split(","):
        tag = item.split(";")[0].strip().lower()[:2]
        if tag in set(Language):
            return Language(tag)
    return Language.EN
