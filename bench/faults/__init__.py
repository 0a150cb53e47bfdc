"""The fault matrix: a real pair of Asterisk servers, the server as a process, and one thing at a time that breaks.

Theory of operation
-------------------
A *fault* (`catalogue.py`) is struck at a *moment* (`moment.py`): an instant, drawn from the seed, of a campaign that dials
steadily. Later it is healed; then the campaign must go on by itself, and is wound up in an orderly way. What came of it is
judged (`verdict.py`) by the records of others: the far end's call records say who was rung and how long each person waited,
the PBX's own database says who was abandoned, the database says what the server wrote. Nobody helps: a process that died is
started again, as a supervisor would, and the agents' phones dial in again when they see that their call has ended.

    python -m bench.faults [--fault NAME ...] [--moments 3] [--seed 1] [--again]
"""
