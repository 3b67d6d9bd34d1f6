"""What a person sees of steps: one line a thing, of one thing in the singular."""

from orchestration.progress import Terminal, number_of


def test_one_row_is_not_told_as_many():
    assert [number_of(number, "row") for number in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]


def test_a_line_and_the_end_of_a_step_count_their_rows(capsys):
    terminal = Terminal()
    with terminal.step("retention") as closing:
        terminal.line("raw.registry_events", rows=1, note="removed")
        closing.rows = 1
    _, line, end = capsys.readouterr().err.splitlines()
    assert line.split() == ["raw.registry_events", "1", "row", "removed"]
    assert end.startswith("retention: done in ")
    assert end.endswith(" s, 1 row")
