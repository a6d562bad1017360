//! What becomes of a row, given who is there already and which rows came before it.

use std::collections::{BTreeMap, HashMap};

use crate::domain::consent::Purpose;
use crate::domain::custom_field::{CustomField, FieldCode, FieldValue};
use crate::domain::event::Delta;
use crate::domain::id::CustomerId;
use crate::domain::import::consent::{self, Noted, Outcome};
use crate::domain::import::{Column, Context, ImportRow, Mapping, Problem};
use crate::domain::note::Tag;
use crate::domain::profile::{ContactKind, Field, Language, Profile};
use crate::domain::utm::Utm;

/// Somebody who is there already and whom a row may mean.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: CustomerId,
    pub profile: Profile,
    /// Keys of their tags.
    pub tags: Vec<String>,
    /// Whether they have a card of the program, and what it answers.
    pub has_card: bool,
    pub answers: Vec<(FieldCode, FieldValue)>,
    /// The sums of that card.
    pub balance: Delta,
    /// The links by which their cards came, as far as rows say anything about them.
    pub landings: Vec<Utm>,
    /// What they said last to each purpose that they were ever asked about.
    pub consents: BTreeMap<Purpose, bool>,
}

/// How a row ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Created,
    Updated,
    Unchanged,
    Failed(Vec<Problem>),
}

/// What is to be done for a row. Where the verdict is `Failed`, nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    /// Whom it means; none: somebody new.
    pub customer: Option<CustomerId>,
    /// The profile as it is to be.
    pub profile: Profile,
    pub changed: Vec<Field>,
    pub new_tags: Vec<Tag>,
    pub new_answers: Vec<(FieldCode, FieldValue)>,
    /// Whether a card is issued, with what it begins with.
    pub new_card: Option<Delta>,
    /// The link by which that card came, where the row says it.
    pub landing: Option<Utm>,
    /// One at most for each purpose.
    pub consents: Vec<Noted>,
    /// The row names a consent that is not noted.
    pub leaves_consent: bool,
    /// The row names a balance that the card, which is there already, does not have.
    pub keeps_balance: bool,
    /// What no later row of the file may change again.
    marks: Vec<u64>,
}

/// What the rows of a file have touched so far, by marks of 64 bits: some ten bytes for each contact.
#[derive(Debug, Default)]
pub struct Seen {
    marks: HashMap<u64, Touched>,
}

#[derive(Debug, Clone, Copy)]
struct Touched {
    line: u32,
    changed: bool,
}

impl Seen {
    /// Remembers what the row in `line` has touched.
    pub fn add(&mut self, decision: &Decision, line: u64) {
        let changed = match decision.verdict {
            Verdict::Failed(_) => return,
            Verdict::Unchanged => false,
            Verdict::Created | Verdict::Updated => true,
        };
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        for mark in &decision.marks {
            let touched = self.marks.entry(*mark).or_insert(Touched { line, changed });
            if changed {
                *touched = Touched { line, changed };
            }
        }
    }

    /// Everything that another has seen too.
    pub fn extend(&mut self, later: Self) {
        for (mark, touched) in later.marks {
            let there = self.marks.entry(mark).or_insert(touched);
            if touched.changed {
                *there = touched;
            }
        }
    }

    /// As bytes, thirteen for each mark.
    pub fn print(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.marks.len() * 13);
        for (mark, touched) in &self.marks {
            bytes.extend(mark.to_le_bytes());
            bytes.extend(touched.line.to_le_bytes());
            bytes.push(touched.changed.into());
        }
        bytes
    }

    /// What [`Seen::print`] wrote; anything else at the end is left out.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut seen = Self::default();
        for chunk in bytes.chunks_exact(13) {
            let (mark, rest) = chunk.split_at(8);
            let (line, changed) = rest.split_at(4);
            let (Ok(mark), Ok(line)) = (mark.try_into(), line.try_into()) else {
                continue;
            };
            let touched = Touched {
                line: u32::from_le_bytes(line),
                changed: changed == [1],
            };
            seen.marks.insert(u64::from_le_bytes(mark), touched);
        }
        seen
    }

    fn find(&self, mark: u64) -> Option<Touched> {
        self.marks.get(&mark).copied()
    }
}

