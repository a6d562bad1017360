//! Engagement on both engines: wishes, feedback, referrals, landings, offers and campaigns, each reached as the web and
//! the commands reach it.

mod audiences;
mod campaigns;
mod offers;
mod referrals;
mod shop;
mod wishes;
