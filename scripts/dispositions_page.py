"""docs/reference/dispositions.md, from dialer/dispositions.py."""

from dialer.dispositions import CHANGE_WITHIN, DEFAULT_DISPOSITIONS, Disposition

INTRODUCTION = """\
What an agent says of a call: `POST /agents/{code}/calls/{call_id}/disposition`. The code is one of the campaign's set
(`GET /campaigns/{id}/dispositions`); another one is refused, and the nearest is named. A campaign that names none in its
settings (`[[campaigns.dispositions]]`) or over the API has this one:
"""

RULES = """\
- A refusal and a do-not-call always end the lead. A do-not-call puts the number on the list in the transaction that keeps
  the word, so before the wrap-up ends; leads with that number in other campaigns are excluded at once.
- A number that a disposition blocks is not rung again: the store refuses the attempt (`number_blocked`).
- An agent may correct the own disposition for HOURS hours after the call. Each word that was replaced is kept with the
  attempt: who said it, when, and who replaced it (`former_dispositions` of `GET /leads/{id}`). Taking back a wrong number
  unblocks it. A do-not-call is never taken back by an agent, and can be said however late.
- A time (`callback_at`) books a callback, for the agent (`callback_own`) or for anyone: docs/howto/callbacks.md.
- Category `machine` on a call that an agent talked says that the detection was wrong, or that there was none: it is stored
  with the attempt, whose outcome stays `talked`.
"""


def dispositions_page(generated: str) -> str:
    hours = round(CHANGE_WITHIN.total_seconds() / 3600)
    table = [
        "| code | English | Italian | category | what becomes of the lead |",
        "|---|---|---|---|---|",
        *map(_row, DEFAULT_DISPOSITIONS),
        "",
    ]
    rules = RULES.replace("HOURS", str(hours))
    return "\n".join(["# Dispositions\n", generated, INTRODUCTION, *table, rules])


def _row(one: Disposition) -> str:
    return f"| `{one.code}` | {one.en} | {one.it} | `{one.category.value}` | {_effect(one)} |"


def _effect(one: Disposition) -> str:
    parts = ["ends"] if one.final else []
    if one.blocks_number:
        parts.append("its number is not rung again")
    if one.asks_time:
        parts.append("called again at the time that must be given (`callback_at`)")
    if one.counts_as is not None:
        parts.append(f"tried again as after `{one.counts_as.value}`")
    return "; ".join(parts) or "stays as the outcome of the call left it"
