//! What is stored: one type per entity. Small hot records are `Copy`; settings are plain structs.

mod brand;
mod campaign;
mod contact;
mod foreign;
mod message;
mod owner;
mod pair;

pub use brand::{Brands, NamesUsedUp, Was};
pub use campaign::{CAMPAIGN_KEPT_DAYS, CAMPAIGNS_MOST, Campaign, CampaignState};
pub use contact::{Consent, Contact, MARKETING_KEPT, Moved, OPT_OUTS, Pending, Refusals, Term};
pub(crate) use contact::{pending_until_s, slot_of};
pub use foreign::{Foreign, Known};
pub use message::{Attempt, AttemptState, Booked, Message, MessageState, Park, SaidRank, Stands, Tail, Unit};
pub use owner::{Account, Pauses, Sender, SenderLive, Template, Waba};
pub use pair::{Pair, Past, Untyped, Window};
