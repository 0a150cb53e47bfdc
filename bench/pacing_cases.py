"""The scenarios of the wide pacing benchmark."""

from dialer.simulator.lean_scenario import LeanScenario, LogNormal

CASES: dict[str, LeanScenario] = {
    "S1": LeanScenario(
        staffing=((0, 5),),
        person=((0, 0.35),),
        talk=LogNormal(120, 0.9),
        wrap=LogNormal(15, 0.6),
    ),
    "S2": LeanScenario(
        staffing=((0, 10),),
        person=((0, 0.20),),
        talk=LogNormal(60, 1.0),
        wrap=LogNormal(8, 0.7),
    ),
    "S3": LeanScenario(
        staffing=((0, 20),),
        person=((0, 0.60),),
        talk=LogNormal(240, 0.8),
        wrap=LogNormal(30, 0.8),
    ),
    "S4": LeanScenario(
        staffing=((0, 50),),
        person=((0, 0.12), (5_400, 0.32), (10_800, 0.12)),
        talk=LogNormal(90, 1.0),
        wrap=LogNormal(15, 0.7),
    ),
    "S5": LeanScenario(
        staffing=((0, 200),),
        person=((0, 0.10),),
        talk=LogNormal(75, 1.0),
        wrap=LogNormal(10, 0.7),
    ),
    "S6": LeanScenario(
        staffing=((0, 500),),
        person=((0, 0.30),),
        talk=LogNormal(120, 0.9),
        wrap=LogNormal(20, 0.8),
    ),
    "S7": LeanScenario(
        staffing=((0, 10), (1_800, 30), (5_400, 50), (9_000, 35), (11_700, 20)),
        person=((0, 0.25),),
        talk=LogNormal(90, 1.0),
        wrap=LogNormal(25, 2.0),
        pause_share=0.03,
    ),
    "S8": LeanScenario(
        staffing=((0, 20),),
        person=((0, 0.20),),
        machine=0.35,
        talk=LogNormal(100, 1.0),
        wrap=LogNormal(12, 0.7),
        screened=True,
    ),
}

REPORTED_FROM = 1000  # seeds below are for development and tuning
TUNING_SEEDS = range(1, 100)
MANY = {"S1": 250, "S2": 250, "S3": 150, "S4": 100, "S5": 10, "S6": 10, "S7": 100, "S8": 130}
"""A thousand shifts, most of them of small teams, whose limit is the hardest to keep."""


def reported_seeds(name: str) -> range:
    """20 shifts of a small team, 12 of up to 50 agents, 10 of a larger one."""
    agents = CASES[name].most_agents
    count = 20 if agents <= 20 else 12 if agents <= 50 else 10
    return range(REPORTED_FROM, REPORTED_FROM + count)
