//! What nearly every test begins with: a merchant with one program, on a clock that the test moves.

use passgate::clock::{Clock, Ids};
use passgate::domain::id::{MerchantId, PassTypeIdentifier, ProgramId};
use passgate::domain::program::Rules;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::store::Store;

/// 2026-09-21, 14:13 UTC.
pub(crate) const NOON: Timestamp = Timestamp(1_790_000_000_000);

pub(crate) struct Business {
    pub(crate) ops: Ops,
    pub(crate) merchant: MerchantId,
    pub(crate) program: ProgramId,
}

/// The corner café with a program of these rules.
pub(crate) async fn open(store: Store, zone: &str, rules: Rules) -> Business {
    let ops = Ops {
        store,
        clock: Clock::manual(NOON),
        ids: Ids::random(),
    };
    let business = NewBusiness {
        name: "Corner Café".into(),
        zone: zone.into(),
    };
    let merchant = ops.create_merchant(business).await.expect("a merchant");
    let program = NewProgram {
        name: "Coffee card".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
        reward_name: "Free coffee".into(),
        rules,
    };
    let program = ops.create_program(merchant, program).await.expect("a program");
    Business {
        ops,
        merchant,
        program,
    }
}
