-- Uses of promotions and redemptions of offers that were taken back, and fields that are asked of nobody any more.

-- Such a use counts against no limit, and its number is not given again: `uses` numbers them, `taken_back` is how many of
-- them do not stand.
alter table promotions add column taken_back bigint not null default 0;
alter table promotion_uses add column taken_back_at bigint;

alter table offer_redemptions add column taken_back_at bigint;

-- What was answered to an archived field is kept.
alter table custom_fields add column archived_at bigint;
