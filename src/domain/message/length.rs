//! How a text fits where it will be shown, for those who type it.
//!
//! Only the longest text is a rule. How much a phone shows before it cuts depends on the phone and its settings; the
//! figures here are what the smaller ones show, so that whoever stays within them is read in full.

/// Characters of a text, at most. Google keeps no more of a message's body.
pub const MOST_TEXT: usize = 500;
/// Characters of a title, at most: what Google shows of a header.
pub const MOST_TITLE: usize = 35;

/// A place where a message is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Screen {
    /// The notification of a changed pass: the pass's organisation, then the text.
    AppleLockScreen,
    /// Google Wallet's notification: title and text.
    GoogleNotification,
    /// A browser's notification of the web card.
    Browser,
}

/// How a text fits one screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    pub screen: Screen,
    pub characters: usize,
    /// So many are shown without being cut.
    pub shown: usize,
}

impl Screen {
    pub const ALL: [Self; 3] = [Self::AppleLockScreen, Self::GoogleNotification, Self::Browser];

    pub fn name(self) -> &'static str {
        match self {
            Self::AppleLockScreen => "Apple lock screen",
            Self::GoogleNotification => "Google notification",
            Self::Browser => "browser notification",
        }
    }

    fn shown(self) -> usize {
        match self {
            Self::AppleLockScreen => 178,
            Self::GoogleNotification => 240,
            Self::Browser => 120,
        }
    }
}

impl Length {
    /// Characters that are cut.
    pub fn cut(self) -> usize {
        self.characters.saturating_sub(self.shown)
    }
}

/// How `text` fits each screen; texts of any length are measured, also those that would be refused.
pub fn lengths(text: &str) -> [Length; 3] {
    let characters = text.trim().chars().count();
    Screen::ALL.map(|screen| Length {
        screen,
        characters,
        shown: screen.shown(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_and_not_bytes() {
        let text = "\u{1f389}".repeat(130);
        let [apple, google, browser] = lengths(&format!(" {text} "));
        assert_eq!((apple.characters, apple.cut()), (130, 0));
        assert_eq!((google.cut(), browser.cut()), (0, 10));
        assert!(Screen::ALL.iter().all(|screen| screen.shown() <= MOST_TEXT));
    }
}
