//! Words that many pages use: states, channels, buttons, the same sentence for the same thing.

use super::{Counted, Text, words};
use crate::domain::card::CardStatus;
use crate::domain::delivery::Channel;
use crate::domain::member::Role;
use crate::domain::program::ProgramKind;

words! {
    /// Words that many pages use.
    Common {
        pending: Text = "Not installed", "Nicht installiert";
        installed: Text = "Installed", "Installiert";
        removed: Text = "Removed", "Entfernt";
        void: Text = "Ended", "Beendet";
        punch_card: Text = "Punch card", "Stempelkarte";
        points_card: Text = "Points card", "Punktekarte";
        coupon: Text = "Coupon", "Coupon";
        viewer: Text = "Viewer", "Betrachter";
        editor: Text = "Editor", "Bearbeiter";
        admin: Text = "Admin", "Verwalter";
        owner: Text = "Owner", "Inhaber";
        app: Text = "App", "App";
        web_card: Text = "Web card", "Webkarte";
        on_no_phone: Text = "On no phone", "Auf keinem Handy";
        cancel: Text = "Cancel", "Abbrechen";
        save: Text = "Save", "Speichern";
        close: Text = "Close", "Schließen";
        undo: Text = "Undo", "Rückgängig";
        edit: Text = "Edit", "Bearbeiten";
        delete: Text = "Delete", "Löschen";
        copy: Text = "Copy", "Kopieren";
        copied: Text = "Copied.", "Kopiert.";
        back: Text = "Back", "Zurück";
        previous: Text = "Previous", "Zurück";
        next: Text = "Next", "Weiter";
        newer: Text = "Newer", "Neuere";
        older: Text = "Older", "Ältere";
        pages: Text = "Pages", "Seiten";
        path: Text = "Path", "Pfad";
        none: Text = "None", "Keine";
        never: Text = "Never", "Nie";
        today: Text = "Today", "Heute";
        yes: Text = "Yes", "Ja";
        no: Text = "No", "Nein";
        no_name: Text = "No name", "Ohne Namen";
        ready: Counted = |count| format!("{count} ready", count = super::en(count)), |count| format!("{count} bereit", count = super::de(count));
        punches_of: fn(i64, i64) -> String = |punches, goal| format!("{punches} of {goal}", punches = super::en(punches), goal = super::en(goal)),
            |punches, goal| format!("{punches} von {goal}", punches = super::de(punches), goal = super::de(goal));
        required: Text = "Please fill this in.", "Bitte ausfüllen.";
        changed_meanwhile: Text = "Somebody changed this while you were editing. Nothing was saved; look at what it says now.",
            "Jemand hat dies inzwischen geändert. Nichts wurde gespeichert; sehen Sie nach, was jetzt dort steht.";
    }
}

impl Common {
    /// Wallets have the same name everywhere.
    pub fn channel(&self, channel: Channel) -> Text {
        match channel {
            Channel::Apple | Channel::Google => channel.title(),
            Channel::Fcm => self.app,
            Channel::WebPush => self.web_card,
        }
    }

    pub fn status(&self, status: CardStatus) -> Text {
        match status {
            CardStatus::Pending => self.pending,
            CardStatus::Installed => self.installed,
            CardStatus::Removed => self.removed,
            CardStatus::Void => self.void,
        }
    }

    pub fn kind(&self, kind: ProgramKind) -> Text {
        match kind {
            ProgramKind::Punch => self.punch_card,
            ProgramKind::Points => self.points_card,
            ProgramKind::Coupon => self.coupon,
        }
    }

    pub fn role(&self, role: Role) -> Text {
        match role {
            Role::Viewer => self.viewer,
            Role::Editor => self.editor,
            Role::Admin => self.admin,
            Role::Owner => self.owner,
        }
    }
}
