-- What became of the pushes to each device. The twin of this file under ../postgres has the same columns.

-- `queued_at` is when the oldest change was queued that the device has not fetched yet; `told_at` and `accepted_at` are of
-- the last push: when it was claimed and when the provider took it. `asked_at` and `fetched_at` are the device's own
-- requests. `look_at` is when a silent device is told again, for the time after `unanswered` such pushes.
alter table registrations add column queued_at integer;
alter table registrations add column told_at integer;
alter table registrations add column accepted_at integer;
alter table registrations add column asked_at integer;
alter table registrations add column fetched_at integer;
alter table registrations add column unanswered integer not null default 0;
alter table registrations add column look_at integer;
-- The provider called this device's push token dead, for another card, at this time.
alter table registrations add column dead_at integer;

create index registrations_by_look on registrations (look_at) where look_at is not null;
create index registrations_by_death on registrations (dead_at) where dead_at is not null;

-- 1: for devices that stayed silent only.
alter table pushes add column again integer not null default 0;
