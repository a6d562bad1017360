//! Coupons, card states and erasing people from the command line.

use super::*;

const COUPON: &str = r#"{"scheme": {"kind": "coupon"}, "purchase": {"required": true}}"#;

/// A merchant with a coupon program, and a card of it: the arguments that name the card.
struct Coupon {
    folder: TempDir,
    merchant: String,
    program: String,
    card: String,
}

impl Coupon {
    fn issue() -> Self {
        let folder = fresh();
        let printed = done(folder.path(), &SETUP);
        let merchant = word(&printed, "merchant ");
        std::fs::write(folder.path().join("coupon.json"), COUPON).expect("a file");
        let add = [
            "program",
            "add",
            "--merchant",
            &merchant,
            "--name",
            "Welcome",
            "--rules",
            "coupon.json",
        ];
        let program = word(&done(folder.path(), &add), "program ");
        let issue = [
            "issue",
            "--merchant",
            &merchant,
            "--program",
            &program,
            "--name",
            "Ada Lovelace",
        ];
        let card = word(&done(folder.path(), &issue), "card ");
        Self {
            folder,
            merchant,
            program,
            card,
        }
    }

    fn arguments<'a>(&'a self, command: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
        let which = ["--merchant", &self.merchant, "--card", &self.card];
        [command, &which[..], rest].concat()
    }

    fn done(&self, command: &[&str], rest: &[&str]) -> String {
        done(self.folder.path(), &self.arguments(command, rest))
    }

    fn refused(&self, command: &[&str], rest: &[&str]) -> String {
        refused(self.folder.path(), &self.arguments(command, rest))
    }
}

#[test]
fn a_coupon_is_redeemed_once_with_what_was_paid() {
    let coupon = Coupon::issue();
    let redeem = ["card", "redeem"];
    assert!(coupon.refused(&redeem, &[]).contains("what was paid"));
    let absurd = coupon.refused(&redeem, &["--amount", "-3"]);
    assert!(absurd.contains("amount"), "{absurd}");
    let stranger = ["--amount", "12.50", "--by", "nobody@example.com"];
    assert!(coupon.refused(&redeem, &stranger).contains("--by"));
    let by = ["--amount", "12.50", "--by", "you@example.com"];
    assert!(coupon.done(&redeem, &by).contains("is redeemed"));
    let again = coupon.refused(&redeem, &by);
    assert!(
        again.contains("This coupon was already redeemed on") && again.contains("by Owner"),
        "{again}"
    );
    let convert = coupon.refused(&["card", "convert"], &[]);
    assert!(convert.contains("is not waiting"), "{convert}");
}

#[test]
fn a_card_ends_comes_back_and_expires() {
    let coupon = Coupon::issue();
    coupon.done(&["card", "void"], &[]);
    assert!(coupon.refused(&["card", "void"], &[]).contains("already ended"));
    let expire = ["card", "expire"];
    let next = ["--last-day", "2099-12-31"];
    assert!(coupon.refused(&expire, &next).contains("Restore it"));
    let restored = coupon.done(&["card", "restore"], &[]);
    assert!(restored.contains("is pending again"), "{restored}");
    assert!(coupon.done(&expire, &next).contains("1 January 2100, 00:00"));
    let past = ["--last-day", "2020-01-01"];
    assert!(coupon.refused(&expire, &past).contains("confirm"));
    coupon.done(&expire, &[&past[..], &["--yes"]].concat());
    let redeem = coupon.refused(&["card", "redeem"], &["--amount", "1"]);
    assert!(redeem.contains("expired"), "{redeem}");
    assert!(coupon.done(&expire, &["--never"]).contains("does not end"));
    coupon.done(&["card", "redeem"], &["--amount", "1"]);
}

#[test]
fn a_person_is_erased_for_good_or_kept_in_time() {
    let coupon = Coupon::issue();
    let erase = ["customer", "erase"];
    assert!(coupon.refused(&erase, &[]).contains("add --yes"));
    coupon.done(&erase, &["--yes"]);
    coupon.done(&["customer", "keep"], &[]);
    assert!(
        coupon
            .refused(&["customer", "keep"], &[])
            .contains("was not about")
    );
    coupon.done(&erase, &["--yes", "--now"]);
    let back = coupon.refused(&["card", "restore"], &[]);
    assert!(back.contains("cannot be brought back"), "{back}");
    assert!(coupon.refused(&erase, &["--yes"]).contains("erased already"));
    let listed = done(coupon.folder.path(), &["program", "list"]);
    assert!(
        listed.contains(&coupon.program) && listed.contains("coupon for Free coffee"),
        "{listed}"
    );
}