/// Decides what becomes of `row`. `of_serial` is whom the row's serial number means; `owner` says whose a contact is.
pub fn decide(
    row: &ImportRow,
    mapping: &Mapping,
    context: &Context,
    of_serial: Option<&Known>,
    owner: impl Fn(ContactKind, &str) -> Option<Known>,
    seen: &[&Seen],
) -> Decision {
    let mut decision = Decision {
        verdict: Verdict::Unchanged,
        customer: None,
        profile: row.profile.clone(),
        changed: Vec::new(),
        new_tags: Vec::new(),
        new_answers: Vec::new(),
        new_card: None,
        landing: None,
        consents: Vec::new(),
        leaves_consent: false,
        keeps_balance: false,
        marks: Vec::new(),
    };
    let known = match meant(row, mapping, of_serial, &owner) {
        Ok(known) => known,
        Err(problem) => {
            decision.verdict = Verdict::Failed(vec![problem]);
            return decision;
        }
    };
    let contacts = row.profile.contacts();
    decision
        .marks
        .extend(contacts.iter().map(|(kind, key)| mark(kind.as_str(), key)));
    match &known {
        Some(known) => {
            decision.customer = Some(known.id);
            decision.profile = patched(&known.profile, row);
            decision.changed = known.profile.changed(&decision.profile);
            let old = known.profile.contacts();
            decision
                .marks
                .extend(old.iter().map(|(kind, key)| mark(kind.as_str(), key)));
            decision.marks.push(mark("customer", &known.id.0.to_string()));
        }
        None if contacts.is_empty() => {
            let message = "expected an email address, a phone number or an external id";
            let header = mapping.header_of(&Column::Profile(Field::Email));
            decision.verdict = Verdict::Failed(vec![Problem::new(header, "", "no_contact", message)]);
            return decision;
        }
        None => decision.changed = row.fields.clone(),
    }
    let tags = known.as_ref().map_or(&[][..], |known| &known.tags);
    decision.new_tags = row
        .tags
        .iter()
        .filter(|tag| !tags.contains(&tag.key()))
        .cloned()
        .collect();
    let language = decision.profile.language.as_ref().map(Language::as_str);
    for (purpose, stated) in &row.consents {
        let now = known
            .as_ref()
            .and_then(|known| known.consents.get(purpose).copied());
        match consent::note(*purpose, now, stated, language) {
            Outcome::Nothing => {}
            Outcome::Note(noted) => decision.consents.push(noted),
            Outcome::Left => decision.leaves_consent = true,
        }
    }
    let has_card = known.as_ref().is_some_and(|known| known.has_card);
    let answers = known.as_ref().map_or(&[][..], |known| &known.answers);
    if context.kind.is_some() {
        let is_new = |answer: &&(FieldCode, FieldValue)| !answers.contains(answer);
        decision.new_answers = row.answers.iter().filter(is_new).cloned().collect();
        if !has_card {
            decision.new_card = Some(row.opening);
            decision.landing = Some(row.landing.clone()).filter(|landing| !landing.is_empty());
            let missing = |field: &&CustomField| {
                field.required && !row.answers.iter().any(|(code, _)| *code == field.code)
            };
            let problems: Vec<_> = context
                .fields
                .iter()
                .filter(missing)
                .map(|field| {
                    let column = Column::Custom(field.code.clone());
                    Problem::new(
                        mapping.header_of(&column),
                        "",
                        "required",
                        "expected a value, because a card is issued",
                    )
                })
                .collect();
            if !problems.is_empty() {
                decision.verdict = Verdict::Failed(problems);
                return decision;
            }
        }
    }
    if let Some(problem) = known
        .as_ref()
        .filter(|_| has_card)
        .and_then(|known| other_landing(row, mapping, known))
    {
        decision.verdict = Verdict::Failed(vec![problem]);
        return decision;
    }
    decision.keeps_balance = has_card
        && known
            .as_ref()
            .is_some_and(|known| differs(row.opening, known.balance));
    decision.verdict = if known.is_none() || decision.new_card.is_some() {
        Verdict::Created
    } else if !decision.changed.is_empty()
        || !decision.new_tags.is_empty()
        || !decision.new_answers.is_empty()
        || !decision.consents.is_empty()
    {
        Verdict::Updated
    } else {
        Verdict::Unchanged
    };
    let would_change = decision.verdict != Verdict::Unchanged;
    let earlier = decision
        .marks
        .iter()
        .flat_map(|mark| seen.iter().filter_map(|seen| seen.find(*mark)))
        .find(|touched| would_change || touched.changed);
    if let Some(touched) = earlier {
        let message = format!(
            "line {} is about the same person; put both into one row",
            touched.line
        );
        decision.verdict = Verdict::Failed(vec![Problem::new("", "", "repeated", message)]);
    }
    decision
}

