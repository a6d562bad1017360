//! The card's and the customer's key figures, each with its definition. Which there are depends on the kind of card.

use maud::{Markup, html};

use super::{Held, term};
use crate::domain::coupon;
use crate::domain::program::ProgramKind;
use crate::domain::segment::cell_word;
use crate::domain::tier;
use crate::web::console::screen::Screen;
use crate::web::console::timeline::last_day_text;
use crate::web::console::words::filter;

/// A figure: what it is called, what that means, what it says.
struct Metric {
    name: &'static str,
    meaning: &'static str,
    value: Markup,
}

/// The summary: what was sent and what was followed. The balance is in the facts above.
pub fn counters(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    let counts = held.profile.counts;
    html! {
        div.panel {
            dl.details.counters {
                div { (term(screen, words.pushes_sent, words.pushes_sent_means)) dd.figure-value { (screen.number(counts.pushes)) } }
                div { (term(screen, words.clicks, words.clicks_means)) dd.figure-value { (screen.number(counts.clicks)) } }
            }
        }
    }
}

pub fn section(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    html! {
        section.panel aria-labelledby="metrics-title" {
            div.panel-head { h2 #metrics-title { (words.metrics) } }
            dl.details {
                @for metric in metrics(screen, held) {
                    div { (term(screen, metric.name, metric.meaning)) dd { (metric.value) } }
                }
            }
        }
    }
}

fn metrics(screen: &Screen, held: &Held) -> Vec<Metric> {
    let words = &screen.words.profile;
    let (language, profile) = (screen.words.language, &held.profile);
    let (card, program) = (&profile.card.card, &profile.card.of.program);
    let mut metrics = Vec::new();
    let mut add = |name, meaning, value| metrics.push(Metric { name, meaning, value });
    let money = language.money(program.rules.purchase.currency, card.spend);
    add(
        words.ltv,
        words.ltv_means,
        html! {
            (money) @if card.unpriced > 0 { " " span.muted { "(" ((words.unpriced)(card.unpriced)) ")" } }
        },
    );
    if card.redeemed_at.is_some() || program.rules.kind() == ProgramKind::Coupon {
        let status = words.coupon(coupon::status(card, screen.now));
        add(words.coupon_status, words.coupon_status_means, html! { (status) });
    }
    if program.rules.kind() != ProgramKind::Coupon {
        let visits = (words.visits_of)(card.visits, card.scans.max(card.visits));
        add(words.visits, words.visits_means, html! { (visits) });
        let cell = filter::word(language, &cell_word(profile.cell)).unwrap_or(profile.cell);
        add(words.segment, words.segment_means, html! { (cell) });
    }
    let redemptions = screen.number(card.redemptions);
    add(
        words.redemptions,
        words.redemptions_means,
        html! { (redemptions) },
    );
    if let Some(tier) = tier::name(program.rules.ladder.as_ref(), card.tier) {
        let counted = (words.tier_points)(tier, &screen.number(card.tier_points));
        add(words.tier, words.tier_means, html! { (counted) });
    }
    add(
        words.expires,
        words.expires_means,
        html! {
            @match card.expires_at {
                None => (words.no_end),
                Some(at) if at <= screen.now => ((words.expired_since)(&last_day_text(screen, at))),
                Some(at) => (last_day_text(screen, at)),
            }
        },
    );
    add(
        words.rating,
        words.rating_means,
        html! {
            @match profile.rating.tenths() {
                None => span.muted { (words.no_feedback) },
                Some(tenths) => ((words.rating_of)(&language.decimal(tenths), profile.rating.count)),
            }
        },
    );
    add(
        words.source,
        words.source_means,
        html! {
            @match &profile.landing {
                None => span.muted { (words.unknown) },
                Some(landing) => {
                    @let said: Vec<&str> = landing.utm.words().into_iter().filter_map(|(_, word)| word).collect();
                    (said.join(" / "))
                }
            }
        },
    );
    if !profile.promotions.is_empty() {
        add(words.promotions, words.promotions_means, promotions(screen, held));
    }
    metrics
}

fn promotions(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    html! {
        ul.plain {
            @for on in &held.profile.promotions {
                li {
                    (on.promotion.terms.name) ", " ((words.until)(&last_day_text(screen, on.promotion.terms.ends_at)))
                    @if let Some(left) = on.uses_left() { ", " ((words.uses_left)(left)) }
                }
            }
        }
    }
}
