"""A believable Skillsmith in files: the drop folder of a company that was never there, and the truth about it.

`simulate` writes what sources would deliver, dirt included, and `answers.json` with what a right warehouse must
find. One module a concern: `world` (accounts, teams, people), `adoption` and `usage` (skills and events), `billing`,
`service` (outages, probes, requests), `github`, `registry`, `dirt`, `writer`. A new entity is a function that gives
rows, called in `drop`; keep counting its truth beside the place that makes it.
"""

from ingest.simulator.drop import simulate

__all__ = ["simulate"]
