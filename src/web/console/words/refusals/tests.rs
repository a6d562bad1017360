//! Every refusal has a German sentence of its own. That each variant has one at all is checked by the compiler.

use std::collections::BTreeSet;

use jiff::civil::{date, datetime};
use jiff::tz::TimeZone;

use super::*;
use crate::domain::access::MemberRefusal;
use crate::domain::bulk::{self, BulkError};
use crate::domain::code::{CodeError, CodeRefusal};
use crate::domain::consent::ConsentRefusal;
use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::domain::import::MappingError;
use crate::domain::invitation::InvitationRefusal;
use crate::domain::issue::IssueRefusal;
use crate::domain::member::Role;
use crate::domain::message::audience::AudienceRefusal;
use crate::domain::message::{Refusal as MessageRefusal, State, Step, WhenRefusal};
use crate::domain::profile::ContactKind;
use crate::domain::program::ProgramKind;
use crate::domain::referral::ReferralRefusal;
use crate::domain::segment::FIELDS;
use crate::domain::segment::answers::{AnswerKind, Incomparable};
use crate::domain::segment::saved::Refusal as SegmentRefusal;
use crate::domain::segment::{Expected, Got, Rule, RuleError};
use crate::domain::upload::UploadState;
use crate::domain::wording::WordingError;
use crate::ops::addresses::ListenError;
use crate::ops::balances::AdjustError;
use crate::ops::cards::CardError;
use crate::ops::codes::CodesError;
use crate::ops::consents::WishError;
use crate::ops::coupons::CouponError;
use crate::ops::customers::CustomerError;
use crate::ops::export::ExportError;
use crate::ops::import::ImportError;
use crate::ops::invitations::InviteError;
use crate::ops::jobs::JobError;
use crate::ops::messages::MessageError;
use crate::ops::referrals::ReferralError;
use crate::ops::segments::SegmentError;
use crate::ops::timeline::TimelineError;
use crate::ops::uploads::UploadError;
use crate::store::jobs::JobState;
use crate::web::console::words::filter;

/// Words that no German sentence has.
const ENGLISH: [&str; 20] = [
    "the", "and", "is", "are", "this", "with", "of", "for", "has", "have", "expected", "got", "card",
    "customer", "reward", "there", "to", "by", "it", "at",
];

fn differ(what: &str, said: impl Fn(Language) -> String) {
    let (english, german) = (said(Language::English), said(Language::German));
    assert!(!english.is_empty() && !german.is_empty(), "{what}");
    assert_ne!(english, german, "{what}");
    let words = german.split(|letter: char| !letter.is_alphabetic());
    let foreign: Vec<&str> = words.filter(|word| ENGLISH.contains(word)).collect();
    assert!(foreign.is_empty(), "{what}: {german}");
    let begins_well =
        german.starts_with("passgate ") || german.starts_with(|first: char| !first.is_lowercase());
    assert!(begins_well, "{what}: {german}");
}

fn refused(all: Vec<Refused>) {
    for one in all {
        differ(&format!("{one:?}"), |language| language.refused(&one));
    }
}

#[test]
fn what_a_member_may_not_do_and_what_no_form_sends() {
    refused(vec![
        Refused::Role {
            yours: Role::Viewer,
            needs: Role::Admin,
            merchant: "Kaffee".into(),
        },
        Refused::OtherSite,
        Refused::LongForm,
        Refused::Field {
            field: "role",
            expected: "viewer",
        },
        Refused::Member(MemberRefusal::LastOwner),
        Refused::Member(MemberRefusal::NotAllowed {
            yours: Role::Editor,
            needs: Role::Owner,
        }),
        Refused::Listen(ListenError::NoCard),
        Refused::Listen(ListenError::Ended),
    ]);
}

