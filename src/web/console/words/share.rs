//! Sharing a program: its join page, what the page asks, and what is printed.

use super::{Text, With, words};
use crate::domain::consent::Purpose;
use crate::domain::join::{Admission, Ask};

words! {
    /// Sharing a program.
    Share {
        title: Text = "Share a program", "Programm teilen";
        tool_text: Text = "Link, QR code and poster by which people join by themselves.",
            "Link, QR-Code und Plakat, über die man selbst mitmacht.";
        list_text: Text = "Every program has a page where people get their card by themselves.",
            "Jedes Programm hat eine Seite, auf der man sich die Karte selbst holt.";
        none: Text = "No program yet", "Noch kein Programm";
        none_text: Text = "Programs are added with `passgate program add`.", "Programme legt man mit `passgate program add` an.";
        open: Text = "Open to everybody", "Offen für alle";
        open_means: Text = "Whoever has the link gets a card.", "Wer den Link hat, bekommt eine Karte.";
        with_code: Text = "Only with a code", "Nur mit Code";
        with_code_means: Text = "Whoever has a code that gives a card gets one.", "Wer einen Code hat, der eine Karte gibt, bekommt eine.";
        closed: Text = "Closed", "Geschlossen";
        closed_means: Text = "Nobody can join; the page says so.", "Niemand kann mitmachen; die Seite sagt das.";
        archived: Text = "Archived", "Archiviert";
        archived_text: Text = "This program is archived: its cards go on, and its page lets nobody in.",
            "Dieses Programm ist archiviert: Seine Karten gelten weiter, seine Seite nimmt niemanden auf.";
        not_open: Text = "With this link alone nobody can join yet. Open the page below first.",
            "Mit dem Link allein kann noch niemand mitmachen. Öffnen Sie zuerst unten die Seite.";
        not_open_ask: Text = "With this link alone nobody can join yet. An editor can open the page.",
            "Mit dem Link allein kann noch niemand mitmachen. Ein Bearbeiter kann die Seite öffnen.";
        link: Text = "Link to join", "Link zum Mitmachen";
        code: Text = "QR code of the link", "QR-Code des Links";
        look: Text = "Look at the page", "Seite ansehen";
        as_svg: Text = "QR code as SVG", "QR-Code als SVG";
        as_png: Text = "QR code as PNG", "QR-Code als PNG";
        poster: Text = "Poster to print", "Plakat zum Drucken";
        campaign: Text = "Where people will find it", "Wo man ihn findet";
        campaign_text: Text = "Words that stay with every card that comes by this link, so that you see what brings people. Link, QR code and poster follow.",
            "Wörter, die jeder Karte bleiben, die über diesen Link kommt. So sehen Sie, was Kunden bringt. Link, QR-Code und Plakat richten sich danach.";
        utm_source: Text = "Source", "Quelle";
        utm_source_hint: Text = "Like flyer, window, instagram", "Etwa flyer, schaufenster, instagram";
        utm_medium: Text = "Medium", "Medium";
        utm_medium_hint: Text = "Like print, social, email", "Etwa print, social, email";
        utm_campaign: Text = "Campaign", "Kampagne";
        utm_content: Text = "Content", "Inhalt";
        utm_term: Text = "Term", "Begriff";
        apply: Text = "Apply to link and code", "Auf Link und Code anwenden";
        settings: Text = "The page", "Die Seite";
        who: Text = "Who gets in", "Wer aufgenommen wird";
        asks: Text = "What the page asks", "Was die Seite fragt";
        asks_hint: Text = "The program’s own fields are asked below these.", "Die eigenen Felder des Programms stehen darunter.";
        required: Text = "Required", "Pflicht";
        optional: Text = "Optional", "Freiwillig";
        not_asked: Text = "Not asked", "Nicht gefragt";
        came: Text = "Where people came from", "Woher die Kunden kamen";
        came_hint: Text = "Cards of the last twelve weeks by the source that their link named. Weeks begin on Monday.",
            "Karten der letzten zwölf Wochen nach der Quelle, die ihr Link nannte. Wochen beginnen am Montag.";
        came_nobody: Text = "Nobody has joined in the last twelve weeks.", "In den letzten zwölf Wochen hat niemand mitgemacht.";
        came_others: Text = "All other sources", "Alle anderen Quellen";
        came_unnamed: Text = "Without a source", "Ohne Quelle";
        came_by_week: Text = "From week to week", "Von Woche zu Woche";
        came_total: Text = "Cards", "Karten";
        came_numbers: Text = "All numbers", "Alle Zahlen";
        came_week: Text = "Week from", "Woche ab";
        consents: Text = "What people may agree to", "Wozu man zustimmen kann";
        consents_hint: Text = "Each is a box that nobody has ticked. Its words are kept as evidence.",
            "Jedes ist ein leeres Kästchen. Der Wortlaut wird als Nachweis aufbewahrt.";
        marketing: Text = "Offers and news", "Angebote und Neuigkeiten";
        profiling: Text = "Evaluation of purchases", "Auswertung der Einkäufe";
        personalised: Text = "Offers chosen by purchases", "Angebote nach Einkäufen";
        by_mail: Text = "Hand the card over by email only", "Karte nur per E-Mail aushändigen";
        by_mail_hint: Text = "Nobody gets a card for an address that is not theirs, and nobody learns whose address you know. The email must be required.",
            "Niemand bekommt eine Karte für eine fremde Adresse, und niemand erfährt, wessen Adresse Sie kennen. Die E-Mail muss Pflicht sein.";
        no_mail: Text = "Not possible now: this gateway sends no letters.", "Zurzeit nicht möglich: Dieses Gateway verschickt keine E-Mails.";
        privacy: Text = "Address of your privacy notice", "Adresse Ihrer Datenschutzhinweise";
        save: Text = "Save page", "Seite speichern";
        saved: Text = "Page saved.", "Seite gespeichert.";
        changed: Text = "Somebody changed this page meanwhile. Nothing was saved; your choice is still here. Look at what it says now, then save again.",
            "Jemand hat diese Seite inzwischen geändert. Nichts wurde gespeichert; Ihre Auswahl steht noch hier. Sehen Sie nach und speichern Sie erneut.";
        no_contact: Text = "Ask for the email or the phone number: without one nobody is found again.",
            "Fragen Sie nach E-Mail oder Telefonnummer: Sonst findet man niemanden wieder.";
        needs_email: Text = "Require the email, or hand the card over at once.", "Machen Sie die E-Mail zur Pflicht, oder händigen Sie die Karte sofort aus.";
        bad_privacy: Text = "An address begins with https:// and has at most 300 characters.",
            "Eine Adresse beginnt mit https:// und hat höchstens 300 Zeichen.";
        join_themselves: Text = "Or let people join by themselves", "Oder lassen Sie Kunden selbst mitmachen";

        // What is printed, each in its own language whatever the member's is.
        poster_call: Text = "Scan, and the card is on your phone.", "Scannen, und die Karte ist auf dem Handy.";
        poster_text: Text = "No app, no password.", "Ohne App, ohne Passwort.";
        poster_hint: Text = "One page of A4. Choose its language, then print it.", "Eine Seite A4. Wählen Sie die Sprache, dann drucken Sie.";
        poster_of: With = |program| format!("Poster: {program}"), |program| format!("Plakat: {program}");
    }
}

impl Share {
    pub fn admission(&self, admission: Admission) -> Text {
        match admission {
            Admission::Open => self.open,
            Admission::WithCode => self.with_code,
            Admission::Closed => self.closed,
        }
    }

    pub fn admission_means(&self, admission: Admission) -> Text {
        match admission {
            Admission::Open => self.open_means,
            Admission::WithCode => self.with_code_means,
            Admission::Closed => self.closed_means,
        }
    }

    pub fn ask(&self, ask: Ask) -> Text {
        match ask {
            Ask::Required => self.required,
            Ask::Optional => self.optional,
            Ask::No => self.not_asked,
        }
    }

    pub fn purpose(&self, purpose: Purpose) -> Text {
        match purpose {
            Purpose::Marketing => self.marketing,
            Purpose::Profiling => self.profiling,
            Purpose::Personalised => self.personalised,
        }
    }
}
