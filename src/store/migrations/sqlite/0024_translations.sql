-- What messages say in other languages than their first.
-- The twin of this file under ../postgres has the same tables and columns.

-- Of a row of `messages` and, once that has started, of the row of `push_texts` with the same id: from then on neither
-- changes. `language` is a tag as in BCP 47 in its usual spelling.
create table message_translations (
    merchant_id integer not null,
    message_id integer not null,
    language text not null,
    title text,
    body text not null,
    primary key (merchant_id, message_id, language)
) strict, without rowid;
