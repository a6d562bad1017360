//! What the address of the list says: which cards, in which order, how many to a page. All of it stands in the query, so
//! that a list can be kept, sent to somebody, and come back to.
//!
//! Reading never fails: what cannot be meant is found out by [`Wanted::meant`], which says in which part it is.

use form_urlencoded::Serializer;

use crate::domain::chips::Chip;
use crate::domain::id::SegmentId;
use crate::domain::search::{self, QueryError};
use crate::domain::segment::order::{Direction, Each, Edge, Order, Sort};
use crate::domain::segment::saved::Viewer;
use crate::domain::segment::{Rule, RuleError};
use crate::ops::rosters::Query;
use crate::ops::segments::Target;

/// Rows of a page that can be chosen.
pub const SIZES: [usize; 4] = [25, 50, 100, 200];
pub const USUAL_SIZE: usize = 50;
const USUAL_ORDER: Order = Order {
    sort: Sort::Joined,
    direction: Direction::Descending,
};

/// A list as its address describes it; what is left out is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The word of a built-in segment or the id of a saved one.
    pub segment: Option<String>,
    /// A rule in the language of segments, beside the segment.
    pub rule: Option<String>,
    /// Part of a name, an address, a number or a serial number.
    pub find: String,
    /// `visits` or `-visits`.
    pub sort: Option<String>,
    pub each: Each,
    /// Rows of a page; none for as many as usual.
    pub size: Option<usize>,
    /// Where the page begins or ends, as this list gave it out.
    pub at: Option<String>,
}

/// Why an address means no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    Segment,
    Rule(RuleError),
    Find(QueryError),
    Sort,
    /// A place that this list did not give out.
    Place,
}

/// What a list asks for.
#[derive(Debug, Clone)]
pub struct Meant {
    pub target: Target,
    pub only: Option<Rule>,
    pub search: Option<search::Query>,
    pub order: Order,
}

impl Wanted {
    /// Reads a query as it came; what is not about lists is left alone.
    pub fn parse(query: &str) -> Self {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let text = || Some(value.clone().into_owned()).filter(|text| !text.is_empty());
            match &*name {
                "segment" => wanted.segment = text(),
                "rule" => wanted.rule = text(),
                "find" => wanted.find = value.trim().to_owned(),
                "sort" => wanted.sort = text(),
                "by" if value == "customer" => wanted.each = Each::Customer,
                "size" => {
                    let size = value.parse().ok().filter(|size| SIZES.contains(size));
                    wanted.size = size.filter(|size| *size != USUAL_SIZE);
                }
                "at" => wanted.at = text(),
                _ => {}
            }
        }
        wanted
    }

    /// The query that says this, without what is usual.
    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.parts() {
            query.append_pair(name, &value);
        }
        query.finish()
    }

    /// The same as names and values, for hidden fields.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let find = Some(self.find.clone()).filter(|find| !find.is_empty());
        let by = (self.each == Each::Customer).then(|| "customer".to_owned());
        let all = [
            ("segment", self.segment.clone()),
            ("rule", self.rule.clone()),
            ("find", find),
            ("by", by),
            ("size", self.size.map(|size| size.to_string())),
            ("sort", self.sort.clone()),
            ("at", self.at.clone()),
        ];
        let there = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        there.collect()
    }

    pub fn address(&self) -> String {
        match self.query() {
            query if query.is_empty() => "/console/cards".to_owned(),
            query => format!("/console/cards?{query}"),
        }
    }

    /// What a cursor is for, and a selection: another segment, rule or search has others.
    pub fn filter(&self) -> String {
        let filter = Self {
            sort: None,
            size: None,
            at: None,
            ..self.clone()
        };
        filter.query()
    }

    pub fn is_filtered(&self) -> bool {
        self.segment.is_some() || self.rule.is_some() || !self.find.is_empty()
    }

    pub fn size(&self) -> usize {
        self.size.unwrap_or(USUAL_SIZE)
    }

    /// The same list from its first page on, changed by `change`.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        changed.at = None;
        change(&mut changed);
        changed
    }

    /// Without everything that leaves cards out.
    #[must_use]
    pub fn cleared(&self) -> Self {
        self.with(|wanted| {
            wanted.segment = None;
            wanted.rule = None;
            wanted.find.clear();
        })
    }

    /// The built-in segment that is chosen.
    pub fn chip(&self) -> Option<Chip> {
        self.segment.as_deref().and_then(Chip::parse)
    }

    /// The saved segment that is chosen.
    pub fn saved(&self) -> Option<SegmentId> {
        self.segment.as_deref().and_then(|text| text.parse().ok())
    }

    /// The rule beside the segment; none too where it cannot be read.
    pub fn rule(&self) -> Option<Rule> {
        self.rule.as_deref().and_then(|text| Rule::parse(text).ok())
    }

    pub fn meant(&self) -> Result<Meant, Wrong> {
        let target = match (&self.segment, self.chip(), self.saved()) {
            (None, ..) => Target::BuiltIn(Chip::All),
            (_, Some(chip), _) => Target::BuiltIn(chip),
            (_, None, Some(id)) => Target::Saved(id),
            (Some(_), None, None) => return Err(Wrong::Segment),
        };
        let only = self.rule.as_deref().map(Rule::parse).transpose();
        let search = match self.find.as_str() {
            "" => None,
            text => Some(search::Query::parse(text).map_err(Wrong::Find)?),
        };
        let order = self.sort.as_deref().map_or(Some(USUAL_ORDER), Order::parse);
        Ok(Meant {
            target,
            only: only.map_err(Wrong::Rule)?,
            search,
            order: order.ok_or(Wrong::Sort)?,
        })
    }
}

impl Meant {
    /// What the rosters are asked.
    pub fn ask(&self, viewer: Viewer, each: Each, edge: Edge, size: usize) -> Query {
        Query {
            viewer,
            target: self.target.clone(),
            only: self.only.clone(),
            among: None,
            search: self.search.clone(),
            order: self.order,
            edge,
            size,
            each,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_says_what_the_list_is() {
        let query = "rule=all%28visits.over.9%2Cname.has.%27o%27%27neil%27%29&find=ada&by=customer&size=100&sort=-spend&at=x";
        let wanted = Wanted::parse(query);
        assert_eq!(wanted.query(), query);
        let meant = wanted.meant().expect("a list");
        assert_eq!(meant.order.to_string(), "-spend");
        let rule = meant.only.expect("a rule").describe();
        assert_eq!(rule, "visits over 9 and name contains \"o'neil\"");
        let filter = Wanted::parse(&wanted.filter());
        assert_eq!((filter.at, filter.sort, filter.size), (None, None, None));
        assert_eq!(Wanted::default().address(), "/console/cards");
    }

    #[test]
    fn what_is_no_list_is_known_by_its_part() {
        let wrong = |query: &str| Wanted::parse(query).meant().err();
        assert_eq!(wrong("segment=nobody"), Some(Wrong::Segment));
        assert!(matches!(wrong("rule=visits.over.many"), Some(Wrong::Rule(_))));
        assert!(matches!(
            wrong(&format!("find={}", "x".repeat(101))),
            Some(Wrong::Find(_))
        ));
        assert_eq!(wrong("sort=colour"), Some(Wrong::Sort));
        assert_eq!(wrong("size=7&by=nobody&x=%00"), None);
    }

    proptest! {
        #[test]
        fn any_query_is_read_and_written_alike(query in "\\PC{0,80}") {
            let wanted = Wanted::parse(&query);
            prop_assert_eq!(Wanted::parse(&wanted.query()), wanted);
        }
    }
}
