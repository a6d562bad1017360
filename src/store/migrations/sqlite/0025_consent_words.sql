-- What a merchant says where people agree, in versions, and how many agreed to each.
-- The twin of this file under ../postgres has the same tables and columns.

-- A version is never changed: evidence names it. `body` is all that is said, in JSON; `made_by` is a member.
create table consent_words (
    merchant_id integer not null,
    version integer not null,
    body text not null,
    made_at integer not null,
    made_by integer,
    primary key (merchant_id, version)
) strict, without rowid;

-- The version that a text stood in; 0 for the standard words.
alter table consent_texts add column version integer not null default 0;

-- Who agreed to a text.
create index consents_by_text on consents (merchant_id, text_version, given, purpose, customer_id);
