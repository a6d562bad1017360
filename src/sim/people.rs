//! Believable people with habits: who they are, when they came by, what they paid. The same seed gives the same people.
//!
//! Addresses end in `example.com` (RFC 2606) and phone numbers come from ranges that are set aside for stories, so that
//! nobody real is ever written to.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::time::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How far back histories go.
const DAYS: u64 = 730;

/// Somebody who holds a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// Month, day, and the year where they told it.
    pub birthday: Option<(i64, i64, Option<i64>)>,
    pub language: &'static str,
    pub joined_at: Timestamp,
    /// Whether they ever added the card to a wallet, and whether it is still there.
    pub installed: bool,
    pub removed: bool,
    /// Oldest first.
    pub visits: Vec<Visit>,
}

/// One time at the till.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    pub at: Timestamp,
    /// Minor units; some tills do not say.
    pub amount: Option<i64>,
    /// With the phone at the reader, or with the code at the scanner.
    pub tapped: bool,
}

/// Where people come from.
#[derive(Debug, Clone)]
pub struct Town {
    pub seed: u64,
    /// Histories end here.
    pub now: Timestamp,
    pub zone: TimeZone,
}

impl Town {
    /// Person number `index`; always the same one.
    pub fn person(&self, index: usize) -> Person {
        let mut dice = Dice::new(self.seed, index);
        let (first_name, last_name, language) = name(&mut dice);
        let email = dice.chance(86).then(|| email(&first_name, &last_name, index));
        let phone = phone(index).filter(|_| email.is_none() || dice.chance(55));
        let habit = habit(&mut dice);
        let joined_days_ago = habit.joined_days_ago(&mut dice);
        let joined_at = self.opening_hour(self.now.minus(DAY * joined_days_ago), &mut dice);
        let joined_at = joined_at.min(self.now);
        let visits = self.visits(&habit, joined_at, &mut dice);
        let installed = !visits.is_empty() || dice.chance(40);
        Person {
            email: email.or_else(|| phone.is_none().then(|| format!("guest{index}@example.com"))),
            first_name,
            last_name,
            phone,
            birthday: dice.chance(60).then(|| birthday(&mut dice)),
            language,
            joined_at,
            installed,
            removed: installed && dice.chance(9),
            visits,
        }
    }

    fn visits(&self, habit: &Habit, joined_at: Timestamp, dice: &mut Dice) -> Vec<Visit> {
        let mut visits: Vec<Visit> = Vec::new();
        let until = self.now.minus(DAY * habit.away_for_days);
        let mut day = joined_at;
        while visits.len() < habit.most_visits {
            // A Sunday that became a Saturday may lie before the visit that came before it.
            let at = match visits.last() {
                None => joined_at,
                Some(before) => self.opening_hour(day, dice).max(before.at.plus(DAY / 24)),
            };
            if at > until {
                break;
            }
            visits.push(Visit {
                at,
                amount: dice.chance(88).then(|| amount(dice)),
                tapped: dice.chance(35),
            });
            // Between half and one and a half times the usual gap, a day at least.
            let gap = habit.days_between * (50 + dice.below(101)) / 100;
            day = day.plus(DAY * u32::try_from(gap.max(1)).unwrap_or(1));
        }
        visits
    }

    /// A moment of that day at which shops are open; Sundays become Saturdays.
    fn opening_hour(&self, day: Timestamp, dice: &mut Dice) -> Timestamp {
        let local = day.to_jiff().to_zoned(self.zone.clone());
        let mut date = local.date();
        if date.weekday() == jiff::civil::Weekday::Sunday {
            date = date.yesterday().unwrap_or(date);
        }
        // Mornings and the hour after work are busy.
        let hour = [8, 8, 9, 10, 11, 12, 12, 13, 15, 16, 17, 17, 18][dice.index(13)];
        let minute = i8::try_from(dice.below(60)).unwrap_or(0);
        let second = i8::try_from(dice.below(60)).unwrap_or(0);
        let zoned = date.at(hour, minute, second, 0).to_zoned(self.zone.clone());
        zoned.map_or(day, |zoned| Timestamp(zoned.timestamp().as_millisecond()))
    }
}