#[test]
fn refusals_of_messages() {
    let mut all = vec![
        MessageRefusal::AddressInText,
        MessageRefusal::Class,
        MessageRefusal::Audience(AudienceRefusal::Cards { got: 0 }),
        MessageRefusal::Audience(AudienceRefusal::Cards { got: 9999 }),
        MessageRefusal::Audience(AudienceRefusal::BuiltIn("x".into())),
        MessageRefusal::When(WhenRefusal::Past {
            got: datetime(2026, 1, 1, 0, 0, 0, 0),
        }),
        MessageRefusal::When(WhenRefusal::TooFar {
            got: datetime(2036, 1, 1, 0, 0, 0, 0),
        }),
        MessageRefusal::Stale { seen: 1, now: 2 },
        MessageRefusal::NoForecast,
        MessageRefusal::Unconfirmed { forecast: 4, got: 3 },
        MessageRefusal::Nobody,
    ];
    all.extend(
        crate::domain::link::Target::parse("http://x")
            .err()
            .map(Into::into),
    );
    for field in ["title", "text"] {
        all.push(MessageRefusal::Wording(WordingError {
            field,
            least: 1,
            most: 35,
            got: "99 characters".into(),
        }));
    }
    let german = crate::domain::profile::Language::parse("de").expect("a language");
    all.extend([
        MessageRefusal::Languages { got: 9 },
        MessageRefusal::LanguageTwice(german.clone()),
        MessageRefusal::In {
            language: german,
            why: Box::new(MessageRefusal::AddressInText),
        },
    ]);
    for step in Step::ALL {
        for state in State::ALL {
            all.extend(state.after(step).err().map(Into::into));
        }
    }
    let mut all: Vec<Refused> = all
        .into_iter()
        .map(|refusal| Refused::Message(refusal.into()))
        .collect();
    all.extend([
        Refused::Message(MessageError::NotFound),
        Refused::Message(MessageError::NoMerchant(MerchantId(1))),
        Refused::Message(MessageError::NoCard(CardId(1))),
        Refused::Message(MessageError::NoProgram),
        Refused::Message(MessageError::Segment(SegmentError::Refused(
            SegmentRefusal::NotFound,
        ))),
    ]);
    refused(all);
    for held in [
        "providers refused 20 of its copies",
        "providers do not take its copies; 20 are tried again",
        "providers refused 3 of its copies, and 20 are tried again",
        "there is no such segment",
    ] {
        differ(held, |language| language.held_because(held));
    }
}

#[test]
fn refusals_of_segments_and_rules() {
    let mut all = vec![
        SegmentError::NoMerchant(MerchantId(1)),
        SegmentError::Refused(SegmentRefusal::Name(0)),
        SegmentError::Refused(SegmentRefusal::NameTaken("x".into())),
        SegmentError::Refused(SegmentRefusal::NotFound),
        SegmentError::Refused(SegmentRefusal::NoRule),
        SegmentError::Refused(SegmentRefusal::NoList),
        SegmentError::Refused(SegmentRefusal::ListTooLong(1)),
        SegmentError::Refused(SegmentRefusal::Stale { seen: 1, now: 2 }),
        SegmentError::Refused(SegmentRefusal::InUse { what: "x".into() }),
    ];
    for kind in [AnswerKind::Text, AnswerKind::Number, AnswerKind::Day] {
        all.push(SegmentError::Incomparable(Incomparable {
            code: "size".into(),
            kind,
            got: "x".into(),
        }));
    }
    refused(all.into_iter().map(Refused::Segment).collect());
    let field = crate::domain::segment::Field::named("status").expect("a field");
    for expected in [
        Expected::Shorter,
        Expected::Shallower,
        Expected::End,
        Expected::Sign("."),
        Expected::CommaOrBracket,
        Expected::RuleOrField,
        Expected::Code,
        Expected::Operator(field),
        Expected::FirstOrLast,
        Expected::SameKind,
        Expected::InOrder,
        Expected::Number,
        Expected::Decimal,
        Expected::Day,
        Expected::NumberOrDay,
        Expected::MonthDay,
        Expected::Program,
        Expected::Word(field),
        Expected::Text,
        Expected::Span,
    ] {
        for got in [Got::Bytes(5000), Got::End, Got::Text("many".into())] {
            let error = RuleError { at: 3, expected, got };
            let german = Language::German.rule_error(&error);
            assert_ne!(german, error.to_string());
            assert!(german.starts_with("Zeichen 3: erwartet wird "), "{german}");
            assert!(!german.contains("expected"), "{german}");
        }
    }
    let wrong = Rule::parse("visits.over.many").expect_err("no number");
    assert_eq!(
        Language::German.rule_error(&wrong),
        "Zeichen 13: erwartet wird eine ganze Zahl; dort steht „many“"
    );
}

