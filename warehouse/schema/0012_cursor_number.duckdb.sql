-- The cursors of a live entity in the order in which they landed: a clock that once ran ahead must not decide which of
-- them is the last. Those of before have none and come before all that have one.
alter table raw.import_ledger add column if not exists cursor_number bigint;
