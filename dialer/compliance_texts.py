"""What the law's rules say, in English and Italian: reasons, rules, faults of campaigns, and the words beside every profile."""

REASON_TEXTS: dict[str, tuple[str, str]] = {
    "law.reason.do_not_call": (
        "on the organisation's do-not-call list",
        "nella lista di opposizione dell'organizzazione",
    ),
    "law.reason.attempts_used": (
        "all attempts of the campaign are used",
        "i tentativi della campagna sono esauriti",
    ),
    "law.reason.calling_hours": (
        "outside the calling hours where the person is",
        "fuori dagli orari consentiti dove si trova la persona",
    ),
    "law.reason.abandon_block": (
        "left alone after an abandoned call",
        "da lasciare in pace dopo una chiamata muta",
    ),
    "law.reason.guaranteed_agent": (
        "abandoned once: only with an agent held for the call",
        "ha avuto una chiamata muta: solo con un operatore riservato",
    ),
    "law.reason.machine_block": (
        "a machine was heard: for a while only with an agent held for the call",
        "ha risposto una segreteria: per un po' solo con un operatore riservato",
    ),
    "law.reason.refusal_block": (
        "left alone after a refusal",
        "da lasciare in pace dopo un rifiuto",
    ),
    "law.reason.call_cap": (
        "tried as often as the law allows",
        "chiamata tante volte quante la legge consente",
    ),
    "law.reason.register_listed": (
        "on a public register of people who do not want calls",
        "iscritta a un registro pubblico delle opposizioni",
    ),
    "law.reason.register_unchecked": (
        "a register that the law names has not been asked",
        "un registro previsto dalla legge non è stato consultato",
    ),
    "law.reason.register_stale": (
        "the answer of a register is too old",
        "la risposta di un registro è troppo vecchia",
    ),
    "law.reason.consent_missing": (
        "the law wants a consent, and there is none",
        "la legge richiede un consenso, e non c'è",
    ),
    "law.reason.consent_expired": (
        "the consent has expired or was withdrawn",
        "il consenso è scaduto o revocato",
    ),
    "law.reason.caller_id_withheld": (
        "the caller id may not be withheld",
        "il numero chiamante non può essere nascosto",
    ),
    "law.reason.caller_id_prefix": (
        "the law forbids this caller id",
        "la legge vieta questo numero chiamante",
    ),
    "law.reason.caller_id_not_callable": (
        "the caller id cannot be called back",
        "il numero chiamante non è richiamabile",
    ),
    "law.reason.caller_id_foreign_trunk": (
        "a national caller id would come from a foreign trunk",
        "un numero chiamante nazionale arriverebbe da una linea estera",
    ),
    "law.reason.profile_expired": (
        "the profile is no longer in force",
        "il profilo non è più in vigore",
    ),
    "law.reason.facts_stale": (
        "what is known of the number is too old",
        "quanto si sa del numero è troppo vecchio",
    ),
}

RULE_TEXTS: dict[str, tuple[str, str]] = {
    "law.rule.do_not_call": ("Do-not-call list", "Lista di opposizione"),
    "law.rule.attempts": ("Attempts of the campaign", "Tentativi della campagna"),
    "law.rule.in_force": ("Profile in force", "Profilo in vigore"),
    "law.rule.facts_age": ("Age of what is known", "Età di quanto si sa"),
    "law.rule.registers": ("Public registers", "Registri pubblici"),
    "law.rule.consent": ("Consent", "Consenso"),
    "law.rule.caller_id": ("Caller id", "Numero chiamante"),
    "law.rule.refusal": ("After a refusal", "Dopo un rifiuto"),
    "law.rule.abandoned": ("After an abandoned call", "Dopo una chiamata muta"),
    "law.rule.machine": ("After a machine", "Dopo una segreteria"),
    "law.rule.caps": ("Attempts that the law allows", "Tentativi consentiti dalla legge"),
    "law.rule.hours": ("Calling hours", "Orari di chiamata"),
    "law.state.passed": ("passed", "superata"),
    "law.state.denied": ("denied", "negata"),
    "law.state.unknown": ("not looked up", "non verificata"),
    "law.state.no_rule": ("no rule", "nessuna regola"),
}

FAULT_TEXTS: dict[str, tuple[str, str]] = {
    "law.fault.profile_expired": (
        "the profile {profiles} was in force until {wanted}",
        "il profilo {profiles} è stato in vigore fino al {wanted}",
    ),
    "law.fault.profile_not_yet": (
        "the profile {profiles} is in force from {wanted}",
        "il profilo {profiles} è in vigore dal {wanted}",
    ),
    "law.fault.purpose_without_profile": (
        "the profile does not cover calls of this purpose ({profiles}: {wanted})",
        "il profilo non riguarda chiamate con questo scopo ({profiles}: {wanted})",
    ),
    "law.fault.sector_without_profile": (
        "no profile knows this sector; known are: {wanted}. Leave it empty for any other",
        "nessun profilo conosce questo settore; noti: {wanted}. Lasciare vuoto per ogni altro",
    ),
    "law.fault.abandon_target_over_limit": (
        "more abandoned calls than the law allows: {wanted} ({profiles})",
        "più chiamate mute di quante la legge consenta: {wanted} ({profiles})",
    ),
    "law.fault.ring_too_short": (
        "it must ring for {wanted} at least ({profiles})",
        "deve squillare per almeno {wanted} ({profiles})",
    ),
    "law.fault.message_missing": (
        "a message is required when no agent is there; it names: {wanted} ({profiles})",
        "serve un messaggio quando manca un operatore; deve indicare: {wanted} ({profiles})",
    ),
    "law.fault.message_too_late": (
        "the message would begin too late ({profiles})",
        "il messaggio comincerebbe troppo tardi ({profiles})",
    ),
    "law.fault.noise_missing": (
        "nobody may wait in silence: a sound is required ({profiles})",
        "nessuno può attendere in silenzio: serve un suono ({profiles})",
    ),
    "law.fault.screen_forbidden": (
        "calls that a machine answers may not be ended, so detection makes no sense ({profiles})",
        "non si possono chiudere le chiamate a cui risponde una segreteria: il riconoscimento non serve ({profiles})",
    ),
    "law.fault.screen_does_not_fit": (
        "answering-machine detection does not fit into {wanted} ({profiles})",
        "il riconoscimento della segreteria non sta in {wanted} ({profiles})",
    ),
    "law.fault.caller_id_prefix": (
        "the law forbids this caller id; allowed prefixes: {wanted} ({profiles})",
        "la legge vieta questo numero chiamante; prefissi consentiti: {wanted} ({profiles})",
    ),
    "law.fault.intro": (
        "Campaign {campaign} breaks its profile and does not start: {faults}",
        "La campagna {campaign} viola il suo profilo e non parte: {faults}",
    ),
}

