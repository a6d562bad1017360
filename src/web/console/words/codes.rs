//! Batches of codes.

use jiff::Zoned;

use super::{Counted, Language, Text, With, words};
use crate::domain::code::{CodeError, CodeRefusal};

words! {
    /// Batches of codes.
    Codes {
        title: Text = "Codes", "Codes";
        new: Text = "New batch", "Neue Serie";
        none: Text = "No codes yet", "Noch keine Codes";
        none_text: Text = "Make a batch of codes, print them and hand them out.",
            "Erstellen Sie eine Serie von Codes, drucken und verteilen Sie sie.";
        label: Text = "Name of the batch", "Name der Serie";
        label_hint: Text = "Only staff see it.", "Nur das Personal sieht ihn.";
        gives: Text = "What a code gives", "Was ein Code gibt";
        gives_join: Text = "A card of the program", "Eine Karte des Programms";
        gives_earn: Text = "Punches or points on a card of the program", "Stempel oder Punkte auf eine Karte des Programms";
        amount: Text = "How many", "Wie viele";
        count: Text = "Codes", "Codes";
        count_hint: Text = "At most 100,000.", "Höchstens 100.000.";
        max_uses: Text = "Uses of each code", "Verwendungen je Code";
        expires: Text = "Last day", "Letzter Tag";
        expires_hint: Text = "Leave empty for codes without an end.", "Leer lassen für Codes ohne Ende.";
        make: Text = "Make codes", "Codes erstellen";
        of_codes: Counted = |count| if count == 1 { "1 code".into() } else { format!("{count} codes", count = super::en(count)) },
            |count| if count == 1 { "1 Code".into() } else { format!("{count} Codes", count = super::de(count)) };
        a_card: Text = "a card", "eine Karte";
        on_a_card: Counted = |amount| format!("{amount} on a card", amount = super::en(amount)), |amount| format!("{amount} auf eine Karte", amount = super::de(amount));
        uses_each: Counted = |uses| if uses == 1 { "1 use each".into() } else { format!("{uses} uses each", uses = super::en(uses)) },
            |uses| if uses == 1 { "je 1 Verwendung".into() } else { format!("je {uses} Verwendungen", uses = super::de(uses)) };
        being_made: fn(i64, i64) -> String = |made, wanted| format!("{made} of {wanted} made", made = super::en(made), wanted = super::en(wanted)), |made, wanted| format!("{made} von {wanted} erstellt", made = super::de(made), wanted = super::de(wanted));
        valid: Text = "Valid", "Gültig";
        expired: Text = "Expired", "Abgelaufen";
        revoked: Text = "Withdrawn", "Zurückgezogen";
        until: Text = "until", "bis";
        made_at: Text = "made", "erstellt";
        code: Text = "Code", "Code";
        used: Text = "Used", "Verwendet";
        first_used: Text = "First used", "Zuerst verwendet";
        times: fn(i64, i64) -> String = |uses, most| format!("{uses} of {most}", uses = super::en(uses), most = super::en(most)), |uses, most| format!("{uses} von {most}", uses = super::de(uses), most = super::de(most));
        csv: Text = "Download as CSV", "Als CSV herunterladen";
        sheet: Text = "Sheet to print", "Druckbogen";
        sheet_hint: Text = "200 codes to a sheet. Print it, then cut along the lines.",
            "200 Codes je Bogen. Drucken und an den Linien schneiden.";
        revoke: Text = "Withdraw…", "Zurückziehen …";
        revoke_title: With = |label| format!("Withdraw “{label}”?"), |label| format!("„{label}“ zurückziehen?");
        revoke_text: Counted =
            |count| match count {
                1 => "Its one code gives nothing any more, on paper either. This cannot be undone. What was given stays.".into(),
                count => format!("None of its {} codes gives anything any more, on paper either. This cannot be undone. What was given stays.", super::en(count)),
            },
            |count| match count {
                1 => "Ihr einziger Code gibt nichts mehr, auch nicht auf Papier. Das lässt sich nicht rückgängig machen. Was gegeben wurde, bleibt.".into(),
                count => format!("Keiner der {} Codes gibt mehr etwas, auch nicht auf Papier. Das lässt sich nicht rückgängig machen. Was gegeben wurde, bleibt.", super::de(count)),
            };
        revoke_yes: Text = "Withdraw codes", "Codes zurückziehen";
        done_made: Text = "Batch made.", "Serie erstellt.";
        done_revoked: Text = "Codes withdrawn.", "Codes zurückgezogen.";
        revoked_before: Text = "This batch was withdrawn before.", "Diese Serie wurde schon zurückgezogen.";
        use_code: Text = "Use a code", "Code verwenden";
        use_text: Text = "For a customer who hands over a code that gives punches or points.",
            "Für Kunden, die einen Code für Stempel oder Punkte vorlegen.";
        card: Text = "Card", "Karte";
        card_hint: Text = "Its serial number, or the number in its address.", "Ihre Seriennummer oder die Nummer in ihrer Adresse.";
        no_card: Text = "There is no such card.", "Diese Karte gibt es nicht.";
        use_yes: Text = "Use code", "Code verwenden";
        done_used: Text = "Code used.", "Code verwendet.";
        range: fn(i64, i64) -> String = |least, most| format!("A whole number from {least} to {most}.", least = super::en(least), most = super::en(most)), |least, most| format!("Eine ganze Zahl von {least} bis {most}.", least = super::de(least), most = super::de(most));
        bad_label: Text = "1 to 80 printable characters.", "1 bis 80 druckbare Zeichen.";
        bad_day: Text = "A day to come, such as 2027-01-31.", "Ein künftiger Tag, etwa 2027-01-31.";
        length: Counted = |got| format!("A code has 12 characters besides dashes and spaces; these are {got}.", got = super::en(got)),
            |got| format!("Ein Code hat 12 Zeichen außer Strichen und Leerzeichen; das sind {got}.", got = super::de(got));
        letter: With = |letter| format!("A code has digits and letters without U; this has “{letter}”."),
            |letter| format!("Ein Code hat Ziffern und Buchstaben außer U; hier steht „{letter}“.");
        check: Text = "This is not one of our codes: one of its characters is wrong. Look at it again.",
            "Das ist keiner unserer Codes: Ein Zeichen stimmt nicht. Sehen Sie noch einmal hin.";
        unknown: Text = "This is not one of our codes.", "Das ist keiner unserer Codes.";
        is_revoked: Text = "This code was withdrawn.", "Dieser Code wurde zurückgezogen.";
        is_expired: Text = "This code has expired.", "Dieser Code ist abgelaufen.";
        used_up: fn(&Zoned) -> String = |at| format!("This code was already used, first on {}.", at.strftime("%-d %B %Y at %H:%M")),
            |at| format!("Dieser Code wurde schon verwendet, zuerst am {} um {}.", Language::German.date(at.date(), false), at.strftime("%H:%M"));
        used_by_card: fn(&Zoned) -> String = |at| format!("This code was already used for this card, on {}.", at.strftime("%-d %B %Y at %H:%M")),
            |at| format!("Dieser Code wurde für diese Karte schon verwendet, am {} um {}.", Language::German.date(at.date(), false), at.strftime("%H:%M"));
        other_program: Text = "This code is for another program, or gives a card and no punches or points.",
            "Dieser Code gehört zu einem anderen Programm oder gibt eine Karte statt Stempeln oder Punkten.";
    }
}

impl Codes {
    pub fn typed(&self, error: &CodeError) -> String {
        match error {
            CodeError::Length(got) => (self.length)(i64::try_from(*got).unwrap_or(i64::MAX)),
            CodeError::Letter(letter) => (self.letter)(&letter.to_string()),
            CodeError::Check => self.check.to_owned(),
        }
    }

    pub fn refusal(&self, refusal: &CodeRefusal) -> String {
        match refusal {
            CodeRefusal::Unknown => self.unknown.to_owned(),
            CodeRefusal::Revoked => self.is_revoked.to_owned(),
            CodeRefusal::Expired => self.is_expired.to_owned(),
            CodeRefusal::UsedUp { first_used_at } => (self.used_up)(first_used_at),
            CodeRefusal::UsedByCard { at } => (self.used_by_card)(at),
            CodeRefusal::OtherProgram => self.other_program.to_owned(),
        }
    }
}
