//! A million customers with a card each, made by the database itself: one text for both engines, drawn by arithmetic, so
//! that every run has the same ones. Two years of joining; few come often and many seldom.

use passgate::domain::id::{MerchantId, ProgramId};

/// 25 November 2026, noon in London.
pub(crate) const NOW: i64 = 1_795_608_000_000;
const TWO_YEARS: i64 = 63_072_000_000;
/// Where ids begin to count.
const ID_EPOCH: i64 = 1_704_067_200_000;

const FIRST_NAMES: [&str; 24] = [
    "Anna", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hannes", "Ines", "Jonas", "Kim", "Lea", "Max",
    "Nora", "Oskar", "Paula", "Quentin", "Rosa", "Samir", "Tilda", "Umut", "Vera", "Wim", "Yara",
];
const LAST_NAMES: [&str; 25] = [
    "Becker",
    "Hoffmann",
    "Yilmaz",
    "Novak",
    "Rossi",
    "Jensen",
    "Kowalski",
    "Schneider",
    "Dubois",
    "Garcia",
    "Haas",
    "Ivanov",
    "Keller",
    "Lang",
    "Meyer",
    "Nguyen",
    "Ott",
    "Peters",
    "Quast",
    "Richter",
    "Sommer",
    "Thiel",
    "Urban",
    "Vogt",
    "Zimmermann",
];

/// The statements, to be run in order. `programs` are a punch, a points and a coupon program.
pub(crate) fn statements(merchant: MerchantId, programs: [ProgramId; 3], customers: usize) -> Vec<String> {
    let merchant = merchant.0;
    let [punch, points, coupon] = programs.map(|program| program.0);
    let step = TWO_YEARS / i64::try_from(customers).expect("not so many");
    let names = |names: &[&str]| {
        let rows: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(key, name)| format!("({key}, '{name}')"))
            .collect();
        rows.join(", ")
    };
    let (first, last) = (names(&FIRST_NAMES), names(&LAST_NAMES));
    let (first_count, last_count) = (FIRST_NAMES.len(), LAST_NAMES.len());
    // h, j and k look random and have nothing to do with each other.
    let people = format!(
        "with recursive n (i) as (select cast(1 as bigint) union all select i + 1 from n where i < {customers}), \
         p as (select i, {NOW} - {TWO_YEARS} + i * {step} as joined, i * 7919 % 1000003 as h, \
         i * 104729 % 999983 as j, i * 15485863 % 999979 as k from n), \
         q as (select p.*, (joined - {ID_EPOCH}) * 2097152 + i % 1000000 * 2 as id from p)"
    );
    let with_names =
        format!("{people}, f (key, name) as (values {first}), l (key, name) as (values {last}) ");
    vec![
        format!(
            "insert into customers (merchant_id, customer_id, first_name, last_name, email, email_key, phone, birthday, \
             language, search, name_key, verified_at, created_at, changed_at) \
             {with_names} select {merchant}, q.id, f.name, l.name, \
             case when h % 5 > 0 then lower(f.name || '.' || l.name) || i || '@example.com' end, \
             case when h % 5 > 0 then lower(f.name || '.' || l.name) || i || '@example.com' end, \
             case when j % 5 > 1 then '+4915' || (100000000 + h * 97 % 899999999) end, \
             case when k % 10 < 7 then (1 + h % 12) * 100 + 1 + j % 28 end, \
             case when k % 20 < 13 then 'de' when k % 20 < 19 then 'en' else 'fr' end, \
             '\n\n' || lower(f.name || ' ' || l.name) || '\n\n' || lower(l.name || ' ' || f.name) || \
             case when h % 5 > 0 then '\n\n' || lower(f.name || '.' || l.name) || i || '@example.com' else '' end || \
             case when j % 5 > 1 then '\n\n4915' || (100000000 + h * 97 % 899999999) else '' end || '\n\n' || (id + 1), \
             lower(f.name || ' ' || l.name), case when k % 3 = 0 then joined + 1000 end, joined, joined \
             from q join f on f.key = q.j % {first_count} join l on l.key = q.k % {last_count}"
        ),
        // Visits fall off with the fourth power: half of all customers have at most 3, one in a hundred has 48 or more.
        format!(
            "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, holder, status, \
             channels, punches, points, rewards, visits, scans, spend, redemptions, tier, last_visit_at, \
             last_earned_at, earned_on_day, expires_at, redeemed_at, installed_as, created_at, version, changed_at) \
             {people}, v as (select q.*, (h % 1000) * (h % 1000) / 1000 * (h % 1000) / 1000 * (h % 1000) / 1000 / 20 as visits, \
             case when j % 20 < 12 then {punch} when j % 20 < 17 then {points} else {coupon} end as program from q), \
             w as (select v.*, case when visits > 0 then joined + ({NOW} - joined) / 1000 * (k % 1000) end as seen from v) \
             select {merchant}, id + 1, program, id, 'card-' || (id + 1), 'token-' || (id + 1), null, \
             case when k % 100 < 10 then 'pending' when k % 100 < 80 then 'installed' when k % 100 < 95 then 'removed' \
             else 'void' end, case when k % 100 between 10 and 79 then 1 + j % 3 else 0 end, \
             case when program = {punch} then visits % 10 else 0 end, \
             case when program = {points} then visits * 7 % 500 else 0 end, \
             case when program = {punch} and visits >= 10 then (h + j) % 2 else 0 end, visits, visits, \
             visits * (300 + j % 1500), visits / 10, case when program = {points} then visits / 20 end, seen, seen, 0, \
             case when program = {coupon} then joined + 15552000000 end, \
             case when program = {coupon} and visits > 0 then seen end, program, joined, 1, joined from w"
        ),
        format!(
            "insert into tokens (merchant_id, token, card_id) \
             select c.merchant_id, c.token, c.card_id from cards c where c.merchant_id = {merchant} \
             and c.visits between 10 and 12"
        ),
        // Some of everything that is beside cards and people.
        format!(
            "insert into customer_tags (merchant_id, customer_id, tag_key, tag, created_at) \
             select u.merchant_id, u.customer_id, case when u.birthday > 600 then 'vip' else 'stammgast' end, 'VIP', 0 \
             from customers u where u.merchant_id = {merchant} and u.birthday % 10 = 3"
        ),
        format!(
            "insert into custom_values (merchant_id, card_id, code, value, number) \
             select c.merchant_id, c.card_id, 'size', 36 + c.visits % 12, (36 + c.visits % 12) * 10000 \
             from cards c where c.merchant_id = {merchant} and c.status = 'installed'"
        ),
        format!(
            "insert into utms (merchant_id, card_id, source, medium, landed_at) \
             select c.merchant_id, c.card_id, case when c.visits % 2 = 0 then 'flyer' else 'instagram' end, 'qr', 0 \
             from cards c where c.merchant_id = {merchant} and c.channels > 1"
        ),
        format!(
            "insert into redemptions (merchant_id, card_id, event_id, at) \
             select c.merchant_id, c.card_id, 1, c.last_visit_at from cards c \
             where c.merchant_id = {merchant} and c.redemptions > 0"
        ),
        format!(
            "insert into redemptions (merchant_id, card_id, event_id, at) \
             select c.merchant_id, c.card_id, 2, (c.created_at + c.last_visit_at) / 2 from cards c \
             where c.merchant_id = {merchant} and c.redemptions > 1"
        ),
    ]
}
