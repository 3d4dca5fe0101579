//! A business phone number as the platform lists it.

use serde_json::{Value, json};

use crate::webhook::management::tier;
use crate::world::{Sender, World};

/// Messages a second from which a number's throughput is called high.
const HIGH_MPS: u32 = 1_000;
/// First version whose numbers name the portfolio's limit; before it they name their own.
const PORTFOLIO_LIMIT_SINCE: u32 = 24;

/// Fields of a question that names none.
pub(crate) const DEFAULT: &[&str] = &["verified_name", "display_phone_number", "quality_rating"];

/// Fields that there are in a version, besides `id`.
pub(crate) fn known(graph_major: u32) -> [&'static str; 5] {
    let limit = if graph_major < PORTFOLIO_LIMIT_SINCE {
        "messaging_limit_tier"
    } else {
        "whatsapp_business_manager_messaging_limit"
    };
    ["verified_name", "display_phone_number", "quality_rating", "throughput", limit]
}

/// All fields of a number.
pub(crate) fn number(world: &World, sender: &Sender) -> Value {
    let limit = tier(world.limit_of(sender));
    json!({
        "verified_name": world.portfolios[sender.portfolio].id,
        "display_phone_number": format!("+{}", sender.display_phone_number),
        "quality_rating": sender.quality_rating,
        "throughput": { "level": if sender.throughput_mps >= HIGH_MPS { "HIGH" } else { "STANDARD" } },
        "messaging_limit_tier": limit,
        "whatsapp_business_manager_messaging_limit": limit,
        "id": sender.phone_number_id,
    })
}
