-- A mark of the key under which the people of this warehouse are pseudonyms; the key does not follow from it. Under
-- another key everybody would be counted twice, and an erasure would find nobody.
create table if not exists ops.pseudonym_key (
    key_mark varchar not null,
    first_used_at timestamp not null
);
