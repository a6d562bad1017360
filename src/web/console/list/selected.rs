//! What is selected in the list: some cards, or everything that the list holds.

use std::collections::BTreeSet;

use super::wanted::{Wanted, Wrong};
use crate::domain::bulk::{Audience, MOST_SELECTED};
use crate::domain::id::CardId;
use crate::domain::segment::order::{Each, Edge};
use crate::domain::segment::saved::{Content, Viewer};
use crate::domain::segment::{Rule, builtin};
use crate::ops::rosters::Whom;
use crate::ops::segments::Target;
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// A selection as a form carries it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// The list that it was made in.
    pub wanted: Wanted,
    /// Everything in that list, on all its pages; otherwise the cards.
    pub everything: bool,
    pub cards: Vec<CardId>,
}

/// Why there is nothing to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Nothing,
    /// So many cards were named, or found by a search, that nobody can go through them one by one.
    TooMany,
    /// The filters and the segment make a rule together that is too long to be kept.
    TooLong,
    Wrong(Wrong),
}

impl Selected {
    /// Reads a form. Cards stand one by one, or joined by dots where a script remembered them.
    pub fn parse(form: &[u8]) -> Self {
        let (mut selected, mut cards) = (Self::default(), BTreeSet::new());
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "in" => selected.wanted = Wanted::parse(&value).with(|_| ()),
                "scope" => selected.everything = value == "all",
                "card" => cards.extend(value.parse::<CardId>().ok()),
                "cards" => cards.extend(value.split('.').filter_map(|id| id.parse::<CardId>().ok())),
                _ => {}
            }
        }
        selected.cards = cards.into_iter().collect();
        selected
    }

    /// The hidden fields that say the same.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("in", self.wanted.query())];
        if self.everything {
            fields.push(("scope", "all".to_owned()));
        } else {
            let cards: Vec<String> = self.cards.iter().map(CardId::to_string).collect();
            fields.push(("cards", cards.join(".")));
        }
        fields
    }

    /// Whom a tally is about.
    pub fn whom(&self, screen: &Screen) -> Result<Whom, Refused> {
        if !self.everything {
            return match self.cards.len() {
                0 => Err(Refused::Nothing),
                count if count > MOST_SELECTED => Err(Refused::TooMany),
                _ => Ok(Whom::Cards(self.cards.clone())),
            };
        }
        let meant = self.wanted.meant().map_err(Refused::Wrong)?;
        let viewer = Viewer::Member(screen.member.id);
        let query = meant.ask(viewer, self.wanted.each, Edge::First, 1);
        Ok(Whom::Query(Box::new(query)))
    }

    /// The one rule that says the same as the whole list; none where a list or a search takes part in it.
    pub async fn rule(&self, web: &Web, screen: &Screen) -> Result<Result<Option<Rule>, Refused>, ApiError> {
        let meant = match self.wanted.meant() {
            Ok(meant) => meant,
            Err(wrong) => return Ok(Err(Refused::Wrong(wrong))),
        };
        let viewer = Viewer::Member(screen.member.id);
        let base = match meant.target {
            _ if meant.search.is_some() => return Ok(Ok(None)),
            Target::Rule(rule) => rule,
            Target::BuiltIn(chip) => builtin::rule(chip),
            Target::Saved(id) => match web.ops.segment(screen.member.merchant, viewer, id).await?.content {
                Content::Rule(rule) => rule,
                Content::List => return Ok(Ok(None)),
            },
        };
        Ok(Ok(Some(match (base, meant.only) {
            (base, None) => base,
            (base, Some(only)) if base == Rule::everything() => only,
            // Side by side, so that each can be taken off again.
            (base, Some(Rule::All(rules))) => rules.into_iter().fold(base, Rule::and),
            (base, Some(only)) => base.and(only),
        })))
    }

    /// Whom a job or a message is for. Where a rule says it, the rule is asked again when the work begins.
    pub async fn audience(&self, web: &Web, screen: &Screen) -> Result<Result<Audience, Refused>, ApiError> {
        let whom = match self.whom(screen) {
            Ok(Whom::Cards(cards)) => return Ok(Ok(Audience::Cards(cards))),
            Ok(Whom::Query(query)) => query,
            Err(refused) => return Ok(Err(refused)),
        };
        if self.wanted.each == Each::Card {
            match self.rule(web, screen).await? {
                Ok(Some(rule)) if !rule.can_be_kept() => return Ok(Err(Refused::TooLong)),
                Ok(Some(rule)) => {
                    let at = web.ops.clock.now();
                    return Ok(Ok(Audience::Rule { rule, at }));
                }
                Ok(None) => {}
                Err(refused) => return Ok(Err(refused)),
            }
            if let (Target::Saved(id), None, None) = (&whom.target, &whom.only, &whom.search) {
                return Ok(Ok(Audience::Listed(*id)));
            }
        }
        let query = crate::ops::rosters::Query {
            size: MOST_SELECTED,
            ..*whom
        };
        let found = web.rosters.list(screen.member.merchant, &query).await?;
        Ok(match found.total {
            0 => Err(Refused::Nothing),
            total if total > MOST_SELECTED || found.is_cut => Err(Refused::TooMany),
            _ => Ok(Audience::Cards(
                found.lines.iter().map(|line| line.card).collect(),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_survives_its_form() {
        let form =
            b"in=rule%3Dvisits.over.1%26at%3Dx&card=0000000000002&cards=0000000000001.0000000000002.zz";
        let selected = Selected::parse(form);
        assert_eq!(selected.cards, [CardId(1), CardId(2)]);
        assert_eq!(selected.wanted.query(), "rule=visits.over.1");
        let mut again = form_urlencoded::Serializer::new(String::new());
        again.extend_pairs(selected.fields());
        assert_eq!(Selected::parse(again.finish().as_bytes()), selected);
        assert!(Selected::parse(b"scope=all").everything);
    }
}