#[test]
fn refusals_of_cards_coupons_codes_and_jobs() {
    let field = |code: &'static str| FieldError::new("name", code, "text", "x");
    let used_at = date(2026, 3, 5)
        .at(9, 30, 0, 0)
        .to_zoned(TimeZone::UTC)
        .expect("a moment");
    refused(vec![
        Refused::Card(CardError::NotFound),
        Refused::Card(CardError::Issue(IssueRefusal::Archived)),
        Refused::Card(CardError::Issue(IssueRefusal::Ended {
            day: date(2026, 1, 1),
        })),
        Refused::Card(CardError::Stale),
        Refused::Card(CardError::Field(field("required"))),
        Refused::Card(CardError::AlreadyHolds(CardId(1))),
        Refused::Card(CardError::Raced),
        Refused::Adjust(AdjustError::NotFound),
        Refused::Adjust(AdjustError::Stale),
        Refused::Adjust(AdjustError::NoReason),
        Refused::Adjust(AdjustError::OtherCard),
        Refused::Codes(CodesError::Field {
            field: "count",
            expected: "1".into(),
            got: "0".into(),
        }),
        Refused::Codes(CodesError::NoProgram),
        Refused::Codes(CodesError::NoBatch),
        Refused::Codes(CodesError::AlreadyRevoked),
        Refused::Codes(CodesError::NoCard),
        Refused::Codes(CodesError::Typed(CodeError::Length(3))),
        Refused::Codes(CodesError::Typed(CodeError::Letter('U'))),
        Refused::Codes(CodesError::Typed(CodeError::Check)),
        Refused::Codes(CodesError::Refused(CodeRefusal::Unknown)),
        Refused::Codes(CodesError::Refused(CodeRefusal::Revoked)),
        Refused::Codes(CodesError::Refused(CodeRefusal::Expired)),
        Refused::Codes(CodesError::Refused(CodeRefusal::UsedUp {
            first_used_at: used_at.clone(),
        })),
        Refused::Codes(CodesError::Refused(CodeRefusal::UsedByCard { at: used_at })),
        Refused::Codes(CodesError::Refused(CodeRefusal::OtherProgram)),
        Refused::Job(JobError::NotFound),
        Refused::Job(JobError::Over(JobState::Done)),
        Refused::Job(JobError::Open(JobState::Paused)),
        Refused::Job(JobError::TakesBack),
        Refused::Job(JobError::Refused(BulkError::Amount { got: 0 })),
        Refused::Job(JobError::Refused(BulkError::Reason { got: 0 })),
        Refused::Job(JobError::Refused(BulkError::Cards { got: 0 })),
        Refused::Job(JobError::Refused(BulkError::Cards { got: 9999 })),
        Refused::Job(JobError::Refused(BulkError::Rule)),
    ]);
    let mut bulk = vec![
        bulk::Refusal::NoCard,
        bulk::Refusal::AlreadyVoid,
        bulk::Refusal::NotVoid,
        bulk::Refusal::CustomerErased,
    ];
    for got in [ProgramKind::Punch, ProgramKind::Points, ProgramKind::Coupon] {
        bulk.push(bulk::Refusal::Kind { what: "punches", got });
    }
    bulk.extend(adjust().into_iter().map(Into::into));
    bulk.extend(redeem().into_iter().map(Into::into));
    bulk.extend(reverse().into_iter().map(Into::into));
    for refusal in bulk {
        differ(&format!("{refusal:?}"), |language| {
            language.bulk_refusal(&refusal)
        });
        let (code, sentence) = (refusal.code(), refusal.to_string());
        let row = Language::German.job_row(code, &sentence);
        assert_ne!(row, sentence, "{code}");
        assert_ne!(row, Language::German.job_row("no such code", ""), "{code}");
        let numbers = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        if bulk::Refusal::read(code, &sentence).is_some() {
            assert_eq!(row, Language::German.bulk_refusal(&refusal), "{code}");
        }
        if matches!(code, "balance" | "points_spent" | "too_late") {
            assert!(
                !numbers(&row).is_empty() || numbers(&sentence).is_empty(),
                "{row}"
            );
        }
    }
    for refusal in lifecycle() {
        differ(&format!("{refusal:?}"), |language| {
            language.lifecycle_refusal(&refusal)
        });
    }
    for refusal in coupon() {
        differ(&format!("{refusal:?}"), |language| {
            language.coupon_error(&CouponError::Refused(refusal.clone()))
        });
    }
    for error in [CouponError::NotFound, CouponError::NoLocation] {
        differ(&format!("{error:?}"), |language| language.coupon_error(&error));
    }
}

