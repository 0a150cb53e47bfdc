"""What is chosen for a policy in hindsight, scenario by scenario: kept with the version of scenario and code."""

import json
from pathlib import Path
from statistics import mean

from bench.pacing_cases import TUNING_SEEDS
from bench.pacing_oracle import searched_theta
from bench.pacing_own_cases import ALL
from bench.pacing_policies import SEARCHED, spec_of_setting
from bench.pacing_run import Run, version
from bench.pacing_tuned import GRIDS, Setting, Trial, best

POINT = 0.01
EQUAL_WITHIN = 0.05 * POINT  # the bar is a tenth of a point
GRID_SEEDS = 4
LARGE_TEAM = 100


class Choices:
    """`path` holds them from run to run."""

    def __init__(self, run: Run, path: Path) -> None:
        self._run, self._path = run, path
        self.known: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}

    def spec(self, case: str, peer: str, seeds: range) -> str:
        """Of a policy in a scenario; searched for when it is not known."""
        if peer not in SEARCHED:
            return peer
        if peer == "oracle-equal":
            target = self.engine_abandoned(case, seeds)
            key = f"{peer} {case} {version(case, 'oracle')} {100 * target:.3f} {len(seeds)}"
        else:
            target = ALL[case].limit
            key = f"{peer} {case} {version(case, 'oracle' if peer == 'oracle' else 'vicidial@')}"
        if key not in self.known:
            spec = (
                self._grid(peer, case) if peer in GRIDS else self._theta(peer, case, target, seeds)
            )
            self.known[key] = spec
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self.known, indent=1, sort_keys=True) + "\n")
        return self.known[key]

    def so_far(self, case: str, peer: str, seeds: range) -> str | None:
        """What is known without a run; for the reference at the engine's share, of as many of the shifts as it was chosen on."""
        if peer not in SEARCHED:
            return peer
        wanted = [
            peer,
            case,
            *version(case, "oracle" if "oracle" in peer else "vicidial@").split(" "),
        ]
        found = {
            int(words[-1]) if peer == "oracle-equal" else 0: spec
            for key, spec in self.known.items()
            if (words := key.split(" "))[: len(wanted)] == wanted
        }
        fit = [count for count in found if count <= len(seeds)]
        return found[max(fit)] if fit else None

    def engine_abandoned(self, case: str, seeds: range) -> float:
        return mean(cell.abandoned for cell in self._run.cells(case, "engine", "engine", seeds))

    def _grid(self, peer: str, case: str) -> str:
        scenario = ALL[case]

        def trial(setting: Setting) -> Trial:
            spec = spec_of_setting(setting)
            cells = self._run.cells(case, spec, spec, TUNING_SEEDS[:GRID_SEEDS], tuning=True)
            return Trial(mean(c.abandoned for c in cells), mean(c.talk_share for c in cells))

        return spec_of_setting(best(GRIDS[peer](scenario), trial, scenario.limit))

    def _theta(self, peer: str, case: str, target: float, seeds: range) -> str:
        """The reference at the limit knows other shifts; at the engine's own share, the very shifts it is compared on."""
        equal = peer == "oracle-equal"
        large = ALL[case].most_agents >= LARGE_TEAM
        own = seeds if equal else TUNING_SEEDS[: 2 if large else 6]

        def abandoned(theta: float) -> float:
            spec = f"oracle@{theta}"
            name = peer if equal else spec
            cells = self._run.cells(case, name, spec, own, tuning=not equal)
            return mean(cell.abandoned for cell in cells)

        theta = searched_theta(abandoned, target, EQUAL_WITHIN, start=ALL[case].limit)
        return f"oracle@{theta}"
