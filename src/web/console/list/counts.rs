//! How many rows each built-in segment would list.
//!
//! Asked of the roster, where every rule is tested at the very moment. While there is none, the counters answer, which
//! follow each change in its transaction and time by a chore.

use crate::domain::chips::Chip;
use crate::domain::id::MerchantId;
use crate::domain::segment::order::{Direction, Each, Edge, Order, Sort};
use crate::domain::segment::saved::Viewer;
use crate::domain::segment::{Rule, builtin};
use crate::ops::rosters::{Query, Tally, Whom};
use crate::ops::segments::Target;
use crate::web::Web;
use crate::web::error::ApiError;

/// One tally for each of [`Chip::EACH`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts(Vec<Tally>);

impl Counts {
    pub async fn of_merchant(web: &Web, merchant: MerchantId) -> Result<Self, ApiError> {
        let everything = Query {
            viewer: Viewer::Operator,
            target: Target::Rule(Rule::everything()),
            only: None,
            among: None,
            search: None,
            order: Order {
                sort: Sort::Joined,
                direction: Direction::Descending,
            },
            edge: Edge::First,
            size: 1,
            each: Each::Card,
        };
        let rules: Vec<Rule> = Chip::EACH.iter().map(|chip| builtin::rule(*chip)).collect();
        let tallies = web
            .rosters
            .tally(merchant, &Whom::Query(Box::new(everything)), &rules)
            .await?;
        if let Some(tallies) = tallies {
            return Ok(Self(tallies));
        }
        let programs = web.ops.segment_counts(merchant, None).await?;
        let count = |chip: &Chip| {
            let cards = programs.iter().map(|program| program.chip(*chip)).sum();
            Tally {
                cards,
                customers: cards,
            }
        };
        Ok(Self(Chip::EACH.iter().map(count).collect()))
    }

    pub fn of(&self, chip: Chip, each: Each) -> i64 {
        let place = Chip::EACH.iter().position(|known| *known == chip);
        let tally = place
            .and_then(|place| self.0.get(place))
            .copied()
            .unwrap_or_default();
        match each {
            Each::Card => tally.cards,
            Each::Customer => tally.customers,
        }
    }
}