fn adjust() -> Vec<AdjustRefusal> {
    vec![
        AdjustRefusal::CardVoid,
        AdjustRefusal::CardExpired,
        AdjustRefusal::NoBalance,
        AdjustRefusal::NotPunches,
        AdjustRefusal::BelowZero { to: -1 },
        AdjustRefusal::TooMuch { most: 1, amount: 2 },
        AdjustRefusal::NoChange,
        AdjustRefusal::Moved { from: 1, now: 2 },
        AdjustRefusal::NotEnoughPunches { has: 1, wanted: 2 },
        AdjustRefusal::Overdrawn {
            balance: 1,
            wanted: 2,
            least: 0,
        },
    ]
}

fn redeem() -> Vec<RedeemRefusal> {
    vec![
        RedeemRefusal::CardVoid,
        RedeemRefusal::CardExpired,
        RedeemRefusal::NoReward { punches: 1, goal: 9 },
        RedeemRefusal::WhichReward,
        RedeemRefusal::UnknownReward { code: "x".into() },
        RedeemRefusal::NotEnough {
            name: "Tasse".into(),
            price: 9,
            points: 1,
        },
    ]
}

fn reverse() -> Vec<ReverseRefusal> {
    vec![
        ReverseRefusal::NotReversible { kind: "x" },
        ReverseRefusal::AlreadyReversed,
        ReverseRefusal::TooLate { ago: 3 },
        ReverseRefusal::RewardRedeemed,
        ReverseRefusal::PointsSpent { given: 3, balance: 1 },
        ReverseRefusal::CouponRedeemed,
        ReverseRefusal::ConvertedCardUsed,
    ]
}

fn lifecycle() -> Vec<LifecycleRefusal> {
    vec![
        LifecycleRefusal::AlreadyVoid,
        LifecycleRefusal::NotVoid,
        LifecycleRefusal::CardVoid,
        LifecycleRefusal::CustomerErased,
        LifecycleRefusal::WouldEndNow,
        LifecycleRefusal::TooFar,
    ]
}

fn coupon() -> Vec<CouponRefusal> {
    let at = crate::domain::time::Timestamp(0);
    let mut all = vec![CouponRefusal::NotACoupon { got: "punch" }];
    all.extend(
        [
            Refusal::UnknownToken,
            Refusal::CardVoid,
            Refusal::CardExpired { at },
            Refusal::AlreadyRedeemed { at },
            Refusal::AmountRequired,
            Refusal::BeforeCard,
            Refusal::TooSoon {
                wait: std::time::Duration::from_secs(5),
            },
            Refusal::DailyLimit { limit: 1 },
            Refusal::CounterReused,
        ]
        .map(CouponRefusal::Card),
    );
    all
}

#[test]
fn refusals_about_people() {
    let kind = ContactKind::Email;
    refused(vec![
        Refused::Customer(CustomerError::NoMerchant),
        Refused::Customer(CustomerError::NotFound),
        Refused::Customer(CustomerError::NoProgram),
        Refused::Customer(CustomerError::Erased),
        Refused::Customer(CustomerError::Taken {
            kind,
            customer: CustomerId(1),
        }),
        Refused::Customer(CustomerError::NoField("size".into())),
        Refused::Customer(CustomerError::Raced),
        Refused::Customer(CustomerError::Card(CardError::Stale)),
        Refused::Invite(InviteError::NoCard),
        Refused::Invite(InviteError::TooMany(201)),
        Refused::Invite(InviteError::Refused(InvitationRefusal::NoAddress)),
        Refused::Invite(InviteError::Refused(InvitationRefusal::TooSoon { minutes: 5 })),
        Refused::Invite(InviteError::Refused(InvitationRefusal::CardEnded)),
        Refused::Invite(InviteError::Refused(InvitationRefusal::Address("x".into()))),
        Refused::Referral(ReferralError::NoCard),
        Refused::Referral(ReferralError::NoProgram),
        Refused::Referral(ReferralError::NotStaff { got: "holder" }),
        Refused::Wish(WishError::NotFound),
        Refused::Wish(WishError::Consent(ConsentRefusal::NotFromAPerson { got: "x" })),
        Refused::Wish(WishError::Consent(ConsentRefusal::Language("x".into()))),
    ]);
    refused(
        [
            ReferralRefusal::NoTerms,
            ReferralRefusal::UnknownLink,
            ReferralRefusal::OtherProgram,
            ReferralRefusal::SelfReferral,
            ReferralRefusal::ExistingCustomer,
            ReferralRefusal::SameDevice,
            ReferralRefusal::CardVoid,
            ReferralRefusal::AlreadyReferred,
        ]
        .map(|refusal| Refused::Referral(refusal.into()))
        .into(),
    );
}

