//! The `pricing` object: per-message rules by category, window, free entry point and date.

use super::lifecycle::MessageKind;
use super::pairs::FreeEntry;
use crate::config::check::EraStarts;
use crate::config::template::Category;

/// What the platform says a message costs, without the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pricing {
    pub(crate) billable: bool,
    /// `regular`, `free_customer_service` or `free_entry_point`.
    pub(crate) kind: &'static str,
    pub(crate) category: &'static str,
    pub(crate) free_entry: Option<FreeEntry>,
}

/// What a rule needs to know at the moment it is applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now_s: u64,
    pub(crate) window_open: bool,
    pub(crate) free_entry: Option<FreeEntry>,
}

impl Pricing {
    /// Prices a message at `moment`. `international` says that the recipient's country has
    /// authentication-international rates for this account.
    pub(crate) fn of(kind: MessageKind, international: bool, eras: EraStarts, moment: Moment) -> Self {
        if moment.free_entry.is_some() {
            return Self {
                billable: false,
                kind: "free_entry_point",
                category: "referral_conversion",
                free_entry: moment.free_entry,
            };
        }
        let (category, free) = match kind {
            MessageKind::Template(Category::Marketing) => ("marketing", false),
            MessageKind::Template(Category::Authentication) if international => ("authentication-international", false),
            MessageKind::Template(Category::Authentication) => ("authentication", false),
            MessageKind::Template(Category::Utility) => {
                ("utility", moment.window_open && moment.now_s < eras.utility_s)
            }
            MessageKind::Service => ("service", moment.now_s < eras.service_s),
        };
        Self {
            billable: !free,
            kind: if free { "free_customer_service" } else { "regular" },
            category,
            free_entry: None,
        }
    }

    /// `conversation.origin.type`; the documents write this table with underscores.
    pub(crate) fn origin(self) -> &'static str {
        match self.category {
            "authentication-international" => "authentication_international",
            category => category,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Category, EraStarts, FreeEntry, MessageKind, Moment, Pricing};

    const ERAS: EraStarts = EraStarts { utility_s: 1_000, service_s: 1_000 };

    #[test]
    fn the_documented_table() {
        let marketing = MessageKind::Template(Category::Marketing);
        let utility = MessageKind::Template(Category::Utility);
        let code = MessageKind::Template(Category::Authentication);
        let service = MessageKind::Service;
        let entry = Some(FreeEntry { id: 1, until_s: 9_999 });
        let free = "free_customer_service";
        // kind, now, window, free entry → type, category
        let table = [
            (marketing, 0, false, None, "regular", "marketing"),
            (marketing, 0, true, None, "regular", "marketing"),
            (marketing, 0, true, entry, "free_entry_point", "referral_conversion"),
            (utility, 999, false, None, "regular", "utility"),
            (utility, 999, true, None, free, "utility"),
            (utility, 1_000, true, None, "regular", "utility"),
            (utility, 1_000, true, entry, "free_entry_point", "referral_conversion"),
            (code, 999, true, None, "regular", "authentication"),
            (service, 999, true, None, free, "service"),
            (service, 1_000, true, None, "regular", "service"),
        ];
        for (row, (kind, now_s, window_open, free_entry, price, category)) in table.into_iter().enumerate() {
            let moment = Moment { now_s, window_open, free_entry };
            let pricing = Pricing::of(kind, false, ERAS, moment);
            assert_eq!((pricing.kind, pricing.category), (price, category), "row {row}");
            assert_eq!(pricing.billable, price == "regular", "row {row}");
        }
    }

    #[test]
    fn international_codes_have_two_spellings() {
        let moment = Moment { now_s: 0, window_open: false, free_entry: None };
        let code = MessageKind::Template(Category::Authentication);
        let pricing = Pricing::of(code, true, ERAS, moment);
        assert_eq!(pricing.category, "authentication-international");
        assert_eq!(pricing.origin(), "authentication_international");
    }
}
