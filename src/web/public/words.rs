//! What pages for customers say, in the languages of the console.

use crate::domain::face::CardFace;
use crate::domain::profile::{Field, FieldError};
use crate::domain::program::{ProgramKind, Rules, Scheme};
use crate::web::console::words::{Counted, Language, Text, With, words};

words! {
    /// Pages for customers.
    Public {
        // The card's page.
        add_apple: Text = "Add to Apple Wallet", "Zu Apple Wallet hinzufügen";
        add_google: Text = "Add to Google Wallet", "Zu Google Wallet hinzufügen";
        go_on_google: Text = "Continue to Google Wallet", "Weiter zu Google Wallet";
        keep_address: Text = "Keep this address to yourself: whoever has it can add your card.",
            "Geben Sie diese Adresse nicht weiter: Wer sie hat, kann Ihre Karte hinzufügen.";
        joined: Text = "Welcome! Your card is ready. Add it to your phone now, or keep this page.",
            "Willkommen! Ihre Karte ist da. Fügen Sie sie jetzt Ihrem Handy hinzu, oder behalten Sie diese Seite.";
        code_of_card: Text = "QR code of your card", "QR-Code Ihrer Karte";
        show_code: Text = "Show this code at the till. This page is your card, too: bookmark it or add it to your home screen.",
            "Zeigen Sie diesen Code an der Kasse. Auch diese Seite ist Ihre Karte: Setzen Sie ein Lesezeichen, oder legen Sie sie auf den Startbildschirm.";
        have_code: Text = "I have a code", "Ich habe einen Code";
        code: Text = "Code", "Code";
        code_hint: Text = "12 characters, as printed. Dashes do not matter.", "12 Zeichen, wie gedruckt. Striche sind egal.";
        use_code: Text = "Use code", "Code einlösen";
        code_used: Text = "Your code has been added to your card.", "Ihr Code wurde Ihrer Karte gutgeschrieben.";
        code_not_now: Text = "This card cannot take anything any more, so the code was not used.",
            "Diese Karte nimmt nichts mehr an; der Code wurde nicht verwendet.";
        too_many_codes: Text = "Many codes were tried from here just now. Please wait a minute and try once more.",
            "Von hier aus wurden gerade sehr viele Codes ausprobiert. Bitte warten Sie eine Minute und versuchen Sie es noch einmal.";
        bring: Text = "Bring a friend", "Freunde einladen";
        bring_text: Text = "Whoever joins by your link starts with a bonus, and you get one, too.",
            "Wer über Ihren Link mitmacht, beginnt mit einem Bonus, und auch Sie bekommen einen.";
        bring_plain: Text = "Give this link to whoever might like to join.", "Geben Sie diesen Link weiter, an wen Sie möchten.";
        get_link: Text = "Get my link", "Meinen Link holen";
        your_link: Text = "Your link for friends", "Ihr Link für Freunde";
        share: Text = "Share link", "Link teilen";
        copy: Text = "Copy link", "Link kopieren";
        copied: Text = "Copied.", "Kopiert.";
        notify_on: Text = "Tell me when my card changes", "Sagen Sie mir, wenn sich meine Karte ändert";
        notify_off: Text = "Do not tell me any more", "Sagen Sie mir nichts mehr";
        notify_home: Text = "To be told when your card changes, add this page to your home screen and open it there.",
            "Um von Änderungen zu erfahren, legen Sie diese Seite auf den Startbildschirm und öffnen Sie sie dort.";
        notify_forbidden: Text = "Your browser does not let this page notify you. You can change that in its settings.",
            "Ihr Browser erlaubt dieser Seite keine Mitteilungen. Das lässt sich in seinen Einstellungen ändern.";
        notify_told: Text = "You will be told when your card changes.", "Sie erfahren, wenn sich Ihre Karte ändert.";
        notify_quiet: Text = "You will no longer be told.", "Sie erfahren nichts mehr.";
        notify_failed: Text = "That did not work. Please try again later.", "Das hat nicht geklappt. Bitte versuchen Sie es später noch einmal.";

        // Joining.
        join_at: fn(&str, &str) -> String = |program, merchant| format!("{program} at {merchant}"), |program, merchant| format!("{program} bei {merchant}");
        get_card: Text = "Get my card", "Karte holen";
        no_app: Text = "No app to install, no password.", "Ohne App und ohne Passwort.";
        gives_punch: fn(i64, &str) -> String = |goal, reward| format!("Collect {goal} stamps and get: {reward}"),
            |goal, reward| format!("Sammeln Sie {goal} Stempel und erhalten Sie: {reward}");
        gives_points: Text = "Collect points and exchange them:", "Sammeln Sie Punkte und tauschen Sie sie ein:";
        gives_points_for: With = |reward| format!("Collect points for: {reward}"), |reward| format!("Sammeln Sie Punkte für: {reward}");
        gives_coupon: With = |reward| format!("Your coupon: {reward}"), |reward| format!("Ihr Gutschein: {reward}");
        points: Counted = |count| if count == 1 { "1 point".into() } else { format!("{count} points") },
            |count| if count == 1 { "1 Punkt".into() } else { format!("{count} Punkte") };
        welcome_punches: Counted = |count| if count == 1 { "1 stamp is yours from the start.".into() } else { format!("{count} stamps are yours from the start.") },
            |count| if count == 1 { "1 Stempel ist von Anfang an dabei.".into() } else { format!("{count} Stempel sind von Anfang an dabei.") };
        welcome_points: Counted = |count| if count == 1 { "1 point is yours from the start.".into() } else { format!("{count} points are yours from the start.") },
            |count| if count == 1 { "1 Punkt ist von Anfang an dabei.".into() } else { format!("{count} Punkte sind von Anfang an dabei.") };
        invited: Text = "A friend sent you here: you both get a bonus.", "Jemand hat Sie hierher eingeladen: Sie bekommen beide einen Bonus.";
        first_name: Text = "First name", "Vorname";
        last_name: Text = "Last name", "Nachname";
        email: Text = "Email", "E-Mail";
        phone: Text = "Mobile phone", "Handynummer";
        birthday: Text = "Birthday", "Geburtstag";
        optional: Text = "(optional)", "(freiwillig)";
        one_of_both: Text = "Give your email or your phone number, so that your card can be found again.",
            "Geben Sie E-Mail oder Handynummer an, damit Ihre Karte wiedergefunden wird.";
        choose: Text = "Choose…", "Bitte wählen …";
        agree: Text = "If you like", "Wenn Sie möchten";
        agree_hint: Text = "Your card works without any of these.", "Ihre Karte funktioniert auch ohne.";
        agree_marketing: With = |merchant| format!("{merchant} may tell me about offers and news. I can take this back at any time."),
            |merchant| format!("{merchant} darf mich über Angebote und Neuigkeiten informieren. Ich kann das jederzeit widerrufen.");
        agree_profiling: With = |merchant| format!("{merchant} may evaluate what I buy and how often I come. I can take this back at any time."),
            |merchant| format!("{merchant} darf auswerten, was ich kaufe und wie oft ich komme. Ich kann das jederzeit widerrufen.");
        agree_personalised: With = |merchant| format!("{merchant} may choose offers for me by what I buy. I can take this back at any time."),
            |merchant| format!("{merchant} darf Angebote danach auswählen, was ich kaufe. Ich kann das jederzeit widerrufen.");
        data: With = |merchant| format!("{merchant} uses what you give here to keep your card."),
            |merchant| format!("{merchant} verwendet Ihre Angaben, um Ihre Karte zu führen.");
        privacy: Text = "Privacy notice", "Datenschutzhinweise";
        responsible: Text = "Responsible for your data:", "Verantwortlich für Ihre Daten:";
        needs_code: Text = "This program is joined with a code.", "Bei diesem Programm machen Sie mit einem Code mit.";
        not_taken: Text = "That did not work yet. Please look at what is marked.", "Das hat noch nicht geklappt. Bitte sehen Sie sich die markierten Angaben an.";
        no_reach: Text = "Please give an email address or a phone number.", "Bitte geben Sie eine E-Mail-Adresse oder eine Telefonnummer an.";
        bad_email: Text = "An email address looks like name@example.com.", "Eine E-Mail-Adresse sieht aus wie name@beispiel.de.";
        bad_phone: Text = "This is not a phone number that can be reached. Please write it with its area or country code.",
            "Das ist keine erreichbare Telefonnummer. Bitte schreiben Sie sie mit Vorwahl.";
        bad_birthday: Text = "Please give a day that has been, like 1990-05-17.", "Bitte geben Sie einen Tag an, den es gab, etwa 1990-05-17.";
        open_too_long: Text = "This page was open for a long time. Everything is still here: please send it once more.",
            "Diese Seite war lange offen. Alles ist noch da: Bitte senden Sie es noch einmal ab.";
        too_many: Text = "Many people are joining from here just now. Please wait a minute and send it once more.",
            "Gerade machen von hier aus sehr viele mit. Bitte warten Sie eine Minute und senden Sie es noch einmal ab.";
        busy: Text = "That did not work at this moment. Please send it once more.", "Das hat gerade nicht geklappt. Bitte senden Sie es noch einmal ab.";
        look_title: Text = "Please look into your mailbox", "Bitte sehen Sie in Ihr Postfach";
        look_text: Text = "The link to your card goes to your email address. If your email or phone number was known here before, it goes to the address that was known.",
            "Der Link zu Ihrer Karte geht an Ihre E-Mail-Adresse. Waren Ihre E-Mail oder Telefonnummer hier schon bekannt, geht er an die Adresse, die bekannt war.";
        known_title: Text = "You may have a card already", "Vielleicht haben Sie schon eine Karte";
        known_text: Text = "This email address or phone number is known here. A card is shown only to its holder: if we know an email address, its link goes there, at most once a day.",
            "Diese E-Mail-Adresse oder Telefonnummer ist hier schon bekannt. Eine Karte zeigen wir nur, wem sie gehört: Kennen wir eine E-Mail-Adresse, geht der Link dorthin, höchstens einmal am Tag.";
        known_no_mail: Text = "This email address or phone number is known here. A card is shown only to its holder.",
            "Diese E-Mail-Adresse oder Telefonnummer ist hier schon bekannt. Eine Karte zeigen wir nur, wem sie gehört.";
        ask_staff: Text = "If nothing arrives, please ask at the till: staff can give you your card at once.",
            "Kommt nichts an, fragen Sie bitte an der Kasse: Dort bekommen Sie Ihre Karte sofort.";
        ask_staff_now: Text = "Please ask at the till: staff can give you your card at once.",
            "Bitte fragen Sie an der Kasse: Dort bekommen Sie Ihre Karte sofort.";
        closed_title: Text = "No new cards at the moment", "Zurzeit keine neuen Karten";
        closed_text: Text = "This program takes no new members at the moment. If you have a card, it goes on as before.",
            "Dieses Programm nimmt zurzeit niemanden auf. Wenn Sie schon eine Karte haben, gilt sie weiter.";
        unknown_title: Text = "There is nothing here", "Hier gibt es nichts";
        unknown_text: Text = "Nobody can join at this address. Please look at the link again, or ask whoever gave it to you.",
            "Unter dieser Adresse kann man nicht mitmachen. Bitte prüfen Sie den Link, oder fragen Sie, wer ihn Ihnen gab.";
        failed_title: Text = "That did not work", "Das hat nicht geklappt";
        failed_text: Text = "Nothing was sent. Please go back and try once more.", "Es wurde nichts gesendet. Bitte gehen Sie zurück und versuchen Sie es noch einmal.";
        too_long: Text = "What was sent is too long, so nothing was done. Please go back and shorten it.",
            "Das war zu viel auf einmal, es ist nichts geschehen. Bitte gehen Sie zurück und kürzen Sie es.";
        later: Text = "Nobody answers at this moment. Please try again in a minute.", "Gerade antwortet niemand. Bitte versuchen Sie es in einer Minute noch einmal.";
    }
}

