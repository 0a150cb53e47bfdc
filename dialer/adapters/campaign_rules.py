"""The dispositions and caps of a campaign as JSON, for the store. What is as by default is left out, so that a server of the
release before, which would not know the key, reads the document of a campaign that does not use it."""

from datetime import timedelta
from typing import Any

from dialer.callbacks import DEFAULT_GRACE, DEFAULT_TRIES
from dialer.campaign import DEFAULT_CAPS, CampaignPolicy
from dialer.dispositions import DEFAULT_DISPOSITIONS, Category, Disposition
from dialer.leads import Outcome
from dialer.profiles import Cap, CapPer
from dialer.retry_rules import RetryRule


def rules_document(policy: CampaignPolicy) -> dict[str, Any]:
    """Part of the policy's document: durations in seconds, enums as words."""
    found: dict[str, Any] = {}
    if policy.dispositions != DEFAULT_DISPOSITIONS:
        found["dispositions"] = [_disposition_document(one) for one in policy.dispositions]
    if policy.caps != DEFAULT_CAPS:
        found["caps"] = [_cap_document(cap) for cap in policy.caps]
    if policy.retry_rules:
        found["retry_rules"] = {
            outcome.value: _rule_document(rule) for outcome, rule in policy.retry_rules.items()
        }
    if policy.subject:
        found["subject"] = policy.subject
    if policy.callback_grace != DEFAULT_GRACE:
        found["callback_grace"] = policy.callback_grace.total_seconds()
    if policy.callback_tries != DEFAULT_TRIES:
        found["callback_tries"] = policy.callback_tries
    return found


def rules_of(document: dict[str, Any]) -> dict[str, Any]:
    """The policy's settings that `rules_document` wrote, where it did."""
    found: dict[str, Any] = {}
    if "dispositions" in document:
        found["dispositions"] = tuple(map(_disposition_of, document["dispositions"]))
    if "caps" in document:
        found["caps"] = tuple(map(_cap_of, document["caps"]))
    if "retry_rules" in document:
        rules = document["retry_rules"].items()
        found["retry_rules"] = {Outcome(word): _rule_of(rule) for word, rule in rules}
    if "callback_grace" in document:
        found["callback_grace"] = timedelta(seconds=document["callback_grace"])
    return found


def _rule_document(rule: RetryRule) -> dict[str, Any]:
    return {
        "growth": rule.growth,
        "shift": rule.shift.total_seconds(),
        "longest": rule.longest.total_seconds(),
        "most": rule.most,
    }


def _rule_of(document: dict[str, Any]) -> RetryRule:
    durations = {key: timedelta(seconds=document[key]) for key in ("shift", "longest")}
    return RetryRule(growth=document["growth"], most=document["most"], **durations)


def _cap_document(cap: Cap) -> dict[str, Any]:
    length = cap.length.total_seconds() if cap.length is not None else None
    return {"most": cap.most, "per": cap.per.value, "seconds": length, "days": cap.days}


def _cap_of(document: dict[str, Any]) -> Cap:
    seconds = document["seconds"]
    length = timedelta(seconds=seconds) if seconds is not None else None
    return Cap(
        most=document["most"], per=CapPer(document["per"]), length=length, days=document["days"]
    )


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
