-- What messages say in other languages than their first.
-- The twin of this file under ../sqlite has the same tables and columns.

-- Of a row of `messages` and, once that has started, of the row of `push_texts` with the same id: from then on neither
-- changes. `language` is a tag as in BCP 47 in its usual spelling.
create table message_translations (
    merchant_id bigint not null,
    message_id bigint not null,
    language text collate "C" not null,
    title text collate "C",
    body text collate "C" not null,
    primary key (merchant_id, message_id, language)
);
