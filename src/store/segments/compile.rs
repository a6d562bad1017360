//! A plan as SQL, one text for both engines.
//!
//! The text is made of constants and of `$N`: whatever comes from a rule is a parameter. Every condition is true or
//! false and never null, so that `not` means on both engines what it means in memory.

use crate::domain::card::CardStatus;
use crate::domain::id::MerchantId;
use crate::domain::segment::facts::{NumberFact, TextFact, TimesFact, status_code};
use crate::domain::segment::order::{Direction, Edge, Key, NO_VALUE, Order, Place, SortBy};
use crate::domain::segment::plan::{Context, Plan, TextTest, Which};
use crate::domain::segment::range::{Range, Ranges};
use crate::store::Value;

/// A statement in the making.
pub(super) struct Composer<'c> {
    context: &'c Context,
    text: String,
    params: Vec<Value>,
    /// Whether the holder's row is needed.
    names_person: bool,
}

/// A statement with its parameters.
pub(super) struct Composed {
    pub(super) text: String,
    pub(super) params: Vec<Value>,
}

const CARDS: &str = " from cards c";
const WITH_PERSON: &str =
    " from cards c join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id";
/// The cards of a merchant, without those of people who were erased.
const WHERE: &str = " where c.merchant_id = $1 and c.customer_id not in \
     (select e.customer_id from customers e where e.merchant_id = $1 and e.erased_at is not null) and ";

impl<'c> Composer<'c> {
    /// `$1` is the merchant.
    pub(super) fn new(context: &'c Context, merchant: MerchantId) -> Self {
        Self {
            context,
            text: String::new(),
            params: vec![merchant.into()],
            names_person: false,
        }
    }

