//! The reading machine against simulated cards, cards that leave, and arbitrary answers.

use super::*;
use crate::sim::tag::SimTag;
use proptest::prelude::*;

const UID: [u8; 7] = [0x04, 0xde, 0x5f, 0x1e, 0xac, 0xc0, 0x40];

fn read(tag: &mut SimTag, allow_uid: bool) -> (Outcome, usize) {
    let mut reading = Reading::new(tag.atr(), CardCommands::default(), allow_uid);
    let mut step = reading.start();
    let mut commands = 0;
    loop {
        match step {
            Step::Send(command) => {
                commands += 1;
                step = reading.answer(&tag.answer(&command));
            }
            Step::Done(outcome) => return (outcome, commands),
        }
    }
}

fn ndef(text: &str) -> Outcome {
    Outcome::Token(CaptureKind::Ndef, Token::parse(text).expect("a token"))
}

#[test]
fn both_types_of_tag_give_their_code() {
    let link = "https://cards.example/t/ABC123";
    assert_eq!(read(&mut SimTag::type2(UID, link), false).0, ndef("ABC123"));
    assert_eq!(read(&mut SimTag::type4(UID, link), false).0, ndef("ABC123"));
    assert_eq!(read(&mut SimTag::type4(UID, "PLAIN"), false).0, ndef("PLAIN"));
}

#[test]
fn a_long_message_is_read_in_pieces() {
    let link = format!("https://cards.example/{}/ABC123", "x".repeat(380));
    let (type2, commands) = read(&mut SimTag::type2(UID, &link), false);
    assert!(commands > 20);
    assert_eq!(type2, Outcome::Unreadable(TokenError::TooLong(link.len()).into()));
    let link = format!("https://cards.example/{}/ABC123", "x".repeat(200));
    assert_eq!(read(&mut SimTag::type2(UID, &link), false).0, ndef("ABC123"));
    let mut small = SimTag::type4(UID, &link).with_longest_read(16);
    assert_eq!(read(&mut small, false).0, ndef("ABC123"));
}

#[test]
fn a_reader_that_gives_one_page_at_a_time_will_do() {
    let mut tag = SimTag::type2(UID, "ABC123").with_longest_read(4);
    assert_eq!(read(&mut tag, false).0, ndef("ABC123"));
}

#[test]
fn a_bare_uid_counts_only_where_it_is_allowed() {
    let mut tag = SimTag::uid_only(UID);
    let refused = Outcome::Unreadable(Unreadable::UidNotAllowed);
    assert_eq!(read(&mut tag, false).0, refused);
    let token = Token::from_uid(&UID).expect("seven bytes");
    assert_eq!(read(&mut tag, true).0, Outcome::Token(CaptureKind::Uid, token));
    let mut phone = SimTag::phone([0x08, 1, 2, 3]);
    let random = Outcome::Unreadable(Unreadable::RandomUid);
    assert_eq!(read(&mut phone, true).0, random);
}

#[test]
fn a_card_torn_away_at_any_command_is_torn_and_nothing_else() {
    for tag in [
        SimTag::type2(UID, "https://a.example/ABC123"),
        SimTag::type4(UID, "ABC123"),
    ] {
        let (_, commands) = read(&mut tag.clone(), true);
        for after in 0..commands {
            let mut torn = tag.clone().torn_after(after);
            assert_eq!(read(&mut torn, true).0, Outcome::Torn, "after {after} commands");
        }
    }
}

proptest! {
    #[test]
    fn any_answers_end_the_conversation(
        atr in prop::sample::select(vec!["3b8f8001804f0ca0000003060300030000000068", "3b80800101", ""]),
        answers in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|mut data| { data.extend([0x90, 0x00]); data }),
            Just(hex::decode("000f20003b00340406e104ffff00ff9000").expect("hexadecimal")),
            Just(hex::decode("e1106d0003ff0400000000009000").expect("hexadecimal")),
            any::<u8>().prop_map(|length| vec![0x6c, length]),
        ], 1..20),
        allow_uid: bool,
    ) {
        let atr = hex::decode(atr).expect("hexadecimal");
        let mut reading = Reading::new(&atr, CardCommands::default(), allow_uid);
        let mut step = reading.start();
        let mut sent = 0;
        let mut answers = answers.iter().cycle();
        while let Step::Send(command) = step {
            sent += 1;
            prop_assert!(command.len() >= 4);
            prop_assert!(sent <= MOST_COMMANDS);
            step = reading.answer(answers.next().map_or(&[], Vec::as_slice));
        }
    }
}
