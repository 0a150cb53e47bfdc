"""A pacing decision as one plain sentence, in both languages, and as figures."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from dialer.answer_curve import AnswerCurve
from dialer.brake import Allowance, WindowState
from dialer.campaign import PacingMode
from dialer.explain import LIKELY, details, explain, held_by, likely_free, window_name
from dialer.pacing import (
    Binding,
    CallGroup,
    Facts,
    PacingDecision,
    PacingPolicy,
    PacingSnapshot,
    ReleaseGroup,
    decide,
    together,
)
from dialer.release_curve import ReleaseCurve
from dialer.screen_curve import ScreenCurve
from dialer.texts import Language

EN, IT = Language.EN, Language.IT
MONTH = WindowState(name="campaign_period", limit=0.03, answered=1000, abandoned=27, days=30.0)
TODAY = WindowState(name="calendar_day", limit=0.03, answered=200, abandoned=7)
NEW = WindowState(name="campaign_total", limit=0.03, answered=0, abandoned=0)
WARY = WindowState(name="calendar_day", limit=0.0, answered=12, abandoned=0)
NONE = np.zeros(0)


def facts(mode: PacingMode = PacingMode.PREDICTIVE, **values: object) -> Facts:
    usual = Facts(
        policy=PacingPolicy(mode=mode, dial_ratio=2.0, lines=50),
        idle=1,
        waiting=0,
        reserved=0,
        busy=2,
        ringing=4,
        screening=0,
        theta=0.03,
        windows=(MONTH,),
        expected=2.0,
        released=(0.9, 0.09, -0.07),
        answers_variance=0.5,
    )
    return replace(usual, **values)  # type: ignore[arg-type]


def decision(
    limited_by: Binding,
    calls: int = 3,
    *,
    of: Facts | None = None,
    window: WindowState | None = None,
    revoked: int = 0,
) -> PacingDecision:
    return PacingDecision(
        calls_to_place=calls,
        limited_by=limited_by,
        calls_to_revoke=revoked,
        risk=0.041,
        allowed=Allowance(0.021, 0.5, window),
        facts=of or facts(windows=(window or MONTH,)),
    )


PEOPLE = {
    EN: "1 agent free in 10 s with 80 %, 4 ringing",
    IT: "1 operatore libero entro 10 s all'80 %, 4 in squillo",
}


@pytest.mark.parametrize(
    ("made", "english", "italian"),
    [
        (
            decision(Binding.BUDGET, window=MONTH),
            "held back by the campaign's 30-day window, 2.7 % of 3 % used",
            "frenata dalla finestra di 30 giorni della campagna, 2,7 % su 3 % usato",
        ),
        (
            decision(Binding.BUDGET, window=TODAY),
            "held back by today's window, 3.5 % where 3 % is allowed",
            "frenata dalla finestra di oggi, 3,5 % dove è ammesso 3 %",
        ),
        (
            decision(Binding.BUDGET, window=NEW),
            "held back by the whole campaign's window: nobody has answered yet, and one abandoned call would be over 3 %",
            "frenata dalla finestra di tutta la campagna: non ha ancora risposto nessuno, "
            "e una sola chiamata muta supererebbe 3 %",
        ),
        (
            decision(Binding.BUDGET, window=replace(NEW, answered=1)),
            "held back by the whole campaign's window: 1 person has answered, and one abandoned call would be over 3 %",
            "frenata dalla finestra di tutta la campagna: ha risposto 1 persona, e una sola chiamata muta supererebbe 3 %",
        ),
        (
            decision(Binding.BUDGET, window=replace(NEW, answered=20)),
            "held back by the whole campaign's window: 20 persons have answered, and one abandoned call would be over 3 %",
            "frenata dalla finestra di tutta la campagna: hanno risposto 20 persone, "
            "e una sola chiamata muta supererebbe 3 %",
        ),
        (
            decision(Binding.BUDGET, window=replace(NEW, answered=50)),
            "held back by the whole campaign's window, 0 % of 3 % used",
            "frenata dalla finestra di tutta la campagna, 0 % su 3 % usato",
        ),
        (
            decision(Binding.BUDGET, window=WARY),
            "cautious until more persons have answered in today's window (12 so far)",
            "prudente finché non avranno risposto altre persone nella finestra di oggi (finora 12)",
        ),
        (
            decision(Binding.RISK),
            "one more would find no agent with at least 4.1 %, 2.1 % is allowed",
            "una in più non troverebbe operatori con almeno 4,1 % di probabilità, ammesso 2,1 %",
        ),
        (
            decision(Binding.RISK, window=MONTH),
            "one more would find no agent with at least 4.1 %, 2.1 % is allowed near the limit of the campaign's 30-day window "
            "(2.7 % of 3 % used)",
            "una in più non troverebbe operatori con almeno 4,1 % di probabilità, ammesso 2,1 % vicino al limite della "
            "finestra di 30 giorni della campagna (2,7 % su 3 % usato)",
        ),
        (
            decision(Binding.LINES),
            "held back by the campaign's own lines (50)",
            "frenata dalle linee della campagna (50)",
        ),
        (
            decision(Binding.CALLS_PER_SECOND),
            "held back by the campaign's calls per second",
            "frenata dalle chiamate al secondo della campagna",
        ),
        (
            decision(Binding.TRUNK_LINES),
            "held back by the lines of its trunks",
            "frenata dalle linee dei suoi trunk",
        ),
        (
            decision(Binding.TRUNK_RATE),
            "held back by the calls per second of its trunks",
            "frenata dalle chiamate al secondo dei suoi trunk",
        ),
        (
            decision(Binding.TRUNKS_DOWN),
            "its trunks do not work",
            "i suoi trunk non funzionano",
        ),
        (decision(Binding.START_UP), "placed a few at a time", "partono poche alla volta"),
        (
            decision(Binding.ON_REQUEST),
            "it calls whom an agent asks for",
            "chiama chi è richiesto da un operatore",
        ),
    ],
)
def test_the_sentence_ends_with_what_kept_it_from_being_more(
    made: PacingDecision, english: str, italian: str
) -> None:
    assert explain(made, EN) == f"3 calls: {PEOPLE[EN]}; {english}."
    assert explain(made, IT) == f"3 chiamate: {PEOPLE[IT]}; {italian}."


@pytest.mark.parametrize(
    ("mode", "ratio", "english", "italian"),
    [
        (
            PacingMode.PROGRESSIVE,
            2.0,
            "one line for each free agent",
            "una linea per ogni operatore libero",
        ),
        (
            PacingMode.RATIO,
            1.0,
            "one line for each free agent",
            "una linea per ogni operatore libero",
        ),
        (
            PacingMode.RATIO,
            1.5,
            "1.5 lines for each free agent",
            "1,5 linee per ogni operatore libero",
        ),
        (
            PacingMode.ASSURED,
            2.0,
            "one agent held for each call",
            "un operatore riservato per ogni chiamata",
        ),
    ],
)
def test_modes_that_look_at_the_present_say_so(
    mode: PacingMode, ratio: float, english: str, italian: str
) -> None:
    of = replace(facts(), policy=PacingPolicy(mode=mode, dial_ratio=ratio))
    made = decision(Binding.FREE_AGENTS, of=of)
    assert explain(made, EN) == f"3 calls: 1 agent free, 4 ringing; {english}."
    assert explain(made, IT) == f"3 chiamate: 1 operatore libero, 4 in squillo; {italian}."


@pytest.mark.parametrize(
    ("count", "english", "italian"),
    [
        (
            0,
            "No call: no agent free, none ringing; placed a few at a time.",
            "Nessuna chiamata: nessun operatore libero, nessuna in squillo; partono poche alla volta.",
        ),
        (
            1,
            "1 call, 1 taken back: 1 agent free, 1 person waiting, 1 ringing, 1 picked up and being screened; "
            "placed a few at a time.",
            "1 chiamata, 1 ritirata: 1 operatore libero, 1 persona in attesa, 1 in squillo, 1 risposta in verifica; "
            "partono poche alla volta.",
        ),
        (
            2,
            "2 calls, 2 taken back: 2 agents free, 2 persons waiting, 2 ringing, 2 picked up and being screened; "
            "placed a few at a time.",
            "2 chiamate, 2 ritirate: 2 operatori liberi, 2 persone in attesa, 2 in squillo, 2 risposte in verifica; "
            "partono poche alla volta.",
        ),
    ],
)
def test_none_one_and_many_read_well(count: int, english: str, italian: str) -> None:
    of = facts(
        idle=count,
        waiting=count,
        ringing=count,
        screening=count,
        busy=0,
        released=(0.0, 0.0, 0.0),
    )
    made = decision(Binding.START_UP, count, of=of, revoked=count)
    assert explain(made, EN) == english
    assert explain(made, IT) == italian


@pytest.mark.parametrize(
    ("released", "idle", "english", "italian"),
    [
        (
            0.4,
            0,
            "less than 80 % that an agent is free in 10 s",
            "meno dell'80 % che un operatore sia libero entro 10 s",
        ),
        (
            1.9,
            1,
            "3 agents free in 10 s with 80 %",
            "3 operatori liberi entro 10 s all'80 %",
        ),
    ],
)
def test_who_will_be_free_is_said_with_its_probability(
    released: float, idle: int, english: str, italian: str
) -> None:
    of = facts(idle=idle, released=(released, 0.1, 0.0))
    assert explain(decision(Binding.START_UP, of=of), EN).startswith(f"3 calls: {english}, ")
    assert explain(decision(Binding.START_UP, of=of), IT).startswith(f"3 chiamate: {italian}, ")


def test_nobody_to_call_for() -> None:
    made = decision(Binding.NO_AGENTS, 0, of=facts(ringing=1, idle=0, busy=0))
    assert explain(made, EN) == "No call: no agent takes calls, 1 ringing."
    assert explain(made, IT) == "Nessuna chiamata: nessun operatore riceve chiamate, 1 in squillo."


@pytest.mark.parametrize("limited_by", Binding)
@pytest.mark.parametrize("language", Language)
def test_a_decision_that_does_not_tell_what_it_was_made_from_has_a_sentence(
    limited_by: Binding, language: Language
) -> None:
    """Of a server of an earlier version."""
    bare = PacingDecision(calls_to_place=2, limited_by=limited_by)
    sentence = explain(bare, language)
    assert sentence.endswith(".")
    assert ": ." not in sentence
    assert details(bare) is None


@pytest.mark.parametrize(
    ("name", "days", "english", "italian"),
    [
        (
            "campaign_period",
            30.0,
            "the campaign's 30-day window",
            "finestra di 30 giorni della campagna",
        ),
        (
            "campaign_period",
            1.0,
            "the campaign's 1-day window",
            "finestra di 1 giorno della campagna",
        ),
        (
            "campaign_period",
            1.5,
            "the campaign's 36-hour window",
            "finestra di 36 ore della campagna",
        ),
        (
            "campaign_period",
            1 / 24,
            "the campaign's 1-hour window",
            "finestra di 1 ora della campagna",
        ),
        ("calendar_day", None, "today's window", "finestra di oggi"),
        ("campaign_total", None, "the whole campaign's window", "finestra di tutta la campagna"),
        ("house", None, "window house", "finestra house"),
    ],
)
def test_windows_have_plain_names(
    name: str, days: float | None, english: str, italian: str
) -> None:
    assert (window_name(name, days, EN), window_name(name, days, IT)) == (english, italian)


# --- who will be free -------------------------------------------------------------------------------------------------


def law(chances: Sequence[float], more: int) -> float:
    """P(at least `more` of these happen), by all their combinations."""
    total = 0.0
    for outcome in product((0, 1), repeat=len(chances)):
        if sum(outcome) >= more:
            total += math.prod(p if up else 1 - p for p, up in zip(chances, outcome, strict=True))
    return total


@pytest.mark.parametrize(
    "chances",
    [(0.79,), (0.81,), (0.9, 0.1), (0.5, 0.5), (0.95, 0.9, 0.2), (0.99, 0.99, 0.9, 0.5, 0.5, 0.05)],
)
def test_of_a_few_agents_no_more_are_promised_than_the_true_law_does(
    chances: tuple[float, ...],
) -> None:
    released = tuple(
        sum(values)
        for values in zip(
            *((p, p * (1 - p), p * (1 - p) * (1 - 2 * p)) for p in chances), strict=True
        )
    )
    promised = likely_free(facts(idle=0, busy=len(chances), released=released))
    true = max((n for n in range(1, len(chances) + 1) if law(chances, n) >= LIKELY), default=0)
    assert true - 1 <= promised <= true


def test_of_many_agents_the_promise_is_that_of_the_binomial_law() -> None:
    count, p = 100, 0.3
    cumulants = (count * p, count * p * (1 - p), count * p * (1 - p) * (1 - 2 * p))
    weight = [math.comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(count + 1)]
    true = max(n for n in range(count + 1) if sum(weight[n:]) >= LIKELY)
    assert likely_free(facts(idle=5, busy=count, released=cumulants)) == 5 + true


# --- figures ----------------------------------------------------------------------------------------------------------


def test_the_figures_are_those_that_were_decided_on() -> None:
    busy = ReleaseGroup(
        table=ReleaseCurve(grace=2.0).table(NONE, NONE, 0.0),
        talking=np.array([10.0, 90.0]),
        wrapping=np.array([5.0]),
    )
    table = AnswerCurve(screen=ScreenCurve()).table(NONE, 0.0)
    calls = CallGroup(
        table=table,
        ages=np.array([3.0, 9.0]),
        screening=np.array([1.0]),
        rang=np.array([8.0]),
    )
    seen = PacingSnapshot(
        idle=1,
        waiting=2,
        reserved=1,
        busy=(busy,),
        in_flight=(calls,),
        answers=table,
        windows=(MONTH, TODAY),
    )
    made = decide(seen, PacingPolicy(mode=PacingMode.PREDICTIVE))
    told = details(made)
    assert told is not None
    counts = (told.idle, told.waiting, told.reserved, told.busy, told.ringing, told.screening)
    assert counts == (1, 2, 1, 3, 2, 1)
    assert told.free.mean == pytest.approx(made.expected_free)
    assert told.answers.mean == pytest.approx(made.expected_answers)
    assert told.free.deviation > 0 < told.answers.deviation
    assert (told.theta_ratio, told.allowed_ratio) == (
        0.03,
        made.allowed.theta if made.allowed else None,
    )
    month, today = told.windows
    assert (month.abandon_ratio, month.used_ratio, month.binding) == (0.027, 0.9, False)
    assert (today.answered, today.abandoned, today.binding) == (200, 7, True)
    assert today.room == told.room
    assert month.room is not None
    assert told.room is not None
    assert month.room > told.room


def test_a_window_in_which_nothing_is_allowed_has_no_room_to_tell() -> None:
    told = details(decision(Binding.BUDGET, window=WARY))
    assert told is not None
    (window,) = told.windows
    assert (window.room, window.used_ratio, window.limit_ratio) == (None, None, 0.0)


def test_the_brake_has_a_window_also_where_theta_is_at_its_least_already() -> None:
    of = facts(theta=0.002, windows=(MONTH, TODAY))
    made = replace(decision(Binding.BUDGET, of=of), allowed=Allowance(0.002, -1.0, None))
    assert held_by(made) == TODAY


def test_servers_together_are_added_up() -> None:
    parts = [decision(Binding.RISK, 1), decision(Binding.RISK, 2, revoked=1)]
    both = together(parts)
    assert both is not None
    told = details(both)
    assert told is not None
    assert (told.idle, told.busy, told.ringing) == (2, 4, 8)
    assert told.free.mean == pytest.approx(2 + 1.8)
    assert told.free.deviation == pytest.approx(math.sqrt(0.18))
    assert (both.calls_to_place, both.calls_to_revoke) == (3, 1)
