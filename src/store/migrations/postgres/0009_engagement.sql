-- Engagement: what people want to hear and agreed to, their feedback, referrals, where they came from, offers and
-- campaigns.
-- The twin of this file under ../sqlite has the same tables and columns.

-- What running campaigns and referrals listen to, as bits: a tap that says nothing to them costs nothing.
alter table merchants add column signals bigint not null default 0;

-- `paused` is the set of paused notifications (1 balance, 2 location, 4 marketing, 8 tier, 16 reward), `consents` of
-- what was agreed to (1 marketing, 2 profiling, 4 personalised). Ratings are sums of the feedback's stars.
alter table customers add column paused bigint not null default 0;
alter table customers add column consents bigint not null default 0;
alter table customers add column rating_sum bigint not null default 0;
alter table customers add column rating_count bigint not null default 0;

-- The evidence of each consent given or taken back; `event_id` is its row in the ledger.
create table consents (
    merchant_id bigint not null,
    customer_id bigint not null,
    event_id bigint not null,
    purpose text collate "C" not null,
    given bigint not null,
    text_version text collate "C" not null,
    channel text collate "C" not null,
    language text collate "C" not null,
    at bigint not null,
    primary key (merchant_id, customer_id, event_id)
);

-- The words of feedback are here and not in the ledger. `visit_event_id` is 0 where the visit is not known.
create table feedback (
    merchant_id bigint not null,
    customer_id bigint not null,
    event_id bigint not null,
    card_id bigint not null,
    visit_event_id bigint not null,
    stars bigint not null,
    comment text collate "C",
    at bigint not null,
    primary key (merchant_id, customer_id, event_id)
);

create unique index feedback_by_visit on feedback (merchant_id, card_id, visit_event_id);
create index feedback_by_time on feedback (merchant_id, at, event_id);

-- Where a holder first landed.
create table utms (
    merchant_id bigint not null,
    card_id bigint not null,
    source text collate "C",
    medium text collate "C",
    campaign text collate "C",
    content text collate "C",
    term text collate "C",
    landed_at bigint not null,
    primary key (merchant_id, card_id)
);

create table referral_terms (
    merchant_id bigint not null,
    program_id bigint not null,
    moment text collate "C" not null,
    referrer_bonus bigint not null,
    referred_bonus bigint not null,
    changed_at bigint not null,
    primary key (merchant_id, program_id)
);

create table referral_links (
    merchant_id bigint not null,
    card_id bigint not null,
    customer_id bigint not null,
    token text collate "C" not null,
    created_at bigint not null,
    primary key (merchant_id, card_id)
);

create unique index referral_links_by_token on referral_links (merchant_id, token);

-- One row a person who came through a link. `due_at` is when to look at it again; null while nothing has happened.
create table referrals (
    merchant_id bigint not null,
    customer_id bigint not null,
    card_id bigint not null,
    program_id bigint not null,
    referrer_customer_id bigint not null,
    referrer_card_id bigint not null,
    moment text collate "C" not null,
    referrer_bonus bigint not null,
    referred_bonus bigint not null,
    state text collate "C" not null,
    refusal text collate "C",
    due_at bigint,
    opened_at bigint not null,
    added_at bigint,
    rewarded_at bigint,
    primary key (merchant_id, customer_id)
);

create unique index referrals_by_card on referrals (merchant_id, card_id);
create index referrals_by_referrer on referrals (merchant_id, referrer_customer_id, opened_at);
create index referrals_by_due on referrals (due_at) where due_at is not null;

create table offers (
    merchant_id bigint not null,
    offer_id bigint not null,
    title text collate "C" not null,
    description text collate "C" not null,
    program_id bigint,
    begins_at bigint,
    ends_at bigint,
    claims bigint,
    times bigint not null,
    personal bigint not null,
    state text collate "C" not null,
    claimed bigint not null,
    created_at bigint not null,
    version bigint not null,
    primary key (merchant_id, offer_id)
);

-- An offer and one customer: each state with its time.
create table offer_holdings (
    merchant_id bigint not null,
    offer_id bigint not null,
    customer_id bigint not null,
    card_id bigint not null,
    assigned_at bigint,
    favourited_at bigint,
    claimed_at bigint,
    redeemed_at bigint,
    redemptions bigint not null,
    primary key (merchant_id, offer_id, customer_id)
);

create index offer_holdings_by_customer on offer_holdings (merchant_id, customer_id);

create table offer_redemptions (
    merchant_id bigint not null,
    offer_id bigint not null,
    customer_id bigint not null,
    number bigint not null,
    card_id bigint not null,
    event_id bigint not null,
    at bigint not null,
    location_id bigint,
    actor text collate "C" not null,
    actor_id bigint,
    amount bigint,
    primary key (merchant_id, offer_id, customer_id, number)
);

-- `next_look_at` is when to look at all cards for a trigger that time alone pulls, `looked_card_id` how far that look
-- has come.
create table campaigns (
    merchant_id bigint not null,
    campaign_id bigint not null,
    name text collate "C" not null,
    rules text collate "C" not null,
    state text collate "C" not null,
    created_at bigint not null,
    version bigint not null,
    next_look_at bigint,
    looked_card_id bigint not null default 0,
    primary key (merchant_id, campaign_id)
);

create index campaigns_by_state on campaigns (state, next_look_at);

create table campaign_members (
    merchant_id bigint not null,
    campaign_id bigint not null,
    card_id bigint not null,
    membership text collate "C" not null,
    cause text collate "C" not null,
    changed_at bigint not null,
    runs bigint not null,
    last_run_at bigint,
    primary key (merchant_id, campaign_id, card_id)
);

-- Each occurrence of a campaign for a card, once: the event or the day that pulled the trigger. An open one has
-- `due_at`.
create table campaign_actions (
    merchant_id bigint not null,
    campaign_id bigint not null,
    card_id bigint not null,
    occurrence bigint not null,
    state text collate "C" not null,
    leaves bigint not null,
    at bigint not null,
    due_at bigint,
    done_at bigint,
    skipped text collate "C",
    primary key (merchant_id, campaign_id, card_id, occurrence)
);

create index campaign_actions_by_due on campaign_actions (merchant_id, campaign_id, due_at) where due_at is not null;

-- Messages that campaigns want sent, for the sender to take over.
create table campaign_messages (
    merchant_id bigint not null,
    campaign_id bigint not null,
    card_id bigint not null,
    occurrence bigint not null,
    class text collate "C" not null,
    body text collate "C" not null,
    due_at bigint not null,
    created_at bigint not null,
    primary key (merchant_id, campaign_id, card_id, occurrence)
);

create index campaign_messages_by_due on campaign_messages (merchant_id, due_at);
