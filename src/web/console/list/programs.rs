//! What the list needs to know of a merchant's programs: their names, goals, tiers and money.

use std::collections::HashMap;

use crate::domain::id::{MerchantId, ProgramId};
use crate::domain::money::Currency;
use crate::domain::program::{Program, ProgramKind};
use crate::domain::tier;
use crate::web::Web;
use crate::web::error::ApiError;

/// A merchant's programs by id.
pub struct Programs(HashMap<ProgramId, Program>);

impl Programs {
    pub async fn of(web: &Web, merchant: MerchantId) -> Result<Self, ApiError> {
        let programs = web.ops.programs_of(merchant).await?.into_iter();
        Ok(Self(programs.map(|of| (of.program.id, of.program)).collect()))
    }

    /// Oldest first.
    pub fn all(&self) -> Vec<&Program> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|program| program.id);
        all
    }

    pub fn name(&self, id: ProgramId) -> &str {
        self.0.get(&id).map_or("", |program| program.name.as_str())
    }

    pub fn kind(&self, id: ProgramId) -> Option<ProgramKind> {
        self.0.get(&id).map(|program| program.rules.kind())
    }

    /// 0 where there is none.
    pub fn goal(&self, id: ProgramId) -> i64 {
        self.0.get(&id).map_or(0, |program| program.rules.goal())
    }

    pub fn tier(&self, id: ProgramId, tier: Option<i64>) -> Option<&str> {
        tier::name(self.0.get(&id)?.rules.ladder.as_ref(), tier)
    }

    pub fn currency(&self, id: ProgramId) -> Currency {
        self.0
            .get(&id)
            .map_or(Currency::EUR, |program| program.rules.purchase.currency)
    }

    /// What amounts are typed in where no program is meant.
    pub fn usual_currency(&self) -> Currency {
        self.all()
            .first()
            .map_or(Currency::EUR, |program| program.rules.purchase.currency)
    }

    pub fn has_goals(&self) -> bool {
        self.0
            .values()
            .any(|program| program.rules.kind() == ProgramKind::Punch)
    }

    pub fn has_points(&self) -> bool {
        self.0
            .values()
            .any(|program| program.rules.kind() == ProgramKind::Points)
    }

    pub fn has_tiers(&self) -> bool {
        self.0.values().any(|program| program.rules.ladder.is_some())
    }

    /// Every tier's name once.
    pub fn tiers(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for program in self.all() {
            for tier in program.rules.ladder.iter().flat_map(|ladder| &ladder.tiers) {
                if !names.contains(&tier.name) {
                    names.push(tier.name.clone());
                }
            }
        }
        names
    }
}