struct Habit {
    days_between: u64,
    /// How long they have stayed away.
    away_for_days: u32,
    most_visits: usize,
    newcomer: bool,
}

impl Habit {
    fn joined_days_ago(&self, dice: &mut Dice) -> u32 {
        let days = if self.newcomer {
            dice.below(21)
        } else {
            u64::from(self.away_for_days) + 14 + dice.below(DAYS - 14 - u64::from(self.away_for_days))
        };
        u32::try_from(days.min(DAYS)).unwrap_or(0)
    }
}

/// Some come every few days, most now and then, some have stopped, some never came.
fn habit(dice: &mut Dice) -> Habit {
    let (days_between, away_for_days, most_visits, newcomer) = match dice.below(100) {
        0..12 => (3 + dice.below(4), 0, 400, false),
        12..45 => (9 + dice.below(20), 0, 200, false),
        45..62 => (35 + dice.below(60), 0, 60, false),
        62..80 => (10 + dice.below(30), 45 + dice.below(400), 80, false),
        80..88 => (1, 20 + dice.below(300), 1, false),
        88..95 => (4 + dice.below(6), 0, 20, true),
        _ => (1, 0, 0, dice.chance(50)),
    };
    Habit {
        days_between,
        away_for_days: u32::try_from(away_for_days).unwrap_or(0),
        most_visits,
        newcomer,
    }
}

/// What a coffee, a lunch or a bag of beans costs.
fn amount(dice: &mut Dice) -> i64 {
    let cents = match dice.below(10) {
        0..6 => 280 + 10 * dice.below(40),
        6..9 => 750 + 10 * dice.below(90),
        _ => 1_900 + 50 * dice.below(100),
    };
    i64::try_from(cents).unwrap_or(0)
}

