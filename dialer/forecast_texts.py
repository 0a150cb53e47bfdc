"""The texts of `dialer simulate`: (English, Italian)."""

FORECAST_TEXTS: dict[str, tuple[str, str]] = {
    "forecast.title": (
        "{name}: {count} replications of each policy, {hours} h at most; ± is half the 95 % interval",
        "{name}: {count} repliche per strategia, al massimo {hours} h; ± è metà dell'intervallo al 95 %",
    ),
    "forecast.policy": ("policy", "strategia"),
    "forecast.agents": ("agents", "operatori"),
    "forecast.talk_share": ("talk share", "quota in conversazione"),
    "forecast.occupancy": ("occupancy (talk and wrap-up)", "occupazione (con lavorazione)"),
    "forecast.wait_seconds": ("wait between talks, s", "attesa tra conversazioni, s"),
    "forecast.abandon_ratio": (
        "abandoned of persons who answered",
        "mute su persone che rispondono",
    ),
    "forecast.dialled": ("calls placed", "chiamate effettuate"),
    "forecast.answered": ("persons who answered", "persone che hanno risposto"),
    "forecast.talks": ("talks", "conversazioni"),
    "forecast.lines_needed": ("lines needed", "linee necessarie"),
    "forecast.starved_share": ("idle for want of leads", "fermi per mancanza di contatti"),
    "forecast.law": ("{profile}, {window}: limit {limit}", "{profile}, {window}: limite {limit}"),
    "forecast.over": ("  over the limit", "  oltre il limite"),
    "forecast.over_of": (
        "{over} of {count} ({low} to {high})",
        "{over} su {count} (da {low} a {high})",
    ),
    "forecast.campaign_total": ("whole campaign", "intera campagna"),
    "forecast.calendar_day": ("worst day", "giorno peggiore"),
    "forecast.campaign_period": ("worst period", "periodo peggiore"),
    "forecast.first_pass": ("hours until every lead was tried", "ore per tentare ogni contatto"),
    "forecast.exhausted": ("hours to exhaust the list", "ore per esaurire la lista"),
    "forecast.left": ("leads left to try", "contatti ancora da tentare"),
    "forecast.within": (
        "{count} of {all} within the days",
        "{count} su {all} entro i giorni",
    ),
    "forecast.held_by_lines": (
        "{policy}: its {lines} lines hold it back {share} of the time; more lines, other figures",
        "{policy}: le sue {lines} linee la frenano per {share} del tempo; con più linee, altre cifre",
    ),
    "forecast.fitted": (
        "Fitted to {count} attempts of {campaign}, {since} to {until}: {parts}",
        "Adattato a {count} tentativi di {campaign}, dal {since} al {until}: {parts}",
    ),
    "forecast.working": ("simulating", "simulazione"),
    "forecast.plot.wait": ("wait between talks, seconds", "attesa tra conversazioni, secondi"),
    "forecast.plot.abandoned": (
        "abandoned of persons who answered, %",
        "mute su persone che rispondono, %",
    ),
    "forecast.plot.frontier": ("Wait against abandoned calls", "Attesa e chiamate mute"),
    "forecast.plot.limit": ("{profile}: {limit}", "{profile}: {limit}"),
    "forecast.plot.timeline": ("In the course of the work", "Nel corso del lavoro"),
    "forecast.plot.hour": ("working hours", "ore di lavoro"),
    "forecast.plot.talk_share": ("talk share, %", "in conversazione, %"),
    "forecast.plot.lines": ("lines in use, at most", "linee in uso, al massimo"),
}