#[test]
fn refusals_of_files_and_timelines() {
    let mapping = [
        MappingError::Empty,
        MappingError::TooMany(300),
        MappingError::Nothing,
        MappingError::Twice("a".into(), "b".into(), "email".into()),
        MappingError::NoColumn("a".into()),
        MappingError::NoMeaning {
            known: "x".into(),
            got: "y".into(),
        },
    ];
    let mut all: Vec<Refused> = mapping
        .map(|error| Refused::Upload(UploadError::Import(error.into())))
        .into();
    all.extend([
        Refused::Upload(UploadError::NotFound),
        Refused::Upload(UploadError::Moved(UploadState::Done)),
        Refused::Upload(UploadError::TooLarge),
        Refused::Upload(UploadError::TooMany),
        Refused::Upload(UploadError::Empty),
        Refused::Upload(UploadError::Import(ImportError::TooManyRows)),
        Refused::Upload(UploadError::Import(ImportError::FileChanged)),
        Refused::Upload(UploadError::Import(ImportError::Busy)),
        Refused::Upload(UploadError::Import(ImportError::LongRow { line: 3, most: 5 })),
        Refused::Upload(UploadError::Import(ImportError::Encoding {
            line: 3,
            byte: 5,
            got: "x",
        })),
        Refused::Export(ExportError::NoColumn {
            known: "x".into(),
            got: "y".into(),
        }),
        Refused::Timeline(TimelineError::NotFound),
        Refused::Timeline(TimelineError::Size { got: 9 }),
        Refused::Timeline(TimelineError::TooManyCards),
    ]);
    refused(all);
}

/// Literals that stand as argument number `place` of calls to `call`.
fn codes(source: &str, call: &str, place: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in source.split(call).skip(1) {
        let argument = rest.split(',').nth(place).unwrap_or_default().trim();
        let code = argument
            .strip_prefix('"')
            .and_then(|argument| argument.split('"').next());
        let is_code = |code: &&str| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        found.extend(code.filter(is_code).map(str::to_owned));
    }
    found
}

#[test]
fn every_code_of_a_field_or_a_row_is_said_in_german() {
    let sources = [
        include_str!("../../../../domain/profile.rs"),
        include_str!("../../../../domain/profile/birthday.rs"),
        include_str!("../../../../domain/profile/contact.rs"),
        include_str!("../../../../domain/custom_field.rs"),
        include_str!("../../../../domain/note.rs"),
        include_str!("../../../../domain/import/decide.rs"),
        include_str!("../../../../domain/import/row.rs"),
    ];
    let (mut fields, mut rows) = (BTreeSet::new(), BTreeSet::new());
    for source in sources {
        fields.append(&mut codes(source, "refuse(", 0));
        fields.append(&mut codes(source, "refused(", 0));
        fields.append(&mut codes(source, "FieldError::new(", 1));
        rows.append(&mut codes(source, "Problem::new(", 2));
    }
    assert!(fields.len() > 12 && rows.len() > 4, "{fields:?} {rows:?}");
    let unknown = Language::German.field_refusal(&FieldError::new("x", "no such code", "y", "z"));
    for code in &fields {
        let error = FieldError::new("x", leaked(code), "y", "z");
        let said = Language::German.field_refusal(&error);
        assert!(said != unknown, "{code}");
    }
    let problem = super::super::import::problem;
    for code in fields.iter().chain(&rows) {
        let said = problem(Language::German, code, "expected y");
        assert_ne!(
            said,
            problem(Language::German, "no such code", "expected y"),
            "{code}"
        );
    }
}

fn leaked(code: &str) -> &'static str {
    Box::leak(code.to_owned().into_boxed_str())
}

#[test]
fn every_field_and_word_of_rules_has_a_name() {
    let nameless = filter::field(Language::German, "no such field");
    for field in FIELDS {
        assert_ne!(
            filter::field(Language::German, field.name),
            nameless,
            "{}",
            field.name
        );
        for word in field.words() {
            assert!(filter::word(Language::German, word).is_some(), "{word}");
        }
    }
}
