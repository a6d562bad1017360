//! Why a file is not imported or exported, and why a part of a timeline is not shown.

use super::Language;
use crate::domain::import::MappingError;
use crate::ops::export::ExportError;
use crate::ops::import::ImportError;
use crate::ops::timeline::TimelineError;
use crate::ops::uploads::UploadError;

impl Language {
    pub fn upload_error(self, error: &UploadError) -> String {
        let words = &self.words().import;
        match error {
            UploadError::NotFound => self.said(
                "This file is gone; files are kept for a day.",
                "Diese Datei gibt es nicht mehr; Dateien werden einen Tag aufbewahrt.",
            ),
            UploadError::Moved(_) => words.moved.to_owned(),
            UploadError::TooLarge => words.too_large.to_owned(),
            UploadError::TooMany => words.too_many.to_owned(),
            UploadError::Empty => words.empty.to_owned(),
            UploadError::Import(error) => self.import_error(error),
            UploadError::Store(_) => self.fault(),
        }
    }

    fn import_error(self, error: &ImportError) -> String {
        let words = &self.words().import;
        let place = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        match error {
            ImportError::File(_) | ImportError::FileChanged => words.broken_off.to_owned(),
            ImportError::Encoding { line, byte, .. } => (words.encoding)(place(*line), place(*byte)),
            ImportError::LongRow { line, .. } => (words.long_row)(place(*line)),
            ImportError::TooManyRows => words.problem_too_many_rows.to_owned(),
            ImportError::Mapping(error) => self.mapping_error(error),
            ImportError::Busy => words.problem_busy.to_owned(),
            ImportError::Customer(error) => self.customer_error(error),
            ImportError::Store(_) => self.fault(),
        }
    }

    pub fn mapping_error(self, error: &MappingError) -> String {
        let words = &self.words().import;
        match error {
            MappingError::Empty => words.empty.to_owned(),
            MappingError::TooMany(count) => {
                (words.too_many_columns)(i64::try_from(*count).unwrap_or(i64::MAX))
            }
            MappingError::Nothing => words.nothing_known.to_owned(),
            MappingError::Twice(one, other, _) => (words.twice)(one, other),
            MappingError::NoColumn(_) | MappingError::NoMeaning { .. } => words.no_meaning.to_owned(),
        }
    }

    pub fn export_error(self, error: &ExportError) -> String {
        match error {
            ExportError::File(_) | ExportError::Store(_) => self.fault(),
            ExportError::NoColumn { .. } => self.words().tools.column_is_unknown.to_owned(),
            ExportError::Customer(error) => self.customer_error(error),
        }
    }

    pub fn timeline_error(self, error: &TimelineError) -> String {
        match error {
            TimelineError::NotFound => self.said(
                "There is no such customer or card.",
                "Diesen Kunden oder diese Karte gibt es nicht.",
            ),
            TimelineError::Cursor(_) => self.said(
                "This place in the timeline was changed, or belongs to another one. Begin with the newest again.",
                "Diese Stelle im Verlauf wurde verändert oder gehört zu einem anderen. Beginnen Sie wieder beim Neuesten.",
            ),
            TimelineError::Size { .. } => self.said(
                "So many events are not shown at once.",
                "So viele Ereignisse werden nicht auf einmal gezeigt.",
            ),
            TimelineError::TooManyCards => self.said(
                "This customer has too many cards for one timeline. Look at one card.",
                "Dieser Kunde hat zu viele Karten für einen Verlauf. Sehen Sie sich eine Karte an.",
            ),
            TimelineError::Store(_) => self.fault(),
        }
    }
}
