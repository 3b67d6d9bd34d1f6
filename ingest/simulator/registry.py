"""The registry's slowly changing tables as rows with the time at which each version became known.

And the small tables that others keep beside it.
"""

from typing import Any

from ingest.simulator.streams import stream
from ingest.simulator.world import DAY_SECONDS, World

Versions = list[tuple[int, dict[str, Any]]]
"""(Unix time, row) in order of time."""


def accounts(world: World) -> Versions:
    """Every account from its sign-up on; an Enterprise account's SLA tier is agreed two weeks later."""
    rows: Versions = []
    for account in world.accounts:
        created = account.signup_day * DAY_SECONDS + 9 * 3600 + account.index
        row = {
            "account_id": account.account_id,
            "name": account.name,
            "kind": account.kind,
            "timezone": account.timezone,
            "country": account.country,
            "sla_tier": None,
            "is_internal": account.is_internal,
            "created_at": world.moment(created),
            "updated_at": world.moment(created),
        }
        _add(world, rows, created, row)
        if account.part.sla is not None:
            agreed = created + 14 * DAY_SECONDS
            _add(world, rows, agreed, row | {"sla_tier": account.part.sla, "updated_at": world.moment(agreed)})
    return sorted(rows, key=lambda entry: (entry[0], entry[1]["account_id"]))


def teams(world: World) -> Versions:
    """Every team; one in seven is renamed later."""
    rows: Versions = []
    for team in world.teams:
        account = world.accounts[team.account]
        created = team.start_day * DAY_SECONDS + 6 * 3600 + team.index
        row = {
            "team_id": team.team_id,
            "account_id": account.account_id,
            "name": team.name,
            "slug": f"{team.name.lower()}-{team.index + 1}",
            "created_at": world.moment(created),
            "updated_at": world.moment(created),
        }
        _add(world, rows, created, row)
        if team.index % 7 == 3:
            renamed = created + 40 * DAY_SECONDS
            _add(world, rows, renamed, row | {"name": f"{team.name} Group", "updated_at": world.moment(renamed)})
    return sorted(rows, key=lambda entry: (entry[0], entry[1]["team_id"]))


def team_members(world: World) -> Versions:
    """Every membership when it begins and again when it ends."""
    rows: Versions = []
    for seat in world.memberships:
        row = {
            "team_id": world.teams[seat.team].team_id,
            "actor": world.actors[seat.person],
            "role": seat.role,
            "is_bot": seat.is_bot,
            "joined_at": world.moment(seat.joined),
            "left_at": None,
            "updated_at": world.moment(seat.joined),
        }
        _add(world, rows, seat.joined, row)
        if seat.left is not None:
            left = world.moment(seat.left)
            _add(world, rows, seat.left, row | {"left_at": left, "updated_at": left})
    return sorted(rows, key=lambda entry: (entry[0], entry[1]["team_id"], entry[1]["actor"], entry[1]["joined_at"]))


def costs(world: World, months: list[str]) -> list[dict[str, Any]]:
    """Monthly costs by category, near the roadmap's burn of 166,000 dollars."""
    usual = {"salaries": 128_000, "infrastructure": 14_000, "tools": 4_500, "marketing": 15_000, "legal": 4_500}
    rows = []
    for month in months:
        random = stream(world.seed, "costs", month)
        for category, dollars in usual.items():
            amount = int(dollars * random.uniform(0.9, 1.1)) * 100
            rows.append({"month": f"{month}-01", "category": category, "amount_cents": amount})
    return rows


def time_values(world: World) -> list[dict[str, Any]]:
    """What an hour is worth to the few accounts that have said so: one raises its rate, one sets no share.

    By the account's place in the cast and not drawn, so that nothing else of the world moves.
    """
    settings = (
        (0, 0, 6_000, 0.5, "Our payroll, with benefits; half of the time goes to other work"),
        (1, 0, 7_500, 0.4, "Rate card of engineering"),
        (1, max(world.days // 2, 1), 8_250, 0.4, "Rate card of engineering, raised"),
        (3, world.days // 3, 9_000, 0.35, "Blended rate of delivery"),
        (4, 0, 5_500, None, "Our payroll; which share we put to use is not agreed yet"),
    )
    return [
        {
            "account_id": world.accounts[account].account_id,
            "valid_from": world.day(day).isoformat(),
            "hourly_rate_cents": cents,
            "recapture_share": share,
            "source": source,
        }
        for account, day, cents, share, source in settings
        if account < len(world.accounts)
    ]


def _add(world: World, rows: Versions, seconds: int, row: dict[str, Any]) -> None:
    # Nothing of tomorrow is known today.
    if seconds < world.days * DAY_SECONDS:
        rows.append((world.unix(seconds), row))
