//! Which phones hold a card, and how far its last push has come with each: a part of the card's page.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::domain::receipt::{Progress, Receipt};
use crate::domain::time::Timestamp;
use crate::web::console::components::time;

/// Characters of a device's name that tell it from others.
const SHORT: usize = 8;

/// Empty for a card that is on no iPhone.
pub fn panel(devices: &[Receipt], zone: &TimeZone, now: Timestamp) -> Markup {
    html! {
        @if !devices.is_empty() {
            section #devices .panel aria-labelledby="devices-title" {
                div.panel-head { h2 #devices-title { "iPhones" } }
                @for device in devices {
                    dl.details aria-label=(format!("iPhone {}", short(device))) {
                        div { dt { "Device" } dd { code { (short(device)) } } }
                        div { dt { "Last update" } dd { (in_words(device)) } }
                        (step("Queued", device.queued_at, zone, now))
                        (step("Taken by Apple", device.accepted_at, zone, now))
                        (step("Asked", device.asked_at, zone, now))
                        (step("Fetched", device.fetched_at, zone, now))
                        (step("Told again", device.look_at, zone, now))
                        @if let Some(took) = device.time_to_fetch() {
                            div { dt { "Time to fetch" } dd { (format!("{:.1} s", took.as_secs_f64())) } }
                        }
                    }
                }
            }
        }
    }
}

fn step(name: &str, at: Option<Timestamp>, zone: &TimeZone, now: Timestamp) -> Markup {
    html! {
        @if let Some(at) = at { div { dt { (name) } dd { (time(at, zone, now)) } } }
    }
}

fn in_words(device: &Receipt) -> &'static str {
    match device.progress() {
        Progress::Untold => "None sent yet",
        Progress::Accepted => "Sent; the phone has not answered",
        Progress::Asked => "The phone has asked and not fetched it yet",
        Progress::Fetched => "On the phone",
    }
}

fn short(device: &Receipt) -> String {
    device.device.as_str().chars().take(SHORT).collect()
}