    /// What was written so far, as the condition of `select … from …`; `rest` follows it.
    pub(super) fn select(self, columns: &str, rest: &str) -> Composed {
        let from = if self.names_person { WITH_PERSON } else { CARDS };
        Composed {
            text: format!("select {columns}{from}{WHERE}{}{rest}", self.text),
            params: self.params,
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn bind(&mut self, number: i64) {
        let place = self.parameter(number.into(), "bigint");
        self.push(&place);
    }

    fn parameter(&mut self, value: Value, kind: &str) -> String {
        self.params.push(value);
        format!("cast(${} as {kind})", self.params.len())
    }

    /// `members` with `word` between them, in brackets; `none` where there is no member.
    fn joined<T>(&mut self, members: &[T], word: &str, none: &str, each: impl Fn(&mut Self, &T)) {
        if members.is_empty() {
            self.push(none);
            return;
        }
        self.push("(");
        for (index, member) in members.iter().enumerate() {
            if index > 0 {
                self.push(word);
            }
            each(self, member);
        }
        self.push(")");
    }

    pub(super) fn plan(&mut self, plan: &Plan) {
        match plan {
            Plan::All(plans) => self.joined(plans, " and ", "1 = 1", Self::plan),
            Plan::Any(plans) => self.joined(plans, " or ", "1 = 0", Self::plan),
            Plan::Not(plan) => {
                self.push("not ");
                self.joined(std::slice::from_ref(&**plan), "", "", Self::plan);
            }
            Plan::Number { fact, ranges } => {
                let value = self.number(*fact);
                self.known_in(&value, ranges);
            }
            Plan::Absent(fact) => {
                let value = self.number(*fact);
                self.push(&format!("{value} is null"));
            }
            Plan::Bits { fact, mask } => {
                let value = self.number(*fact);
                self.push(&format!("({value} is not null and ({value} & "));
                self.bind(*mask);
                self.push(") <> 0)");
            }
            Plan::Text { fact, test } => self.text_test(*fact, test),
            Plan::Times { fact, ranges, which } => self.times(*fact, ranges, *which),
            Plan::Listed { segment, .. } => {
                self.push(
                    "exists (select 1 from segment_cards s where s.merchant_id = c.merchant_id and s.segment_id = ",
                );
                self.bind(segment.0);
                self.push(" and s.card_id = c.card_id)");
            }
        }
    }

    fn known_in(&mut self, value: &str, ranges: &Ranges) {
        self.push(&format!("({value} is not null and "));
        self.within(value, ranges);
        self.push(")");
    }

    /// Whether `value`, which is there, is in one of `ranges`.
    fn within(&mut self, value: &str, ranges: &Ranges) {
        let (points, spans): (Vec<Range>, Vec<Range>) = ranges
            .as_slice()
            .iter()
            .partition(|range| range.least == range.most);
        let mut parts: Vec<Vec<Range>> = spans.into_iter().map(|span| vec![span]).collect();
        if !points.is_empty() {
            parts.push(points);
        }
        self.joined(&parts, " or ", "1 = 0", |this, part| match part.as_slice() {
            [only] if only.least < only.most => this.span(value, *only),
            points => {
                this.push(&format!("{value} in "));
                this.joined(points, ", ", "(null)", |this, point| this.bind(point.least));
            }
        });
    }

    fn span(&mut self, value: &str, range: Range) {
        let mut parts = Vec::new();
        if range.least != i64::MIN {
            parts.push((" >= ", range.least));
        }
        if range.most != i64::MAX {
            parts.push((" <= ", range.most));
        }
        self.joined(&parts, " and ", "1 = 1", |this, (sign, bound)| {
            this.push(value);
            this.push(sign);
            this.bind(*bound);
        });
    }

    fn text_test(&mut self, fact: TextFact, test: &TextTest) {
        let value = self.text_of(fact);
        match test {
            TextTest::Empty => self.push(&format!("{value} = ''")),
            TextTest::OneOf(texts) if texts.is_empty() => self.push("1 = 0"),
            TextTest::OneOf(texts) => {
                self.push(&format!("{value} in "));
                self.joined(texts, ", ", "", |this, text| {
                    let place = this.parameter(text.as_str().into(), "text");
                    this.push(&place);
                });
            }
            // `like` tells cases apart on one engine only and gives `%` and `_` a meaning; this does neither.
            TextTest::Contains(part) => {
                let place = self.parameter(part.as_str().into(), "text");
                self.push(&format!("replace({value}, {place}, '') <> {value}"));
            }
        }
    }

    fn times(&mut self, fact: TimesFact, ranges: &Ranges, which: Which) {
        let from = match fact {
            TimesFact::Redemptions => {
                "from redemptions r where r.merchant_id = c.merchant_id and r.card_id = c.card_id"
            }
        };
        match which {
            Which::Each => {
                self.push(&format!("exists (select 1 {from} and "));
                self.within("r.at", ranges);
                self.push(")");
            }
            Which::First => self.known_in(&format!("(select min(r.at) {from})"), ranges),
            Which::Last => self.known_in(&format!("(select max(r.at) {from})"), ranges),
        }
    }

    /// Where a number is read; null where there is none.
    pub(super) fn number(&mut self, fact: NumberFact) -> String {
        let column = match fact {
            NumberFact::Customer => "c.customer_id",
            NumberFact::Program => "c.program_id",
            NumberFact::Status => return status(),
            NumberFact::Channels => "c.channels",
            NumberFact::Punches => "c.punches",
            NumberFact::Points => "c.points",
            NumberFact::Progress => return self.progress(),
            NumberFact::Rewards => "c.rewards",
            NumberFact::Redemptions => "c.redemptions",
            NumberFact::Visits => "c.visits",
            NumberFact::Scans => "c.scans",
            NumberFact::Spend => "c.spend",
            NumberFact::Unpriced => "c.unpriced",
            NumberFact::Tier => "c.tier",
            NumberFact::Joined => "c.created_at",
            NumberFact::LastVisit => "c.last_visit_at",
            NumberFact::Activity => "coalesce(c.last_visit_at, c.created_at)",
            NumberFact::Expires => "c.expires_at",
            NumberFact::CouponRedeemed => "c.redeemed_at",
            NumberFact::Birthday => self.person("u.birthday"),
            NumberFact::VerifiedAt => self.person("u.verified_at"),
        };
        column.to_owned()
    }

    /// Where a text is read; empty where there is none.
    pub(super) fn text_of(&mut self, fact: TextFact) -> String {
        let column = match fact {
            TextFact::Name => "u.name_key",
            TextFact::Email => "coalesce(u.email_key, '')",
            TextFact::Phone => "coalesce(u.phone, '')",
            TextFact::ExternalId => "coalesce(u.external_id, '')",
            TextFact::Language => "u.language",
        };
        self.person(column).to_owned()
    }

    fn person(&mut self, column: &'static str) -> &'static str {
        self.names_person = true;
        column
    }

    /// Goals are in the rules of programs, which only Rust reads: a merchant's few programs become parameters.
    fn progress(&mut self) -> String {
        let mut text = String::from("case c.program_id");
        let with_goal = self.context.programs.iter().filter(|program| program.goal > 0);
        for program in with_goal.copied().collect::<Vec<_>>() {
            let id = self.parameter(program.id.into(), "bigint");
            let goal = self.parameter(program.goal.into(), "bigint");
            text.push_str(&format!(" when {id} then c.punches * 1000 / {goal}"));
        }
        // A `case` needs one branch; no program has the id 0.
        text.push_str(" when 0 then cast(0 as bigint) end");
        text
    }

    /// What rows are sorted by, never null.
    fn sort_key(&mut self, order: Order) -> String {
        match order.sort.by() {
            SortBy::Text(fact) => self.text_of(fact),
            SortBy::Number(fact) => {
                let value = self.number(fact);
                let none = self.parameter(NO_VALUE.into(), "bigint");
                format!("coalesce({value}, {none})")
            }
            SortBy::Status => {
                let now = self.parameter(self.context.now.into(), "bigint");
                let void = status_code(CardStatus::Void);
                let expired = crate::domain::segment::facts::EXPIRED_CODE;
                format!(
                    "case when c.status <> 'void' and c.expires_at <= {now} then {expired} \
                     when c.status = 'void' then {void} else {} end",
                    status()
                )
            }
        }
    }

    /// `size` rows next to `edge`, each with what it is sorted by.
    pub(super) fn page(mut self, plan: &Plan, order: Order, edge: &Edge, size: usize) -> Composed {
        self.plan(plan);
        let (direction, place) = match edge {
            Edge::First => (order.direction, None),
            Edge::After(place) => (order.direction, Some(place)),
            Edge::Before(place) => (order.direction.opposite(), Some(place)),
        };
        let key = self.sort_key(order);
        if let Some(place) = place {
            self.past(&key, place, direction);
        }
        let way = match direction {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        };
        let limit = self.parameter(i64::try_from(size).unwrap_or(i64::MAX).into(), "bigint");
        self.select(
            &format!("c.card_id, {key}"),
            &format!(" order by 2 {way}, 1 {way} limit {limit}"),
        )
    }

    /// Only rows after a place.
    fn past(&mut self, key: &str, place: &Place, direction: Direction) {
        let sign = match direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        };
        let edge = match &place.key {
            Key::Number(number) => self.parameter((*number).into(), "bigint"),
            Key::Text(text) => self.parameter(text.as_str().into(), "text"),
        };
        let card = self.parameter(place.card.into(), "bigint");
        self.push(&format!(
            " and ({key} {sign} {edge} or ({key} = {edge} and c.card_id {sign} {card}))"
        ));
    }
}

fn status() -> String {
    let mut text = String::from("case c.status");
    for known in [
        CardStatus::Pending,
        CardStatus::Installed,
        CardStatus::Removed,
        CardStatus::Void,
    ] {
        text.push_str(&format!(
            " when '{}' then cast({} as bigint)",
            known.as_str(),
            status_code(known)
        ));
    }
    text.push_str(" end");
    text
}
