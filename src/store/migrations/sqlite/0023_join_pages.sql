-- Pages by which people join a program, and the words that they agreed to there.
-- The twin of this file under ../postgres has the same tables and columns.

-- A program without a row has the page that nobody has set: with a code alone. `form` is what it asks, in JSON.
create table join_pages (
    merchant_id integer not null,
    program_id integer not null,
    admission text not null,
    form text not null,
    version integer not null,
    changed_at integer not null,
    primary key (merchant_id, program_id)
) strict, without rowid;

-- The words behind the name that a consent has as its evidence. The name is made from the words, so a row never changes.
create table consent_texts (
    merchant_id integer not null,
    text_version text not null,
    language text not null,
    body text not null,
    first_at integer not null,
    primary key (merchant_id, text_version)
) strict, without rowid;
