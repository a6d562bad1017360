-- What makes a customer one of high value stands with the limits of each program. The twin of this file under
-- ../postgres does the same.
drop table segment_measures;