PROFILE_TEXTS: dict[str, tuple[str, str]] = {
    "check.allowed": ("May be called", "Si può chiamare"),
    "check.denied": ("May not be called: {reason}", "Non si può chiamare: {reason}"),
    "check.denied_until": (
        "May not be called before {at}: {reason}",
        "Non si può chiamare prima di {at}: {reason}",
    ),
    "check.at": ("At {at}", "Alle {at}"),
    "check.no_lead": (
        "No lead of the campaign has this number: looked at as a new one",
        "Nessun contatto della campagna ha questo numero: visto come nuovo",
    ),
    "check.not_before": ("not before {at}", "non prima di {at}"),
    "law.counsel": (
        "No legal advice. Have your counsel confirm it before you call anybody",
        "Non è un parere legale. Farlo confermare dal proprio legale prima di chiamare chiunque",
    ),
    "law.status": ("Status", "Stato"),
    "law.status.primary_text": (
        "read in the text of the law",
        "letto nel testo della legge",
    ),
    "law.status.secondary_source": (
        "from secondary sources, the text of the law was not read",
        "da fonti secondarie, il testo della legge non è stato letto",
    ),
    "law.status.unverified": ("not verified", "non verificato"),
    "law.status.demonstration": (
        "a demonstration: never call people with it",
        "dimostrazione: non chiamare mai persone con questo profilo",
    ),
    "law.from": ("In force from", "In vigore dal"),
    "law.until": ("until", "fino al"),
    "law.further_notice": ("further notice", "nuovo avviso"),
    "law.place": ("Place", "Luogo"),
    "law.sources": ("Sources", "Fonti"),
    "law.notes": ("Notes", "Note"),
}

WHY_TEXTS: dict[str, tuple[str, str]] = {
    "why.machine_block": (
        "{count} leads were answered by a machine: for a while only with an agent held for them",
        "{count} contatti con segreteria: per un po' solo con un operatore riservato",
    ),
    "why.refusal_block": (
        "{count} leads must be left alone after a refusal",
        "{count} contatti da lasciare in pace dopo un rifiuto",
    ),
    "why.call_cap": (
        "{count} leads were tried as often as the law allows",
        "{count} contatti già chiamati quanto la legge consente",
    ),
    "why.register_listed": (
        "{count} leads are on a public do-not-call register",
        "{count} contatti sono in un registro pubblico delle opposizioni",
    ),
    "why.register_unchecked": (
        "{count} leads were not checked against a register that the law names",
        "{count} contatti non verificati in un registro previsto dalla legge",
    ),
    "why.register_stale": (
        "{count} leads have an answer of a register that is too old",
        "{count} contatti con risposta di un registro troppo vecchia",
    ),
    "why.consent_missing": (
        "{count} leads have given no consent, which the law wants",
        "{count} contatti senza il consenso richiesto dalla legge",
    ),
    "why.consent_expired": (
        "{count} leads have a consent that expired or was withdrawn",
        "{count} contatti con consenso scaduto o revocato",
    ),
    "why.caller_id_withheld": (
        "{count} leads may not be called without a caller id",
        "{count} contatti non chiamabili senza numero chiamante",
    ),
    "why.caller_id_prefix": (
        "{count} leads have no trunk whose caller id the law allows them to see",
        "{count} contatti senza una linea il cui numero chiamante sia consentito",
    ),
    "why.caller_id_not_callable": (
        "{count} leads would see a number that cannot be called back",
        "{count} contatti vedrebbero un numero non richiamabile",
    ),
    "why.caller_id_foreign_trunk": (
        "{count} leads would see a national number from a foreign trunk",
        "{count} contatti vedrebbero un numero nazionale da una linea estera",
    ),
    "why.profile_expired": (
        "{count} leads wait for a profile that is in force",
        "{count} contatti attendono un profilo in vigore",
    ),
    "why.facts_stale": (
        "{count} leads wait to be looked up again",
        "{count} contatti attendono una nuova verifica",
    ),
}

COMPLIANCE_TEXTS: dict[str, tuple[str, str]] = {
    **REASON_TEXTS,
    **RULE_TEXTS,
    **FAULT_TEXTS,
    **PROFILE_TEXTS,
    **WHY_TEXTS,
}
