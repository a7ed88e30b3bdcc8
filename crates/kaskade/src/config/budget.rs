//! The budgets as the roles take them.

use kaskade_net::role::budget::{BudgetOptions, Rate};

use super::{BudgetConfig, Config, Parsed};

impl BudgetConfig {
    /// No bounds, for measurements.
    pub fn unlimited() -> Self {
        let rate = Parsed(Rate::UNLIMITED);
        Self {
            requester: rate,
            serving_network: rate,
            node: rate,
            suci: rate,
            card_of_requester: rate,
            card: rate,
        }
    }
}

impl Config {
    /// The budgets.
    pub fn budgets(&self) -> BudgetOptions {
        let BudgetConfig {
            requester,
            serving_network,
            node,
            suci,
            card_of_requester,
            card,
        } = self.budget;
        BudgetOptions {
            requester: requester.0,
            serving_network: serving_network.0,
            node: node.0,
            suci: suci.0,
            card_of_requester: card_of_requester.0,
            card: card.0,
        }
    }
}
