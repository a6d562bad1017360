-- Pages by which people join a program, and the words that they agreed to there.
-- The twin of this file under ../sqlite has the same tables and columns.

-- A program without a row has the page that nobody has set: with a code alone. `form` is what it asks, in JSON.
create table join_pages (
    merchant_id bigint not null,
    program_id bigint not null,
    admission text collate "C" not null,
    form text collate "C" not null,
    version bigint not null,
    changed_at bigint not null,
    primary key (merchant_id, program_id)
);

-- The words behind the name that a consent has as its evidence. The name is made from the words, so a row never changes.
create table consent_texts (
    merchant_id bigint not null,
    text_version text collate "C" not null,
    language text collate "C" not null,
    body text collate "C" not null,
    first_at bigint not null,
    primary key (merchant_id, text_version)
);