/// Whom a row means. A serial number or an external id says it for sure; an address and a number must agree.
fn meant(
    row: &ImportRow,
    mapping: &Mapping,
    of_serial: Option<&Known>,
    owner: &impl Fn(ContactKind, &str) -> Option<Known>,
) -> Result<Option<Known>, Problem> {
    let owners: Vec<(ContactKind, String, Option<Known>)> = row
        .profile
        .contacts()
        .into_iter()
        .map(|(kind, key)| {
            let owner = owner(kind, &key);
            (kind, key, owner)
        })
        .collect();
    let by = |wanted| {
        owners
            .iter()
            .find(|(kind, ..)| *kind == wanted)
            .and_then(|(.., owner)| owner.clone())
    };
    let sure = of_serial.cloned().or_else(|| by(ContactKind::ExternalId));
    let likely = by(ContactKind::Email).or_else(|| by(ContactKind::Phone));
    let Some(known) = sure.clone().or(likely) else {
        return Ok(None);
    };
    let theirs = known.profile.contacts();
    for (kind, key, owner) in &owners {
        let own = theirs.iter().find(|(of, _)| of == kind).map(|(_, own)| own);
        let is_same = own == Some(key);
        let header = mapping.header_of(&column(*kind)).to_owned();
        if !is_same && owner.as_ref().is_some_and(|owner| owner.id != known.id) {
            let message = "this belongs to another customer than the rest of the row";
            return Err(Problem::new(&header, key, "belongs_to_another", message));
        }
        if sure.is_none() && !is_same && own.is_some() {
            let message = format!(
                "the customer whom this row means has another {kind} here; change it by hand, or tell the person by an external id",
                kind = kind.as_str()
            );
            return Err(Problem::new(&header, key, "contact_differs", message));
        }
    }
    Ok(Some(known))
}

fn column(kind: ContactKind) -> Column {
    Column::Profile(match kind {
        ContactKind::Email => Field::Email,
        ContactKind::ExternalId => Field::ExternalId,
        ContactKind::Phone => Field::Phone,
    })
}

/// What stands against a row that names a link by which no card of theirs came: where a card came from never changes.
fn other_landing(row: &ImportRow, mapping: &Mapping, known: &Known) -> Option<Problem> {
    let none = Utm::default();
    let came = if known.landings.is_empty() {
        std::slice::from_ref(&none)
    } else {
        known.landings.as_slice()
    };
    let mut differing = None;
    for landing in came {
        differing = Some(row.landing.differs(landing)?);
    }
    let word = differing?;
    let message = "the card is there and came another way, which stays as it is; leave this cell empty";
    let header = mapping.header_of(&Column::Landing(word)).to_owned();
    let said = row.landing.word(word).unwrap_or_default();
    Some(Problem::new(&header, said, "came_otherwise", message))
}

/// A profile with what a row says of it.
fn patched(profile: &Profile, row: &ImportRow) -> Profile {
    let mut patched = profile.clone();
    for field in &row.fields {
        match field {
            Field::FirstName => patched.first_name = row.profile.first_name.clone(),
            Field::LastName => patched.last_name = row.profile.last_name.clone(),
            Field::Email => patched.email = row.profile.email.clone(),
            Field::Phone => patched.phone = row.profile.phone.clone(),
            Field::ExternalId => patched.external_id = row.profile.external_id.clone(),
            Field::Birthday => patched.birthday = row.profile.birthday,
            Field::Language => patched.language = row.profile.language.clone(),
        }
    }
    patched
}

fn differs(row: Delta, balance: Delta) -> bool {
    let named = |row: i64, there: i64| row != 0 && row != there;
    named(row.punches, balance.punches)
        || named(row.points, balance.points)
        || named(row.spend, balance.spend)
}

/// FNV-1a: the same in every version of this program, because marks are kept while an import is unfinished. Two
/// contacts with one mark would fail a row that is sound; with a million contacts that happens once in a million files.
fn mark(kind: &str, key: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = kind.bytes().chain([0]).chain(key.bytes());
    bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}
