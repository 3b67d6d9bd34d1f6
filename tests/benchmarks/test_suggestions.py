"""What it costs to learn suggestions of fifty thousand people, against the same learnt by DuckDB's SQL.

CPU time is what a busy machine measures rightly, so that is compared; memory is that of a process of its own.
"""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long

PEOPLE, SKILLS, TEAMS, UP_TO = 50_000, 180_000, 500, 48
# SQL takes 6.5 GB for all of them, which is not what is measured here.
PEOPLE_OF_SQL = 12_000
MOST_TIMES_SQL = 3.0
PEAK_BYTES = 2 * 1024**3

# Skills of 40 kinds of work and of a long tail; a person has those of one kind mostly, and each team one or two kinds.
_WORLD = """
import json, resource, sys, time
import numpy as np, pyarrow as pa
people, skills, teams, up_to = map(int, sys.argv[1:5])
random = np.random.default_rng(7)
person = np.repeat(np.arange(people), random.integers(1, up_to, people))
kind = random.integers(0, 40, teams)[person % teams]
popular = (4_000 * random.power(0.4, len(person))).astype(np.int64) // 40 * 40 + kind
skill = np.where(random.random(len(person)) < 0.9, popular, random.integers(0, skills, len(person)))
pairs = np.unique(person * skills + skill)
person, skill = pairs // skills, pairs % skills
drawn = random.random(len(pairs))
names = np.array([f"author/skill-{number:06d}" for number in range(skills)])
adopters = pa.table({
    "team_id": [f"t{number:03d}" for number in person % teams],
    "actor_key": [f"{number:064d}" for number in person],
    "skill_name": pa.array(names[skill]),
    "was_accepted_before": pa.array(drawn < 0.8),
    "was_accepted_lately": pa.array((drawn > 0.7) & (drawn < 0.95)),
    "is_accepted": pa.array(drawn < 0.9),
    "is_used": pa.array(np.ones(len(drawn), dtype=bool)),
})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
begun, used = time.monotonic(), time.process_time()
"""
_KERNEL = (
    _WORLD
    + """
from analysis.suggestions import skill_suggestions
named = sorted(set(adopters["team_id"].to_pylist()))
given = pa.table({"account_id": named, "team_id": named, "seats": pa.array([100] * len(named), pa.int64())})
none = pa.table({"team_id": pa.array([], pa.string()), "skill_name": pa.array([], pa.string())})
found = skill_suggestions(adopters, given, none)
row = found.slice(0, 1).to_pylist()[0]
hits, tested = row["hits_at_10"], row["tested_people"]
"""
)
# The part of it that costs: both models, and the test of the collaborative one.
_SQL = (
    _WORLD
    + """
import duckdb
engine = duckdb.connect()
engine.execute("set enable_progress_bar = false")
def nearest(chosen):
    return f'''
        uses as (select distinct actor_key, skill_name from adopters where {chosen}),
        users as (select skill_name, count(*) as users from uses group by 1 having count(*) >= 5),
        kept as (select actor_key, skill_name, users from uses join users using (skill_name)),
        together as (
            select a.skill_name as skill_name, b.skill_name as other, count(*) as together,
                count(*) / sqrt(any_value(a.users) * any_value(b.users)) as nearness
            from kept as a join kept as b on a.actor_key = b.actor_key and a.skill_name <> b.skill_name
            group by 1, 2 having count(*) >= 5
        ),
        near as (
            select * from together
            qualify row_number() over (partition by skill_name order by round(nearness, 12) desc, other) <= 50
        )
    '''
tested, hits = engine.execute(f'''
    with {nearest("was_accepted_before")},
    taken_up as (
        select distinct actor_key, skill_name from adopters as a where was_accepted_lately
            and actor_key in (select actor_key from uses)
            and not exists (select 1 from uses as u where u.actor_key = a.actor_key and u.skill_name = a.skill_name)
    ),
    scores as (
        select u.actor_key, n.other as skill_name, round(sum(nearness), 12) as score
        from uses as u join near as n using (skill_name)
        where u.actor_key in (select actor_key from taken_up)
            and not exists (select 1 from uses as h where h.actor_key = u.actor_key and h.skill_name = n.other)
        group by 1, 2
    ),
    best as (
        select * from scores qualify row_number() over (partition by actor_key order by score desc, skill_name) <= 10
    )
    select (select count(distinct actor_key) from taken_up),
        (select count(distinct actor_key) from best join taken_up using (actor_key, skill_name))
''').fetchone()
engine.execute(f'''
    create table suggested as with {nearest("is_accepted")},
    active as (select team_id, count(distinct actor_key) as people from adopters where is_accepted group by 1),
    scores as (
        select a.team_id, n.other as skill_name, sum(nearness / people) as score
        from adopters as a join active using (team_id) join near as n using (skill_name)
        where is_accepted and not exists (
            select 1 from adopters as h where h.team_id = a.team_id and h.skill_name = n.other
        )
        group by 1, 2
    )
    select * from scores qualify row_number() over (partition by team_id order by score desc, skill_name) <= 10
''')
"""
)
_TOLD = """
print(json.dumps({
    "seconds": time.monotonic() - begun,
    "cpu_seconds": time.process_time() - used,
    "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "world_bytes": before,
    "rows": len(pairs), "hits": hits, "tested": tested,
}))
"""


def measured(program: str, people: int) -> dict[str, float]:
    """One program in a process of its own, so that the peak is its own."""
    numbers = [str(number) for number in (people, SKILLS, TEAMS, UP_TO)]
    run = subprocess.run([sys.executable, "-c", program + _TOLD, *numbers], check=True, capture_output=True, text=True)
    cost = json.loads(run.stdout)
    print(
        f"{cost['cpu_seconds']:.1f} s of CPU in {cost['seconds']:.1f} s for {cost['rows']:,} rows "
        f"of {people:,} people, peak {cost['peak_bytes'] / 1024**3:.2f} GB, "
        f"of which the world {cost['world_bytes'] / 1024**3:.2f}; "
        f"{cost['hits']:,} of {cost['tested']:,} people hit"
    )
    return cost


def test_the_same_is_learnt_as_by_sql_and_in_three_times_its_time_at_most() -> None:
    sql, kernel = measured(_SQL, PEOPLE_OF_SQL), measured(_KERNEL, PEOPLE_OF_SQL)

    assert (kernel["hits"], kernel["tested"]) == (sql["hits"], sql["tested"])
    assert kernel["cpu_seconds"] <= MOST_TIMES_SQL * sql["cpu_seconds"]


def test_fifty_thousand_people_and_every_skill_of_the_registry_take_two_gigabytes_at_most() -> None:
    assert measured(_KERNEL, PEOPLE)["peak_bytes"] <= PEAK_BYTES
