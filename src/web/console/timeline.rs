//! What happened to a card, as staff read it: one line an event, newest first.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::domain::event::EventKind;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::store::listing::{ActorName, TimelineRow};
use crate::web::console::components::{Tone, icon, time};

/// The rows of a timeline without the list around them.
pub fn rows(rows: &[TimelineRow], zone: &TimeZone, now: Timestamp) -> Markup {
    html! { @for row in rows { (line(row, zone, now)) } }
}

/// The id of a line in the page.
pub fn line_id(event: EventId) -> String {
    format!("event-{}", event.0)
}

pub fn line(row: &TimelineRow, zone: &TimeZone, now: Timestamp) -> Markup {
    let (drawing, tone) = mark(row.kind);
    let taken_back = row.reversed_by.is_some();
    html! {
        li.event.(if taken_back { "taken-back" } else { "" }) id=(line_id(row.id)) {
            span.mark.(tone.class()) { (icon(drawing)) }
            div.event-text {
                p.event-title {
                    span.event-name { (title(row.kind)) }
                    @for change in changes(row) { span.change { (change) } }
                    @if taken_back { span.badge.neutral { "Taken back" } }
                }
                p.event-by {
                    (by(&row.actor))
                    @if let Some(reason) = &row.reason { " · " (reason) }
                }
            }
            div.event-when { (time(row.at, zone, now)) }
        }
    }
}

/// What a program would call the event, in words.
pub fn title(kind: EventKind) -> &'static str {
    match kind {
        EventKind::CardIssued => "Card issued",
        EventKind::CardInstalled => "Card installed",
        EventKind::CardRemoved => "Card removed from the phone",
        EventKind::CardVoided => "Card ended",
        EventKind::CardRestored => "Card restored",
        EventKind::CustomerScanned => "Barcode scanned",
        EventKind::CustomerTapped => "Phone tapped",
        EventKind::RewardRedeemable => "Goal reached",
        EventKind::RewardRedeemed => "Reward redeemed",
        EventKind::PunchReversed => "Punch taken back",
        EventKind::RewardWithdrawn => "Reward withdrawn",
        EventKind::RedemptionReversed => "Redemption taken back",
        EventKind::ExpiryChanged => "Last day changed",
        EventKind::CardExpired => "Card expired",
        EventKind::CardConverted => "Turned into another card",
        EventKind::ConversionFailed => "Could not turn into another card",
        EventKind::PointsAdded => "Points added",
        EventKind::PointsRemoved => "Points removed",
        EventKind::PointsReversed => "Points taken back",
        EventKind::TierChanged => "Tier changed",
        EventKind::TierCycleEnded => "Tier cycle ended",
        EventKind::PromotionUsed => "Promotion used",
        EventKind::PromotionReversed => "Use of a promotion taken back",
        EventKind::CouponAssigned => "Coupon assigned",
        EventKind::OfferClaimed => "Offer claimed",
        EventKind::OfferFavourited => "Offer marked as favourite",
        EventKind::OfferUnfavourited => "Offer no longer a favourite",
        EventKind::OfferRedeemed => "Offer redeemed",
        EventKind::CampaignJoined => "Campaign joined",
        EventKind::CampaignDisjoined => "Campaign left",
        EventKind::FeedbackGiven => "Feedback given",
        EventKind::ReferralAdded => "Referral added",
        EventKind::InvitationSent => "Invitation sent",
        EventKind::InvitationFailed => "Invitation came back",
        EventKind::CustomerErased => "Customer erased",
        EventKind::ProfileEdited => "Profile edited",
        EventKind::ConsentChanged => "Consent changed",
        EventKind::PreferenceChanged => "Preference changed",
        EventKind::PushCreated => "Update created",
        EventKind::PushSent => "Update sent to the phone",
        EventKind::PushFailed => "Update could not be sent",
        EventKind::PushSuppressed => "Update not sent",
        EventKind::PushDeferred => "Update put off",
    }
}

fn mark(kind: EventKind) -> (&'static str, Tone) {
    match kind {
        EventKind::CardIssued => ("plus", Tone::Neutral),
        EventKind::CardInstalled => ("phone", Tone::Good),
        EventKind::CardRemoved => ("phone", Tone::Neutral),
        EventKind::CardVoided => ("stop", Tone::Bad),
        EventKind::CardRestored => ("undo", Tone::Good),
        EventKind::CustomerScanned => ("scan", Tone::Good),
        EventKind::CustomerTapped => ("tap", Tone::Good),
        EventKind::RewardRedeemable | EventKind::RewardRedeemed => ("gift", Tone::Notice),
        EventKind::PunchReversed | EventKind::RewardWithdrawn | EventKind::RedemptionReversed => {
            ("undo", Tone::Neutral)
        }
        EventKind::CardExpired | EventKind::CustomerErased | EventKind::TierCycleEnded => {
            ("stop", Tone::Neutral)
        }
        EventKind::ConversionFailed | EventKind::InvitationFailed => ("stop", Tone::Bad),
        EventKind::PointsAdded => ("plus", Tone::Good),
        EventKind::PointsReversed => ("undo", Tone::Neutral),
        EventKind::TierChanged
        | EventKind::PromotionUsed
        | EventKind::PromotionReversed
        | EventKind::CouponAssigned
        | EventKind::CardConverted
        | EventKind::OfferClaimed
        | EventKind::OfferFavourited
        | EventKind::OfferRedeemed
        | EventKind::CampaignJoined
        | EventKind::ReferralAdded => ("gift", Tone::Notice),
        EventKind::ExpiryChanged
        | EventKind::PointsRemoved
        | EventKind::OfferUnfavourited
        | EventKind::CampaignDisjoined
        | EventKind::FeedbackGiven
        | EventKind::InvitationSent
        | EventKind::ProfileEdited
        | EventKind::ConsentChanged
        | EventKind::PreferenceChanged => ("plus", Tone::Neutral),
        EventKind::PushCreated
        | EventKind::PushSent
        | EventKind::PushSuppressed
        | EventKind::PushDeferred => ("push", Tone::Neutral),
        EventKind::PushFailed => ("push", Tone::Bad),
    }
}

/// "+1 punch", "−10 punches", "+1 reward"; visits follow from punches and are not repeated.
fn changes(row: &TimelineRow) -> Vec<String> {
    [
        (row.delta.punches, "punch", "punches"),
        (row.delta.points, "point", "points"),
        (row.delta.rewards, "reward", "rewards"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count != 0)
    .map(|(count, one, many)| {
        let sign = if count > 0 { '+' } else { '−' };
        let size = count.unsigned_abs();
        format!("{sign}{size} {}", if size == 1 { one } else { many })
    })
    .collect()
}

fn by(actor: &ActorName) -> String {
    match actor {
        ActorName::Station {
            name,
            location: Some(location),
        } => format!("{name}, {location}"),
        ActorName::Station { name, location: None } => name.clone(),
        ActorName::Member(name) => name.clone(),
        ActorName::Device => "the holder's phone".into(),
        ActorName::Gateway => "passgate".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Delta;

    #[test]
    fn changes_are_said_with_sign_and_number() {
        let row = TimelineRow {
            id: EventId(1),
            previous: None,
            kind: EventKind::RewardRedeemable,
            delta: Delta {
                punches: -10,
                rewards: 1,
                ..Delta::default()
            },
            at: Timestamp(0),
            recorded_at: Timestamp(0),
            actor: ActorName::Gateway,
            reverses: None,
            reversed_by: None,
            reason: None,
        };
        assert_eq!(changes(&row), ["−10 punches", "+1 reward"]);
    }
}
