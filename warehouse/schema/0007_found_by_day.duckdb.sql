-- It has a row for each route, which nothing asks for; the next build makes it anew.
drop table if exists intermediate.int_requests_by_minute;
