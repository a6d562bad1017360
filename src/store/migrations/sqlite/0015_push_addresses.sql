-- Browsers and apps that listen to cards. The twin of this file is under ../postgres.

-- `address` is an endpoint, a Firebase Installation ID, a registration token or a topic, as `kind` says; the key is a
-- hash of it. The keys are a browser's. `sender_key` names the key of ours that a subscription was made for.
create table push_addresses (
    merchant_id integer not null,
    card_id integer not null,
    channel text not null,
    address_key text not null,
    kind text not null,
    address text not null,
    receiver_key blob,
    auth_secret blob,
    sender_key text,
    registered_at integer not null,
    expires_at integer,
    told_generation integer,
    primary key (merchant_id, card_id, channel, address_key)
) strict, without rowid;

create index push_addresses_by_end on push_addresses (expires_at) where expires_at is not null;
