//! What can be done with a card, one form each.

use super::{Counted, Text, With, words};

words! {
    /// What can be done with a card.
    Acts {
        done_redeemed: Text = "Reward redeemed.", "Prämie eingelöst.";
        done_reversed: Text = "Taken back.", "Zurückgenommen.";
        done_ended: Text = "Card ended.", "Karte beendet.";
        done_restored: Text = "Card restored.", "Karte wiederhergestellt.";
        done_adjusted: Text = "Balance changed.", "Stand geändert.";
        done_expiry: Text = "Expiration changed.", "Ablauf geändert.";
        done_named: Text = "Name updated on the card.", "Name auf der Karte aktualisiert.";
        done_sent: Text = "The card is on its way.", "Die Karte ist unterwegs.";
        done_message: Text = "Message scheduled.", "Nachricht eingeplant.";
        done_referral: Text = "Referral link made.", "Empfehlungslink erstellt.";
        redeem: Text = "Redeem reward", "Prämie einlösen";
        redeem_coupon: Text = "Redeem coupon", "Coupon einlösen";
        redeem_points: Text = "Exchange points", "Punkte einlösen";
        which_reward: Text = "Reward", "Prämie";
        costs: fn(&str, &str) -> String = |name, points| format!("{name}: {points}"), |name, points| format!("{name}: {points}");
        not_covered: Text = "not covered yet", "noch nicht gedeckt";
        purchase: With = |currency| format!("Purchase amount in {currency}"), |currency| format!("Kaufbetrag in {currency}");
        amount_optional: Text = "May be left out; it is then unknown, not zero.", "Darf leer bleiben; er ist dann unbekannt, nicht null.";
        amount_required: Text = "This program asks for the amount.", "Dieses Programm verlangt den Betrag.";
        amount_wrong: With = |example| format!("Write an amount like {example}."), |example| format!("Schreiben Sie einen Betrag wie {example}.");
        apply: Text = "Apply", "Anwenden";
        redeem_text: With = |reward| format!("{reward} will be handed out. The phone shows it at once."),
            |reward| format!("{reward} wird ausgegeben. Das Handy zeigt es sofort.");
        take_back_punch: Text = "Take back last punch", "Letzten Stempel zurücknehmen";
        take_back_redemption: Text = "Take back redemption", "Einlösung zurücknehmen";
        take_back_change: Text = "Take back last change", "Letzte Änderung zurücknehmen";
        end: Text = "End card…", "Karte beenden …";
        end_title: With = |name| format!("End {name}’s card?"), |name| format!("Karte von {name} beenden?");
        end_text: Text = "It can no longer be punched or redeemed, and pushes stop. It is not removed from the phone: there it stays, \
             marked as ended. The balance and history stay here, and you can restore it later.",
            "Sie kann nicht mehr gestempelt oder eingelöst werden, und es gehen keine Pushes mehr. Sie wird nicht vom Handy \
             entfernt: Dort bleibt sie, als beendet gekennzeichnet. Stand und Verlauf bleiben hier, und Sie können sie später \
             wiederherstellen.";
        end_now: Text = "End card", "Karte beenden";
        keep: Text = "Keep it", "Behalten";
        restore: Text = "Restore card", "Karte wiederherstellen";
        edit_punches: Text = "Punches", "Stempel";
        edit_points: Text = "Points", "Punkte";
        adjust_punches: Text = "Change punches", "Stempel ändern";
        adjust_points: Text = "Change points", "Punkte ändern";
        new_punches: Text = "Punches from now on", "Stempel ab jetzt";
        punches_now: With = |now| format!("Now {now}, those of rewards that wait to be redeemed included."),
            |now| format!("Jetzt {now}, einschließlich derer wartender Prämien.");
        points_by: Text = "Add or take off", "Gutschreiben oder abziehen";
        points_now: With = |now| format!("Now {now}. A minus sign takes points off."), |now| format!("Jetzt {now}. Ein Minus zieht ab.");
        reason: Text = "Reason", "Grund";
        reason_hint: Text = "Stays in the ledger for ever; do not name the customer.",
            "Bleibt für immer im Verlauf; nennen Sie den Kunden nicht.";
        reason_wrong: Text = "Give a reason of 1 to 200 characters on one line.", "Nennen Sie einen Grund von 1 bis 200 Zeichen in einer Zeile.";
        number_wrong: Text = "Write a whole number.", "Schreiben Sie eine ganze Zahl.";
        show_effect: Text = "Show effect", "Wirkung zeigen";
        effect: Text = "This will happen", "Das wird geschehen";
        effect_earned: Counted = |count| if count == 1 { "1 reward becomes ready.".into() } else { format!("{count} rewards become ready.", count = super::en(count)) },
            |count| if count == 1 { "1 Prämie wird bereit.".into() } else { format!("{count} Prämien werden bereit.", count = super::de(count)) };
        effect_withdrawn: Counted = |count| if count == 1 { "1 reward is withdrawn.".into() } else { format!("{count} rewards are withdrawn.", count = super::en(count)) },
            |count| if count == 1 { "1 Prämie wird entzogen.".into() } else { format!("{count} Prämien werden entzogen.", count = super::de(count)) };
        effect_tier: Text = "The tier changes.", "Die Stufe ändert sich.";
        before: Text = "Before", "Vorher";
        after: Text = "After", "Nachher";
        expiry: Text = "Change expiration", "Ablauf ändern";
        last_day: Text = "Last day", "Letzter Tag";
        last_day_hint: With = |zone| format!("The card is good until the end of this day in {zone}."),
            |zone| format!("Die Karte gilt bis zum Ende dieses Tages in {zone}.");
        day_or_never: Text = "A card has a last day, or it does not expire. Empty the day or untick the box.",
            "Eine Karte hat einen letzten Tag, oder sie läuft nicht ab. Leeren Sie den Tag, oder nehmen Sie das Häkchen weg.";
        never_expires: Text = "Does not expire", "Läuft nicht ab";
        ends_now: Text = "That day is past: the card ends now.", "Dieser Tag ist vorbei: Die Karte endet jetzt.";
        confirm_end: Text = "Yes, end it now", "Ja, jetzt beenden";
        holder: Text = "Update name on card", "Name auf der Karte aktualisieren";
        holder_text: fn(&str, &str) -> String =
            |old, new| format!("The card says “{old}”. It will say “{new}”, on every phone that holds it."),
            |old, new| format!("Auf der Karte steht „{old}“. Danach steht „{new}“ auf jedem Handy, das sie hat.");
        holder_same: Text = "The card says the name of the profile already.", "Auf der Karte steht bereits der Name aus dem Profil.";
        nothing: Text = "no name", "kein Name";
        update: Text = "Update", "Aktualisieren";
        letter: Text = "Send card again", "Karte erneut senden";
        letter_text: With = |address| format!("An email with the installation link goes to {address}."),
            |address| format!("Eine E-Mail mit dem Installationslink geht an {address}.");
        send: Text = "Send", "Senden";
        push: Text = "Send push", "Push senden";
        push_title: With = |name| format!("Send a push to {name}"), |name| format!("Push an {name} senden");
        push_heading: Text = "Title (may be left out)", "Titel (darf fehlen)";
        push_text: Text = "Text", "Text";
        push_link: Text = "Link (may be left out)", "Link (darf fehlen)";
        push_class: Text = "About", "Thema";
        push_at: With = |zone| format!("At (at once when left out), time of {zone}"), |zone| format!("Wann (sofort, wenn leer), Zeit von {zone}");
        push_preview: Text = "On the lock screen", "Auf dem Sperrbildschirm";
        push_apple: Text = "Apple lock screen", "Apple-Sperrbildschirm";
        push_google: Text = "Google notification", "Google-Mitteilung";
        push_browser: Text = "Browser notification", "Browser-Mitteilung";
        push_here: Text = "Your text", "Ihr Text";
        push_next: Text = "Save and look ahead", "Speichern und vorausschauen";
        push_forecast: Text = "What will become of it", "Was daraus wird";
        push_sent: Counted = |count| format!("{count} leave at once", count = super::en(count)), |count| format!("{count} gehen sofort hinaus", count = super::de(count));
        push_deferred: Counted = |count| format!("{count} wait", count = super::en(count)), |count| format!("{count} warten", count = super::de(count));
        push_suppressed: fn(i64, &str) -> String = |count, rule| format!("{count} not sent: {rule}", count = super::en(count)), |count, rule| format!("{count} nicht gesendet: {rule}", count = super::de(count));
        push_nobody: Text = "Nothing would be sent.", "Es würde nichts gesendet.";
        push_now: Text = "Send now", "Jetzt senden";
        push_then: With = |at| format!("Send at {at}"), |at| format!("Senden um {at}");
        push_page: Text = "Open the message", "Nachricht öffnen";
        push_time_wrong: Text = "Write a date and time like 2026-12-24 10:00 that is still to come, within 400 days.",
            "Schreiben Sie Datum und Uhrzeit wie 2026-12-24 10:00, künftig und innerhalb von 400 Tagen.";
        changed: Text = "This card has changed", "Diese Karte hat sich geändert";
        changed_text: Text = "Nothing was done: since you opened the form, this happened. Look at it, then choose again.",
            "Nichts wurde getan: Seit Sie das Formular geöffnet haben, ist dies geschehen. Sehen Sie es an und entscheiden Sie neu.";
        changed_quietly: Text = "The card itself was changed; its timeline was not.", "Die Karte selbst wurde geändert, ihr Verlauf nicht.";
        stands_at: With = |balance| format!("It now stands at {balance}."), |balance| format!("Sie steht jetzt bei {balance}.");
        to_the_card: Text = "Back to the card", "Zurück zur Karte";
        not_done: Text = "Nothing was done", "Nichts wurde getan";
    }
}
