//! Which log events are written: the meaning of `log.level`.
//!
//! ```text
//! level     = directive *("," directive)
//! directive = severity | module "=" severity
//! severity  = "off" | "error" | "warn" | "info" | "debug" | "trace"
//! ```
//!
//! A severity by itself is for passgate. Libraries are written from `warn` on (or less, if that is less) unless a
//! directive names them, because at finer levels some of them print what they send, and with it secrets.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// A parsed `log.level`.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    targets: Targets,
}

/// Why a `log.level` has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("log.level: expected off, error, warn, info, debug or trace, or module=level; got {0:?}")]
    Severity(String),
    #[error("log.level: expected the name of a module before '=', such as passgate::push; got {0:?}")]
    Module(String),
    #[error("log.level: expected one level for passgate; got both {0} and {1}")]
    Twice(LevelFilter, LevelFilter),
}

const SEVERITIES: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

impl Filter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut ours = None;
        let mut named = Vec::new();
        for directive in text.split(',').map(str::trim) {
            let Some((module, level)) = directive.split_once('=') else {
                let level = severity(directive, directive)?;
                if let Some(first) = ours.replace(level) {
                    return Err(FilterError::Twice(first, level));
                }
                continue;
            };
            let module = module.trim();
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            if module.is_empty() || !module.chars().all(fits) {
                return Err(FilterError::Module(module.to_owned()));
            }
            named.push((module.to_owned(), severity(level.trim(), directive)?));
        }
        let ours = ours.unwrap_or(LevelFilter::INFO);
        let targets = Targets::new()
            .with_default(ours.min(LevelFilter::WARN))
            .with_target("passgate", ours)
            .with_targets(named);
        Ok(Self { targets })
    }

    pub(super) fn targets(&self) -> Targets {
        self.targets.clone()
    }
}

fn severity(text: &str, directive: &str) -> Result<LevelFilter, FilterError> {
    SEVERITIES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, level)| *level)
        .ok_or_else(|| FilterError::Severity(directive.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tracing::Level;

    fn error(text: &str) -> String {
        Filter::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_level_says_what_was_expected() {
        let expected = "log.level: expected off, error, warn, info, debug or trace, or module=level; got ";
        assert_eq!(error("inof"), format!("{expected}\"inof\""));
        assert_eq!(error(""), format!("{expected}\"\""));
        assert_eq!(error("info,"), format!("{expected}\"\""));
        assert_eq!(
            error("passgate::push=loud"),
            format!("{expected}\"passgate::push=loud\"")
        );
        assert_eq!(
            error("info,=debug"),
            "log.level: expected the name of a module before '=', such as passgate::push; got \"\""
        );
        assert_eq!(
            error("info,debug"),
            "log.level: expected one level for passgate; got both info and debug"
        );
    }

    #[test]
    fn the_nearest_directive_decides() {
        let filter = Filter::parse("info, passgate::push = debug,h2=off").unwrap();
        let enabled = |target, level| filter.targets.would_enable(target, &level);
        assert!(enabled("passgate::web", Level::INFO) && !enabled("passgate::web", Level::DEBUG));
        assert!(enabled("passgate::push::dispatcher", Level::DEBUG));
        assert!(enabled("hyper", Level::WARN) && !enabled("hyper", Level::INFO));
        assert!(!enabled("h2", Level::ERROR));
    }

    #[test]
    fn off_silences_libraries_too() {
        let filter = Filter::parse("off").unwrap();
        assert!(!filter.targets.would_enable("hyper", &Level::ERROR));
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,60}") {
            let _ = Filter::parse(&text);
        }
    }
}