impl Public {
    pub fn of(language: Language) -> &'static Self {
        static IN_ENGLISH: Public = ENGLISH;
        static IN_GERMAN: Public = GERMAN;
        match language {
            Language::English => &IN_ENGLISH,
            Language::German => &IN_GERMAN,
        }
    }

    pub fn field(&self, field: Field) -> Text {
        match field {
            Field::FirstName => self.first_name,
            Field::LastName => self.last_name,
            Field::Phone => self.phone,
            Field::Birthday => self.birthday,
            Field::Email | Field::ExternalId | Field::Language => self.email,
        }
    }

    /// Why what was typed into a field is not taken.
    pub fn field_refusal(&self, language: Language, error: &FieldError) -> String {
        match (error.field.as_ref(), error.code) {
            (_, "no_reach" | "no_contact") => self.no_reach.to_owned(),
            (_, "required") => language.field_refusal(error),
            ("email", _) => self.bad_email.to_owned(),
            ("phone", _) => self.bad_phone.to_owned(),
            ("birthday", _) => self.bad_birthday.to_owned(),
            _ => language.field_refusal(error),
        }
    }

    /// What a card of these rules gives, in one sentence.
    pub fn promise(&self, rules: &Rules, reward: &str) -> String {
        match &rules.scheme {
            Scheme::Punch(punch) => (self.gives_punch)(punch.goal, reward),
            Scheme::Points(points) if points.rewards.is_empty() => (self.gives_points_for)(reward),
            Scheme::Points(_) => self.gives_points.to_owned(),
            Scheme::Coupon(_) => (self.gives_coupon)(reward),
        }
    }

    /// What a card has from its first moment, where it has something.
    pub fn welcome(&self, rules: &Rules) -> Option<String> {
        match (rules.kind(), rules.welcome) {
            (ProgramKind::Coupon, _) | (_, ..=0) => None,
            (ProgramKind::Punch, count) => Some((self.welcome_punches)(count)),
            (ProgramKind::Points, count) => Some((self.welcome_points)(count)),
        }
    }
}

