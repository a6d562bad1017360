//! A plan as SQL, one text for both engines.
//!
//! The text is made of constants and of `$N`: whatever comes from a rule is a parameter. Every condition is true or
//! false and never null, so that `not` means on both engines what it means in memory.

use super::columns::status;
use crate::domain::card::CardStatus;
use crate::domain::id::MerchantId;
use crate::domain::segment::facts::{EXPIRED_CODE, TextFact, TextsFact, TimesFact, status_code};
use crate::domain::segment::merge::Merge;
use crate::domain::segment::order::{Direction, Each, Edge, Key, NO_VALUE, Order, Place, SortBy};
use crate::domain::segment::plan::{AnswerTest, Context, Plan, TextTest, Which};
use crate::domain::segment::range::{Range, Ranges};
use crate::store::Value;

/// A statement in the making.
pub(super) struct Composer<'c> {
    pub(super) context: &'c Context,
    text: String,
    params: Vec<Value>,
    /// Whether the holder's row is needed, and where they came from.
    pub(super) names_person: bool,
    pub(super) names_landing: bool,
    /// Conditions so far on rows of other tables.
    asked_rows: usize,
}

/// Conditions on rows of other tables that PostgreSQL may turn into joins, which is quick for some and takes for ever to
/// plan for hundreds; what is beyond is written so that it asks row by row.
const MOST_JOINED: usize = 4;

/// A statement with its parameters.
pub(super) struct Composed {
    pub(super) text: String,
    pub(super) params: Vec<Value>,
}

const CARDS: &str = " from cards c";
const WITH_PERSON: &str =
    " join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id";
const WITH_LANDING: &str = " left join utms l on l.merchant_id = c.merchant_id and l.card_id = c.card_id";
/// The cards of a merchant, without those of people who were erased. Ids are positive: saying so makes SQLite read the cards
/// in their own order, where it would otherwise go through another index and fetch each of them.
const WHERE: &str = " where c.merchant_id = $1 and c.card_id > 0 and c.customer_id not in \
     (select e.customer_id from customers e where e.merchant_id = $1 and e.erased_at is not null) and ";

impl<'c> Composer<'c> {
    /// `$1` is the merchant.
    pub(super) fn new(context: &'c Context, merchant: MerchantId) -> Self {
        Self {
            context,
            text: String::new(),
            params: vec![merchant.into()],
            names_person: false,
            names_landing: false,
            asked_rows: 0,
        }
    }

