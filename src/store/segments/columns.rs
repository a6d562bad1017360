//! Where the facts of rules are read: one expression each, the same on both engines.

use super::compile::Composer;
use crate::domain::card::CardStatus;
use crate::domain::segment::facts::{NumberFact, TextFact, status_code};

/// The mean in tenths, a half rounded up, as ten-thousandths; nothing here is negative.
const RATING: &str = "case when u.rating_count > 0 \
     then (u.rating_sum * 20 + u.rating_count) / (u.rating_count * 2) * 1000 end";
/// Comments are ratings with words: most people are not asked about.
const COMMENTS: &str = "case when u.rating_count > 0 then (select count(*) from feedback f \
     where f.merchant_id = c.merchant_id and f.customer_id = c.customer_id and f.comment is not null) \
     else cast(0 as bigint) end";

impl Composer<'_> {
    /// Where a number is read; null where there is none.
    pub(super) fn number(&mut self, fact: NumberFact) -> String {
        let column = match fact {
            NumberFact::Customer => "c.customer_id",
            NumberFact::Program => "c.program_id",
            NumberFact::Status => return status(),
            NumberFact::Channels => "c.channels",
            NumberFact::Punches => "c.punches",
            NumberFact::Points => "c.points",
            NumberFact::Progress => return self.progress(),
            NumberFact::Rewards => "c.rewards",
            NumberFact::Redemptions => "c.redemptions",
            NumberFact::Visits => "c.visits",
            NumberFact::Scans => "c.scans",
            NumberFact::Spend => "c.spend",
            NumberFact::Unpriced => "c.unpriced",
            NumberFact::Tier => "c.tier",
            NumberFact::Joined => "c.created_at",
            NumberFact::LastVisit => "c.last_visit_at",
            NumberFact::Activity => "coalesce(c.last_visit_at, c.created_at)",
            NumberFact::Expires => "c.expires_at",
            NumberFact::CouponRedeemed => "c.redeemed_at",
            NumberFact::Birthday => self.person("u.birthday"),
            NumberFact::VerifiedAt => self.person("u.verified_at"),
            NumberFact::InstalledAt => "c.installed_at",
            NumberFact::VisitBefore => "c.visit_before_at",
            NumberFact::Consents => self.person("u.consents"),
            NumberFact::Paused => self.person("u.paused"),
            NumberFact::Rating => self.person(RATING),
            NumberFact::Comments => self.person(COMMENTS),
            NumberFact::TierPoints => "c.tier_points",
        };
        column.to_owned()
    }

    /// Where a text is read; empty where there is none.
    pub(super) fn text_of(&mut self, fact: TextFact) -> String {
        let column = match fact {
            TextFact::Name => self.person("u.name_key"),
            TextFact::Email => self.person("coalesce(u.email_key, '')"),
            TextFact::Phone => self.person("coalesce(u.phone, '')"),
            TextFact::ExternalId => self.person("coalesce(u.external_id, '')"),
            TextFact::Language => self.person("u.language"),
            TextFact::UtmSource => self.landing("coalesce(l.source, '')"),
            TextFact::UtmMedium => self.landing("coalesce(l.medium, '')"),
            TextFact::UtmCampaign => self.landing("coalesce(l.campaign, '')"),
            TextFact::UtmContent => self.landing("coalesce(l.content, '')"),
            TextFact::UtmTerm => self.landing("coalesce(l.term, '')"),
        };
        column.to_owned()
    }

    fn person(&mut self, column: &'static str) -> &'static str {
        self.names_person = true;
        column
    }

    fn landing(&mut self, column: &'static str) -> &'static str {
        self.names_landing = true;
        column
    }

    /// Goals are in the rules of programs, which only Rust reads: a merchant's few programs become parameters.
    fn progress(&mut self) -> String {
        let mut text = String::from("case c.program_id");
        let with_goal = self.context.goals().into_iter().filter(|(_, goal)| *goal > 0);
        for (program, goal) in with_goal {
            let id = self.parameter(program.into(), "bigint");
            let goal = self.parameter(goal.into(), "bigint");
            text.push_str(&format!(" when {id} then c.punches * 1000 / {goal}"));
        }
        // A `case` needs one branch; no program has the id 0.
        text.push_str(" when 0 then cast(0 as bigint) end");
        text
    }
}

pub(super) fn status() -> String {
    let mut text = String::from("case c.status");
    for known in [
        CardStatus::Pending,
        CardStatus::Installed,
        CardStatus::Removed,
        CardStatus::Void,
    ] {
        text.push_str(&format!(
            " when '{}' then cast({} as bigint)",
            known.as_str(),
            status_code(known)
        ));
    }
    text.push_str(" end");
    text
}
