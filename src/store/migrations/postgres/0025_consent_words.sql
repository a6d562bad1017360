-- What a merchant says where people agree, in versions, and how many agreed to each.
-- The twin of this file under ../sqlite has the same tables and columns.

-- A version is never changed: evidence names it. `body` is all that is said, in JSON; `made_by` is a member.
create table consent_words (
    merchant_id bigint not null,
    version bigint not null,
    body text collate "C" not null,
    made_at bigint not null,
    made_by bigint,
    primary key (merchant_id, version)
);

-- The version that a text stood in; 0 for the standard words.
alter table consent_texts add column version bigint not null default 0;

-- Who agreed to a text.
create index consents_by_text on consents (merchant_id, text_version, given, purpose, customer_id);