    /// What was written so far, as the condition of `select … from …`; `rest` follows it.
    pub(super) fn select(self, columns: &str, rest: &str) -> Composed {
        let person = if self.names_person { WITH_PERSON } else { "" };
        let landing = if self.names_landing { WITH_LANDING } else { "" };
        Composed {
            text: format!(
                "select {columns}{CARDS}{person}{landing}{WHERE}{}{rest}",
                self.text
            ),
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

    pub(super) fn parameter(&mut self, value: Value, kind: &str) -> String {
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
            Plan::Texts { fact, test } => self.texts(*fact, test),
            Plan::Answer { code, test } => self.answer(code, test),
            Plan::Listed { segment, .. } => {
                let from = "from segment_cards s where s.merchant_id = c.merchant_id and s.card_id = c.card_id \
                     and s.segment_id = ";
                self.exists(from, |this| this.bind(segment.0));
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
            test => self.one_text(&value, test),
        }
    }

    /// Whether `value`, which is there, is one of some texts or contains one.
    fn one_text(&mut self, value: &str, test: &TextTest) {
        match test {
            TextTest::Empty => self.push("1 = 0"),
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

    /// Whether there is a row of `from` that `rest` holds for.
    fn exists(&mut self, from: &str, rest: impl FnOnce(&mut Self)) {
        self.asked_rows += 1;
        let open = if self.asked_rows <= MOST_JOINED {
            "exists (select 1 "
        } else {
            "(0 < (select count(*) "
        };
        self.push(open);
        self.push(from);
        rest(self);
        self.push(if open.starts_with('(') { "))" } else { ")" });
    }

    fn texts(&mut self, fact: TextsFact, test: &TextTest) {
        let (from, value) = match fact {
            TextsFact::Tags => (
                "from customer_tags t where t.merchant_id = c.merchant_id and t.customer_id = c.customer_id",
                "t.tag_key",
            ),
        };
        match test {
            TextTest::Empty => {
                self.push("not ");
                self.exists(from, |_| {});
            }
            test => self.exists(from, |this| {
                this.push(" and ");
                this.one_text(value, test);
            }),
        }
    }

    fn answer(&mut self, code: &str, test: &AnswerTest) {
        if *test == AnswerTest::Text(TextTest::Empty) {
            self.push("not ");
        }
        let code = self.parameter(code.into(), "text");
        let from = format!(
            "from custom_values v where v.merchant_id = c.merchant_id and v.card_id = c.card_id and v.code = {code}"
        );
        self.exists(&from, |this| match test {
            AnswerTest::Text(TextTest::Empty) => {}
            AnswerTest::Text(test) => {
                this.push(" and ");
                this.one_text("v.value", test);
            }
            AnswerTest::Number(ranges) => {
                this.push(" and ");
                this.known_in("v.number", ranges);
            }
        });
    }

    fn times(&mut self, fact: TimesFact, ranges: &Ranges, which: Which) {
        let from = match fact {
            TimesFact::Redemptions => {
                "from redemptions r where r.merchant_id = c.merchant_id and r.card_id = c.card_id"
            }
        };
        match which {
            Which::Each => self.exists(from, |this| {
                this.push(" and ");
                this.within("r.at", ranges);
            }),
            Which::First => self.known_in(&format!("(select min(r.at) {from})"), ranges),
            Which::Last => self.known_in(&format!("(select max(r.at) {from})"), ranges),
        }
    }

    /// What rows are sorted by that stand for all cards of a customer, never null.
    fn merged_key(&mut self, order: Order) -> String {
        let own = self.sort_key(order);
        let Some(merge) = order.sort.merge() else {
            return own;
        };
        // The same, asked of each of the holder's cards.
        let each = own.replace("c.", "k.");
        let of_all = |value: String| {
            format!(
                "(select {value} from cards k where k.merchant_id = c.merchant_id and k.customer_id = c.customer_id)"
            )
        };
        let swapped = |status: &str| {
            format!(
                "case {status} when 0 then cast(1 as bigint) when 1 then cast(0 as bigint) else {status} end"
            )
        };
        match merge {
            Merge::Sum => {
                let none = self.parameter(NO_VALUE.into(), "bigint");
                of_all(format!(
                    "coalesce(cast(sum(nullif({each}, {none})) as bigint), {none})"
                ))
            }
            Merge::Most => of_all(format!("max({each})")),
            Merge::Least => {
                let none = self.parameter(NO_VALUE.into(), "bigint");
                of_all(format!("coalesce(min(nullif({each}, {none})), {none})"))
            }
            Merge::Best => swapped(&of_all(format!("min({})", swapped(&each)))),
        }
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
                format!(
                    "case when c.status <> 'void' and c.expires_at <= {now} then {EXPIRED_CODE} \
                     when c.status = 'void' then {void} else {} end",
                    status()
                )
            }
        }
    }

    /// `size` rows next to `edge`, each with what it is sorted by.
    pub(super) fn page(mut self, plan: &Plan, order: Order, edge: &Edge, size: usize) -> Composed {
        self.plan(plan);
        self.ordered(order, Each::Card, edge, size)
    }

    /// Only the newest card of each customer, of those that `plan` holds for.
    pub(super) fn newest_of_each(mut self, plan: &Plan) -> Self {
        self.plan(plan);
        let (context, asked_rows) = (self.context, self.asked_rows);
        let Composed { text, params } = self.select("max(c.card_id)", " group by c.customer_id");
        Self {
            context,
            text: format!("c.card_id in ({text})"),
            params,
            names_person: false,
            names_landing: false,
            asked_rows,
        }
    }

    /// Part of what was asked for so far, in an order.
    pub(super) fn ordered(mut self, order: Order, each: Each, edge: &Edge, size: usize) -> Composed {
        let (direction, place) = match edge {
            Edge::First => (order.direction, None),
            Edge::After(place) => (order.direction, Some(place)),
            Edge::Before(place) => (order.direction.opposite(), Some(place)),
        };
        let key = match each {
            Each::Card => self.sort_key(order),
            Each::Customer => self.merged_key(order),
        };
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
