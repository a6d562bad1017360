-- Browsers and apps that listen to cards. The twin of this file is under ../sqlite.

-- `address` is an endpoint, a Firebase Installation ID, a registration token or a topic, as `kind` says; the key is a
-- hash of it. The keys are a browser's. `sender_key` names the key of ours that a subscription was made for.
create table push_addresses (
    merchant_id bigint not null,
    card_id bigint not null,
    channel text collate "C" not null,
    address_key text collate "C" not null,
    kind text collate "C" not null,
    address text collate "C" not null,
    receiver_key bytea,
    auth_secret bytea,
    sender_key text collate "C",
    registered_at bigint not null,
    expires_at bigint,
    told_generation bigint,
    primary key (merchant_id, card_id, channel, address_key)
);

create index push_addresses_by_end on push_addresses (expires_at) where expires_at is not null;
