"""Great Expectations at the two borders: what came in (raw) and what would go out (metrics).

`checks.check_borders` is the way in. A border module says *what* must hold, with its reason, its severity and where
its number comes from; `frames` runs it. Between the borders dbt's own tests and contracts stand.
"""
