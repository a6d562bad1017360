-- Visits and money of each card within the window of its program's counts.
-- The twin of this file under ../sqlite has the same columns.

-- `recent_days` is the window in days that the others were counted in; 0 while they never were. `recent_from` is the
-- oldest row of the ledger that counts.
alter table cards add column recent_days bigint not null default 0;
alter table cards add column recent_visits bigint not null default 0;
alter table cards add column recent_spend bigint not null default 0;
alter table cards add column recent_from bigint;

-- Who was ever visited with is counted from the ledger, by the chore that looks at cards.
update cards set counts_due_at = 0 where visits > 0 or spend <> 0;
