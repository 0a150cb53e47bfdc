"""The dispositions of a campaign as JSON, for the store. What is as it is by default is left out, so that a server of the release
before, which would not know the key, reads the document of a campaign that does not use it."""

from datetime import timedelta
from typing import Any

from dialer.campaign import CampaignPolicy
from dialer.dispositions import DEFAULT_DISPOSITIONS, Category, Disposition
from dialer.leads import Outcome


def rules_document(policy: CampaignPolicy) -> dict[str, Any]:
    """Part of the policy's document: durations in seconds, enums as words."""
    found: dict[str, Any] = {}
    if policy.dispositions != DEFAULT_DISPOSITIONS:
        found["dispositions"] = [_disposition_document(one) for one in policy.dispositions]
    return found


def rules_of(document: dict[str, Any]) -> dict[str, Any]:
    """The policy's settings that `rules_document` wrote, where it did."""
    found: dict[str, Any] = {}
    if "dispositions" in document:
        found["dispositions"] = tuple(map(_disposition_of, document["dispositions"]))
    return found


def _disposition_document(one: Disposition) -> dict[str, Any]:
    return {
        "code": one.code,
        "category": one.category.value,
        "en": one.en,
        "it": one.it,
        "final": one.final,
        "asks_time": one.asks_time,
        "blocks_number": one.blocks_number,
        "counts_as": one.counts_as.value if one.counts_as else None,
        "delay": one.delay.total_seconds() if one.delay else None,
    }


def _disposition_of(document: dict[str, Any]) -> Disposition:
    counts_as, delay = document["counts_as"], document["delay"]
    read = {
        "category": Category(document["category"]),
        "counts_as": Outcome(counts_as) if counts_as else None,
        "delay": timedelta(seconds=delay) if delay else None,
    }
    return Disposition(**{**document, **read})
