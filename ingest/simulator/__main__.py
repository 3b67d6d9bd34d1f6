"""`python -m ingest.simulator --out DIR`: the simulator without the rest of the command."""

import argparse
import sys
from datetime import date
from pathlib import Path

from ingest.simulator import simulate
from warehouse.errors import SkillsmithError


def main() -> int:
    """Simulate as the arguments say; 0, or the error's exit code."""
    parser = argparse.ArgumentParser(prog="python -m ingest.simulator")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not hold anything else")
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--accounts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--events", type=int)
    parser.add_argument("--until", type=date.fromisoformat, default=date(2026, 6, 30), help="the last day, YYYY-MM-DD")
    chosen = parser.parse_args()
    try:
        answers = simulate(
            chosen.out,
            days=chosen.days,
            accounts=chosen.accounts,
            seed=chosen.seed,
            events=chosen.events,
            until=chosen.until,
        )
    except SkillsmithError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{answers['rows']['registry/events']:,} events in {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
