"""Agents on several servers share one abandon budget: the law knows one ratio."""

from tests.support.servers_shift import run


def test_two_servers_together_keep_the_one_limit_and_both_talk() -> None:
    result = run(2, agents_each=15, seed=1, hours=0.5)
    assert result.answered > 400
    assert result.abandon_ratio <= result.limit
    assert 0.60 < result.talk_share < 0.85
