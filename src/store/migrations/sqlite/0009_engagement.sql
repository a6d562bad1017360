-- Engagement: what people want to hear and agreed to, their feedback, referrals, where they came from, offers and
-- campaigns.
-- The twin of this file under ../postgres has the same tables and columns.

-- What running campaigns and referrals listen to, as bits: a tap that says nothing to them costs nothing.
alter table merchants add column signals integer not null default 0;

-- `paused` is the set of paused notifications (1 balance, 2 location, 4 marketing, 8 tier, 16 reward), `consents` of
-- what was agreed to (1 marketing, 2 profiling, 4 personalised). Ratings are sums of the feedback's stars.
alter table customers add column paused integer not null default 0;
alter table customers add column consents integer not null default 0;
alter table customers add column rating_sum integer not null default 0;
alter table customers add column rating_count integer not null default 0;

-- The evidence of each consent given or taken back; `event_id` is its row in the ledger.
create table consents (
    merchant_id integer not null,
    customer_id integer not null,
    event_id integer not null,
    purpose text not null,
    given integer not null,
    text_version text not null,
    channel text not null,
    language text not null,
    at integer not null,
    primary key (merchant_id, customer_id, event_id)
) strict, without rowid;

-- The words of feedback are here and not in the ledger. `visit_event_id` is 0 where the visit is not known.
create table feedback (
    merchant_id integer not null,
    customer_id integer not null,
    event_id integer not null,
    card_id integer not null,
    visit_event_id integer not null,
    stars integer not null,
    comment text,
    at integer not null,
    primary key (merchant_id, customer_id, event_id)
) strict, without rowid;

create unique index feedback_by_visit on feedback (merchant_id, card_id, visit_event_id);
create index feedback_by_time on feedback (merchant_id, at, event_id);

-- Where a holder first landed.
create table utms (
    merchant_id integer not null,
    card_id integer not null,
    source text,
    medium text,
    campaign text,
    content text,
    term text,
    landed_at integer not null,
    primary key (merchant_id, card_id)
) strict, without rowid;

create table referral_terms (
    merchant_id integer not null,
    program_id integer not null,
    moment text not null,
    referrer_bonus integer not null,
    referred_bonus integer not null,
    changed_at integer not null,
    primary key (merchant_id, program_id)
) strict, without rowid;

create table referral_links (
    merchant_id integer not null,
    card_id integer not null,
    customer_id integer not null,
    token text not null,
    created_at integer not null,
    primary key (merchant_id, card_id)
) strict, without rowid;

create unique index referral_links_by_token on referral_links (merchant_id, token);

-- One row a person who came through a link. `due_at` is when to look at it again; null while nothing has happened.
create table referrals (
    merchant_id integer not null,
    customer_id integer not null,
    card_id integer not null,
    program_id integer not null,
    referrer_customer_id integer not null,
    referrer_card_id integer not null,
    moment text not null,
    referrer_bonus integer not null,
    referred_bonus integer not null,
    state text not null,
    refusal text,
    due_at integer,
    opened_at integer not null,
    added_at integer,
    rewarded_at integer,
    primary key (merchant_id, customer_id)
) strict, without rowid;

create unique index referrals_by_card on referrals (merchant_id, card_id);
create index referrals_by_referrer on referrals (merchant_id, referrer_customer_id, opened_at);
create index referrals_by_due on referrals (due_at) where due_at is not null;

create table offers (
    merchant_id integer not null,
    offer_id integer not null,
    title text not null,
    description text not null,
    program_id integer,
    begins_at integer,
    ends_at integer,
    claims integer,
    times integer not null,
    personal integer not null,
    state text not null,
    claimed integer not null,
    created_at integer not null,
    version integer not null,
    primary key (merchant_id, offer_id)
) strict, without rowid;

-- An offer and one customer: each state with its time.
create table offer_holdings (
    merchant_id integer not null,
    offer_id integer not null,
    customer_id integer not null,
    card_id integer not null,
    assigned_at integer,
    favourited_at integer,
    claimed_at integer,
    redeemed_at integer,
    redemptions integer not null,
    primary key (merchant_id, offer_id, customer_id)
) strict, without rowid;

create index offer_holdings_by_customer on offer_holdings (merchant_id, customer_id);

create table offer_redemptions (
    merchant_id integer not null,
    offer_id integer not null,
    customer_id integer not null,
    number integer not null,
    card_id integer not null,
    event_id integer not null,
    at integer not null,
    location_id integer,
    actor text not null,
    actor_id integer,
    amount integer,
    primary key (merchant_id, offer_id, customer_id, number)
) strict, without rowid;

-- `next_look_at` is when to look at all cards for a trigger that time alone pulls, `looked_card_id` how far that look
-- has come.
create table campaigns (
    merchant_id integer not null,
    campaign_id integer not null,
    name text not null,
    rules text not null,
    state text not null,
    created_at integer not null,
    version integer not null,
    next_look_at integer,
    looked_card_id integer not null default 0,
    primary key (merchant_id, campaign_id)
) strict, without rowid;

create index campaigns_by_state on campaigns (state, next_look_at);

create table campaign_members (
    merchant_id integer not null,
    campaign_id integer not null,
    card_id integer not null,
    membership text not null,
    cause text not null,
    changed_at integer not null,
    runs integer not null,
    last_run_at integer,
    primary key (merchant_id, campaign_id, card_id)
) strict, without rowid;

-- Each occurrence of a campaign for a card, once: the event or the day that pulled the trigger. An open one has
-- `due_at`.
create table campaign_actions (
    merchant_id integer not null,
    campaign_id integer not null,
    card_id integer not null,
    occurrence integer not null,
    state text not null,
    leaves integer not null,
    at integer not null,
    due_at integer,
    done_at integer,
    skipped text,
    primary key (merchant_id, campaign_id, card_id, occurrence)
) strict, without rowid;

create index campaign_actions_by_due on campaign_actions (merchant_id, campaign_id, due_at) where due_at is not null;

-- Messages that campaigns want sent, for the sender to take over.
create table campaign_messages (
    merchant_id integer not null,
    campaign_id integer not null,
    card_id integer not null,
    occurrence integer not null,
    class text not null,
    body text not null,
    due_at integer not null,
    created_at integer not null,
    primary key (merchant_id, campaign_id, card_id, occurrence)
) strict, without rowid;

create index campaign_messages_by_due on campaign_messages (merchant_id, due_at);
