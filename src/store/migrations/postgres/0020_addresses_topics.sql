-- Addresses at which nobody answers, and what is said to topics. The twin of this file under ../sqlite has the same tables
-- and columns.

-- Attempts without an answer since the last that had one, and when the first of them was; 0: it answers.
alter table push_addresses add column unanswered bigint not null default 0;
alter table push_addresses add column silent_since bigint not null default 0;

-- Topics of Firebase that a merchant has said something to. Locked while one more thing is said: it may not be too often.
create table topics (
    merchant_id bigint not null,
    topic text collate "C" not null,
    created_at bigint not null,
    primary key (merchant_id, topic)
);

-- What was said to topics, an outbox and a history in one: `due_at` is empty once it is sent or given up. While a row is
-- leased, `due_at` is when the lease runs out.
create table topic_notices (
    merchant_id bigint not null,
    topic_notice_id bigint not null,
    topic text collate "C" not null,
    title text collate "C" not null,
    body text collate "C" not null,
    url text collate "C",
    rings bigint not null,
    state text collate "C" not null,
    reason text collate "C",
    due_at bigint,
    attempts bigint not null,
    lease bigint,
    created_at bigint not null,
    ended_at bigint,
    primary key (merchant_id, topic_notice_id)
);

create index topic_notices_by_topic on topic_notices (merchant_id, topic, created_at);
create index topic_notices_by_due on topic_notices (due_at) where due_at is not null;