fn birthday(dice: &mut Dice) -> (i64, i64, Option<i64>) {
    const LENGTHS: [u64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = dice.index(12);
    let day = 1 + dice.below(LENGTHS[month]);
    let number = |value: u64| i64::try_from(value).unwrap_or(1);
    // A leap year goes with every day, also with 29 February.
    let year = dice.chance(70).then(|| 1948 + 4 * number(dice.below(14)));
    (number(month as u64 + 1), number(day), year)
}

fn email(first: &str, last: &str, index: usize) -> String {
    let part = |text: &str| -> String {
        let folded = crate::domain::customer::fold(text);
        folded.chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let (first, last) = (part(first), part(last));
    match (first.is_empty(), last.is_empty()) {
        (false, false) => format!("{first}.{last}{index}@example.com"),
        _ => format!("{first}{last}member{index}@example.com"),
    }
}

/// Numbers that no one has: Ofcom's for drama first, then 555-0100 to 0199 of North American areas; then no more.
fn phone(index: usize) -> Option<String> {
    const AREAS: usize = 200;
    if index < 1000 {
        return Some(format!("+447700900{index:03}"));
    }
    let rest = index - 1000;
    (rest < AREAS * 100).then(|| format!("+1{}55501{:02}", 201 + rest / 100, rest % 100))
}

fn name(dice: &mut Dice) -> (String, String, &'static str) {
    const GERMAN: [&str; 24] = [
        "Anna", "Ben", "Clara", "David", "Emil", "Frieda", "Greta", "Hannes", "Ida", "Jonas", "Käthe",
        "Lena", "Mia", "Noah", "Oskar", "Paula", "Quirin", "Rosa", "Söhnke", "Theo", "Ulla", "Valentin",
        "Wanda", "Jürgen",
    ];
    const OTHERS: [&str; 24] = [
        "Ada",
        "Björn",
        "Chloé",
        "Dmitri",
        "Elif",
        "François",
        "Grace",
        "Hana",
        "Ines",
        "José",
        "Kenji",
        "Łukasz",
        "Māra",
        "Nour",
        "Óscar",
        "Priya",
        "Renée",
        "Siobhán",
        "Tomáš",
        "Uma",
        "Viktor",
        "Wei",
        "Ximena",
        "Zoë",
    ];
    const LAST: [&str; 32] = [
        "Adler",
        "Bauer",
        "Çelik",
        "Dąbrowski",
        "Engel",
        "Fischer",
        "García",
        "Hoffmann",
        "Ivanova",
        "Jansen",
        "Kowalski",
        "Lindström",
        "Müller",
        "Nguyen",
        "O'Brien",
        "Papadopoulos",
        "Quist",
        "Richter",
        "Schäfer",
        "Thomas",
        "Ülker",
        "Vogel",
        "Weiß",
        "Xu",
        "Yılmaz",
        "Zimmermann",
        "Møller",
        "Novák",
        "Rossi",
        "Silva",
        "Kaya",
        "van der Berg",
    ];
    /// Names that programs stumble over.
    const RARE: [(&str, &str); 6] = [
        ("نور", "الهاشمي"),
        ("美咲", "佐藤"),
        ("דניאל", "כהן"),
        ("Li", "Na"),
        ("Anne-Marie", "d'Aubigné-Sørensen"),
        ("Sam 🌻", "Field"),
    ];
    if dice.chance(2) {
        let (first, last) = RARE[dice.index(RARE.len())];
        return (first.into(), last.into(), "en");
    }
    let last = LAST[dice.index(LAST.len())].to_owned();
    if dice.chance(60) {
        (GERMAN[dice.index(GERMAN.len())].into(), last, "de")
    } else {
        (OTHERS[dice.index(OTHERS.len())].into(), last, "en")
    }
}

/// Chance that repeats itself: splitmix64.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, index: usize) -> Self {
        let mut dice = Self(seed ^ (index as u64).wrapping_mul(0xd134_2543_de82_ef95));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit` - 1, near enough to even.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn town(seed: u64) -> Town {
        Town {
            seed,
            now: Timestamp(1_790_000_000_000),
            zone: TimeZone::get("Europe/Berlin").expect("bundled zone"),
        }
    }

    #[test]
    fn a_seed_repeats_its_people_and_another_gives_others() {
        let people = |seed| (0..50).map(|index| town(seed).person(index)).collect::<Vec<_>>();
        assert_eq!(people(1), people(1));
        assert_ne!(people(1), people(2));
    }

    #[test]
    fn everybody_can_be_told_apart_and_a_town_is_mixed() {
        let people: Vec<_> = (0..3000).map(|index| town(7).person(index)).collect();
        let emails: Vec<_> = people.iter().filter_map(|person| person.email.clone()).collect();
        let phones: Vec<_> = people.iter().filter_map(|person| person.phone.clone()).collect();
        assert_eq!(emails.iter().collect::<BTreeSet<_>>().len(), emails.len());
        assert_eq!(phones.iter().collect::<BTreeSet<_>>().len(), phones.len());
        assert!(
            people
                .iter()
                .all(|person| person.email.is_some() || person.phone.is_some())
        );
        let share = |wanted: fn(&Person) -> bool| people.iter().filter(|person| wanted(person)).count();
        assert!(share(|person| person.visits.len() > 50) > 100, "regulars");
        assert!(
            share(|person| person.visits.is_empty()) > 60,
            "people who never came"
        );
        assert!(
            share(|person| person.birthday.is_none()) > 500,
            "people without a birthday"
        );
    }

    proptest! {
        #[test]
        fn histories_lie_between_joining_and_now(seed: u64, index in 0..100_000_usize) {
            let town = town(seed);
            let person = town.person(index);
            prop_assert!(person.joined_at <= town.now);
            prop_assert!(person.visits.is_sorted_by_key(|visit| visit.at));
            for visit in &person.visits {
                prop_assert!(visit.at >= person.joined_at && visit.at <= town.now);
                prop_assert!(visit.amount.is_none_or(|amount| amount > 0));
            }
            prop_assert!(person.visits.len() <= 400);
        }
    }
}
