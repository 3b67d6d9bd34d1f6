"""Sources to raw: whatever arrives lands here once, typed, private and accounted for.

`files.import_drop` is the whole way from a drop folder into either warehouse. One module a concern:
`contracts` says what an entity is, `reading` turns files into rows, `privacy` is the door, `files` runs the loads.
Plain Python: no scheduler, no dbt, no dashboards.
"""