impl Language {
    /// The balance of a card. In English the card says it itself.
    pub fn balance(self, face: &CardFace) -> String {
        if self == Self::English {
            return face.balance();
        }
        match face.kind {
            ProgramKind::Points if face.points == 1 => "1 Punkt".into(),
            ProgramKind::Points => format!("{} Punkte", face.points),
            ProgramKind::Coupon if face.redeemed => "eingelöst".into(),
            ProgramKind::Coupon => "einmal gültig".into(),
            ProgramKind::Punch => format!("{} von {}", face.punches, face.goal),
        }
    }

    /// What the holder can do now.
    pub fn status_line(self, face: &CardFace) -> String {
        if self == Self::English {
            return face.status_line();
        }
        let reward = &face.reward_name;
        if face.void {
            return "Diese Karte ist beendet".into();
        }
        if face.redeemed {
            return format!("Eingelöst: {reward}");
        }
        if face.expired() {
            return "Diese Karte ist abgelaufen".into();
        }
        let missing = face.remaining();
        match face.kind {
            ProgramKind::Coupon => format!("Bereit: {reward}"),
            ProgramKind::Points => match (&face.prices.covered, &face.prices.next) {
                (Some(covered), _) => format!("Bereit: {}", covered.name),
                (None, Some(next)) => format!("Noch {missing} bis: {}", next.name),
                (None, None) => reward.clone(),
            },
            ProgramKind::Punch => match face.rewards {
                0 => format!("Noch {missing} bis: {reward}"),
                1 => format!("Bereit: {reward}"),
                rewards => format!("Bereit: {rewards} × {reward}"),
            },
        }
    }
}
