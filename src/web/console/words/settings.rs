//! Members, invitations, and one's own account.

use super::{Counted, Text, With, words};

words! {
    /// Members, invitations, and one's own account.
    Settings {
        title: Text = "Settings", "Einstellungen";
        members: Text = "Members", "Mitglieder";
        members_hint: Text = "Who signs in to this merchant's console, and what they may do.",
            "Wer sich in der Konsole dieses Betriebs anmeldet und was er darf.";
        name: Text = "Name", "Name";
        email: Text = "Email", "E-Mail";
        role: Text = "Role", "Rolle";
        you: Text = "you", "Sie";
        change: Text = "Change", "Ändern";
        remove: Text = "Remove…", "Entfernen …";
        remove_title: With = |name| format!("Remove {name}?"), |name| format!("{name} entfernen?");
        remove_text: Text =
            "They are signed out everywhere and can no longer sign in to this merchant. What they did stays under their name.",
            "Diese Person wird überall abgemeldet und kann sich bei diesem Betrieb nicht mehr anmelden. Was sie getan hat, bleibt unter ihrem Namen stehen.";
        remove_yes: Text = "Remove member", "Mitglied entfernen";
        invite: Text = "Invite a member", "Mitglied einladen";
        invite_button: Text = "Make a link", "Link erstellen";
        invite_hint: Text = "You get a link to pass on. It works once, for two days.",
            "Sie erhalten einen Link zum Weitergeben. Er gilt einmal und zwei Tage lang.";
        link_made: With = |email| format!("Give this link to {email}. It is shown only now."),
            |email| format!("Geben Sie {email} diesen Link. Er wird nur jetzt gezeigt.");
        open_links: Text = "Links not used yet", "Noch nicht benutzte Links";
        until: Text = "until", "bis";
        take_back: Text = "Take back", "Zurücknehmen";
        role_changed: Text = "Role changed.", "Rolle geändert.";
        removed: Text = "Member removed.", "Mitglied entfernt.";
        taken_back: Text = "Link taken back.", "Link zurückgenommen.";
        viewer_may: Text = "sees customers, cards and messages", "sieht Kunden, Karten und Nachrichten";
        editor_may: Text = "also changes cards and customers, sends messages, imports and exports",
            "ändert auch Karten und Kunden, sendet Nachrichten, importiert und exportiert";
        admin_may: Text = "also invites and removes members, erases people",
            "lädt auch Mitglieder ein, entfernt sie und löscht Personen";
        owner_may: Text = "also makes owners", "ernennt auch Inhaber";
        last_owner: Text = "This is the last owner. Make somebody else an owner first.",
            "Das ist der letzte Inhaber. Machen Sie erst jemand anderen zum Inhaber.";
        account: Text = "Your account", "Ihr Konto";
        save_name: Text = "Save name", "Namen speichern";
        name_saved: Text = "Name saved.", "Name gespeichert.";
        change_password: Text = "Change password", "Passwort ändern";
        old_password: Text = "Current password", "Bisheriges Passwort";
        new_password: Text = "New password", "Neues Passwort";
        password_changed: Text = "Password changed. Other browsers were signed out.",
            "Passwort geändert. Andere Browser wurden abgemeldet.";
        wrong_password: Text = "This is not your current password.", "Das ist nicht Ihr bisheriges Passwort.";
        second_factor: Text = "Second factor", "Zweiter Faktor";
        second_factor_off: Text =
            "Besides the password, ask for a code that an app on your phone makes. Off.",
            "Neben dem Passwort wird ein Code verlangt, den eine App auf Ihrem Handy erzeugt. Aus.";
        second_factor_on: Counted = |left| format!("On. {} left.", super::en_of(left, "recovery code is", "recovery codes are")),
            |left| format!("An. {} übrig.", super::de_of(left, "Ersatzcode ist", "Ersatzcodes sind"));
        second_factor_is_on: Text = "The second factor is on already. Turn it off with a code before you set up another one.",
            "Der zweite Faktor ist schon eingeschaltet. Schalten Sie ihn mit einem Code aus, bevor Sie einen neuen einrichten.";
        turn_on: Text = "Turn on", "Einschalten";
        turn_off: Text = "Turn off", "Ausschalten";
        scan: Text = "Scan this with your app, then type the code that it shows.",
            "Scannen Sie dies mit Ihrer App und geben Sie dann den Code ein, den sie zeigt.";
        or_type: Text = "Or type this into the app:", "Oder tippen Sie dies in die App:";
        qr: Text = "QR code for your app", "QR-Code für Ihre App";
        codes_title: Text = "Recovery codes", "Ersatzcodes";
        codes_text: Text =
            "Each lets you in once when your phone is not at hand. Keep them safe: they are shown only now.",
            "Jeder lässt Sie einmal hinein, wenn Ihr Handy nicht zur Hand ist. Bewahren Sie sie gut auf: Sie werden nur jetzt gezeigt.";
        codes_kept: Text = "I have kept them", "Ich habe sie aufbewahrt";
        turned_off: Text = "Second factor turned off.", "Zweiter Faktor ausgeschaltet.";
        sessions: Text = "Where you are signed in", "Wo Sie angemeldet sind";
        this_browser: Text = "This browser", "Dieser Browser";
        unknown_browser: Text = "A browser without a name", "Ein Browser ohne Namen";
        signed_in: Text = "signed in", "angemeldet";
        last_used: Text = "last used", "zuletzt benutzt";
        sign_out_one: Text = "Sign out", "Abmelden";
        sign_out_others: Text = "Sign out all others", "Alle anderen abmelden";
        signed_out: Text = "Signed out there.", "Dort abgemeldet.";
        merchants: Text = "Your merchants", "Ihre Betriebe";
        look_at: Text = "Look at", "Ansehen";
        now_at: Text = "you are here", "Sie sind hier";
    }
}
