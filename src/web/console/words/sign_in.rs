//! Signing in, the first owner, and following an invitation.

use super::{Text, With, words};

words! {
    /// Signing in, the first owner, and following an invitation.
    SignIn {
        title: Text = "Sign in", "Anmelden";
        subtitle: Text = "to your merchant's console", "in der Konsole Ihres Betriebs";
        email: Text = "Email", "E-Mail";
        password: Text = "Password", "Passwort";
        too_many: Text = "Too many tries. Wait half a minute, then try again.",
            "Zu viele Versuche. Warten Sie eine halbe Minute und versuchen Sie es dann noch einmal.";
        wrong: Text = "Email or password is not right.", "E-Mail oder Passwort stimmt nicht.";
        no_merchant: Text = "This account belongs to no merchant any more.",
            "Dieses Konto gehört zu keinem Betrieb mehr.";
        ended: Text = "Your session had ended, so nothing was done yet. What you typed is kept: sign in, and you are asked once more before it is sent.",
            "Ihre Sitzung war beendet, also geschah noch nichts. Ihre Eingaben sind aufgehoben: Melden Sie sich an, dann werden Sie noch einmal gefragt, bevor sie gesendet werden.";
        kept_title: Text = "Send what you typed?", "Ihre Eingaben senden?";
        kept_text: Text = "It was not sent when your session ended. Send it now, or leave it.",
            "Sie wurden beim Ende Ihrer Sitzung nicht gesendet. Senden Sie sie jetzt, oder lassen Sie es.";
        kept_send: Text = "Send it now", "Jetzt senden";
        kept_drop: Text = "Leave it", "Verwerfen";
        code_title: Text = "One more step", "Noch ein Schritt";
        code_subtitle: Text = "Type the six digits that your app shows, or a recovery code.",
            "Geben Sie die sechs Ziffern aus Ihrer App ein oder einen Ersatzcode.";
        code: Text = "Code", "Code";
        wrong_code: Text = "This code is not right, or was used before. A new one comes every 30 seconds.",
            "Dieser Code stimmt nicht oder wurde schon benutzt. Alle 30 Sekunden kommt ein neuer.";
        took_too_long: Text = "That took too long. Sign in again.", "Das hat zu lange gedauert. Melden Sie sich noch einmal an.";
        continue_on: Text = "Continue", "Weiter";
        first_title: Text = "Welcome to passgate", "Willkommen bei passgate";
        first_subtitle: Text =
            "Nobody can sign in yet. You become the owner of the first merchant.",
            "Noch kann sich niemand anmelden. Sie werden Inhaber des ersten Betriebs.";
        first_code: Text = "First-run code", "Einrichtungscode";
        first_code_hint: Text = "The operator of this gateway reads it with: passgate member first-code",
            "Der Betreiber dieses Gateways liest ihn mit: passgate member first-code";
        wrong_first_code: Text = "This is not the first-run code of this gateway.",
            "Das ist nicht der Einrichtungscode dieses Gateways.";
        business: Text = "Name of the business", "Name des Betriebs";
        zone: Text = "Time zone", "Zeitzone";
        wrong_zone: Text = "Expected a time zone such as Europe/Berlin.",
            "Erwartet wird eine Zeitzone wie Europe/Berlin.";
        your_name: Text = "Your name", "Ihr Name";
        password_hint: Text = "At least 10 characters.", "Mindestens 10 Zeichen.";
        create: Text = "Become the owner", "Inhaber werden";
        join_title: With = |merchant| format!("Join {merchant}"), |merchant| format!("Bei {merchant} mitmachen");
        join_as: fn(&str, &str) -> String = |email, role| format!("{email} becomes a member with the role {role}."),
            |email, role| format!("{email} wird Mitglied mit der Rolle {role}.");
        join_known: Text = "You have an account already. Its password lets you in.",
            "Sie haben schon ein Konto. Mit dessen Passwort kommen Sie hinein.";
        join: Text = "Join", "Mitmachen";
        gone_title: Text = "This link does not work any more", "Dieser Link gilt nicht mehr";
        gone: Text = "It was used, taken back, or is older than two days. Ask for a new one.",
            "Er wurde benutzt, zurückgenommen oder ist älter als zwei Tage. Bitten Sie um einen neuen.";
        bad_email: Text = "An email address has one @ with something on both sides.",
            "Eine E-Mail-Adresse hat ein @ mit etwas auf beiden Seiten.";
        bad_password: Text = "A password has 10 to 1024 characters.", "Ein Passwort hat 10 bis 1024 Zeichen.";
        bad_name: Text = "A name has 1 to 100 characters.", "Ein Name hat 1 bis 100 Zeichen.";
        email_taken: Text = "There is an account with this address already, and the password is not its own.",
            "Es gibt schon ein Konto mit dieser Adresse, und das Passwort gehört nicht dazu.";
    }
}
