//! Where the card is: its copies on each platform, whether a push reaches them, and how far the last one has come with
//! each Apple device.

use maud::{Markup, html};

use super::Held;
use crate::domain::card::{CardStatus, Channels};
use crate::domain::delivery::Channel;
use crate::domain::receipt::{Progress, Receipt};
use crate::domain::time::Timestamp;
use crate::web::console::components::{Tone, badge};
use crate::web::console::screen::Screen;
use crate::web::console::timeline::time_text;

/// Characters of a device's name that tell it from others.
const SHORT: usize = 8;

/// Copies of the card on one platform.
struct Platform {
    channel: Channel,
    count: i64,
    seen_at: Option<Timestamp>,
    reachable: bool,
}

pub fn section(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.profile;
    let platforms = platforms(held);
    html! {
        section #devices .panel aria-labelledby="devices-title" {
            div.panel-head { h2 #devices-title { (words.platforms) } }
            @if platforms.is_empty() { p.muted.quiet { (words.on_no_phone) } }
            ul.list {
                @for platform in &platforms {
                    li {
                        span { ((words.passes)(screen.words.common.channel(platform.channel), platform.count)) }
                        @if let Some(at) = platform.seen_at { span.muted { ((words.seen)(&time_text(screen, at))) } }
                        span.push {
                            @if platform.reachable { (badge(Tone::Good, words.reachable)) }
                            @else { (badge(Tone::Neutral, words.not_reachable)) }
                        }
                    }
                }
            }
            @for waiting in &held.profile.waiting {
                p.muted.panel-note { ((words.waiting)(screen.words.common.channel(waiting.channel))) }
            }
            @for device in &held.profile.devices { (steps(screen, device)) }
        }
    }
}

fn platforms(held: &Held) -> Vec<Platform> {
    let card = &held.profile.card.card;
    let channels = if card.status == CardStatus::Void {
        Channels::NONE
    } else {
        card.channels
    };
    let devices = &held.profile.devices;
    let mut platforms = Vec::new();
    for channel in Channel::ALL {
        let copies = held
            .profile
            .copies
            .iter()
            .find(|copies| copies.channel == channel);
        let (count, seen_at) = match channel {
            Channel::Apple => {
                let seen = devices.iter().map(|device| {
                    let heard = device.fetched_at.max(device.asked_at);
                    heard.unwrap_or(device.registered_at).max(device.registered_at)
                });
                (i64::try_from(devices.len()).unwrap_or(i64::MAX), seen.max())
            }
            // Google tells of one object, however many phones show it.
            Channel::Google => (i64::from(card.channels.contains(channel)), None),
            Channel::Fcm | Channel::WebPush => {
                copies.map_or((0, None), |copies| (copies.count, Some(copies.seen_at)))
            }
        };
        if count > 0 || card.channels.contains(channel) {
            platforms.push(Platform {
                channel,
                count: count.max(1),
                seen_at,
                reachable: channels.contains(channel),
            });
        }
    }
    platforms
}

fn steps(screen: &Screen, device: &Receipt) -> Markup {
    let words = &screen.words.profile;
    let short: String = device.device.as_str().chars().take(SHORT).collect();
    let step = |name: &str, at: Option<Timestamp>| {
        html! { @if let Some(at) = at { div { dt { (name) } dd { (screen.time(at)) } } } }
    };
    html! {
        details.device {
            summary { ((words.iphone)(&short)) ": " (in_words(screen, device)) }
            dl.details {
                (step(words.queued, device.queued_at))
                (step(words.accepted, device.accepted_at))
                (step(words.asked, device.asked_at))
                (step(words.fetched, device.fetched_at))
                (step(words.told_again, device.look_at))
                @if let Some(took) = device.time_to_fetch() {
                    @let tenths = i64::try_from(took.as_millis() / 100).unwrap_or(i64::MAX);
                    div { dt { (words.time_to_fetch) } dd { (screen.words.language.decimal(tenths)) " s" } }
                }
            }
        }
    }
}

fn in_words(screen: &Screen, device: &Receipt) -> &'static str {
    let words = &screen.words.profile;
    match device.progress() {
        Progress::Untold => words.untold,
        Progress::Accepted => words.silent,
        Progress::Asked => words.has_asked,
        Progress::Fetched => words.on_the_phone,
    }
}
