"""The order of things: the command line, the Dagster job, dbt's runner, and the record of builds.

Only this package imports Dagster and dbt, and only inside the functions that need them: `--help` stays quick.
"""
