//! What the campaign set is made of: so many of 100,000 recipients each, and what is special about them.

use tollgate_wire::request::Purpose;

/// A group of recipients with the same fate in store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Of 100,000 recipients.
    pub(super) share: u32,
    /// Index of the account.
    pub(super) account: usize,
    pub(super) campaign: Option<&'static str>,
    pub(super) purpose: Purpose,
    pub(super) content: Content,
    pub(super) person: Person,
    pub(super) when: When,
    /// Some of them behave unusually: never delivered, answers STOP, statuses twice, …
    pub(super) lively: bool,
    /// They come one by one while the rest is under way, and not all at once.
    pub(super) streamed: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A template in the recipient's language, else in English.
    Template(&'static str),
    /// The first of two templates that may be sent.
    Either(&'static str, &'static str),
    /// Free text.
    Text,
    /// A template with one parameter too many.
    TooManyParameters(&'static str),
}

/// Who it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    /// Opted in.
    OptedIn,
    /// Never said yes.
    Silent,
    /// Said no.
    OptedOut,
    /// Wrote to the number a moment ago; never asked for more.
    Wrote,
    /// A number in no country.
    Nobody,
    /// Somebody whose request is misspelt.
    Malformed,
    /// Somebody who gets the first part's message, too.
    Again,
}

/// When it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Now,
    /// The day after.
    Tomorrow,
    /// Useless an hour ago.
    Past,
}

const fn part(
    share: u32,
    account: usize,
    campaign: Option<&'static str>,
    purpose: Purpose,
    content: Content,
    person: Person,
) -> Part {
    Part { share, account, campaign, purpose, content, person, when: When::Now, lively: false, streamed: false }
}

impl Part {
    const fn lively(self) -> Self {
        Self { lively: true, ..self }
    }

    const fn streamed(self) -> Self {
        Self { streamed: true, ..self }
    }

    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
}

use Content::{Either, Template, Text, TooManyParameters};
use Person::{Again, Malformed, Nobody, OptedIn, OptedOut, Silent, Wrote};
use Purpose::{Authentication, Marketing, Service, Utility};

/// All parts. The first one is whom [`Person::Again`] repeats.
pub(super) const PARTS: [Part; 41] = [
    part(22_600, 0, Some("black-friday"), Marketing, Template("black_friday"), OptedIn).lively(),
    part(9_000, 0, Some("winter-sale"), Marketing, Template("winter_sale"), OptedIn).lively(),
    part(13_000, 0, None, Utility, Template("order_shipped"), OptedIn).lively(),
    part(2_500, 0, None, Authentication, Template("login_code"), OptedIn),
    part(1_500, 0, Some("support"), Service, Text, Wrote),
    part(300, 0, Some("support"), Service, Text, OptedIn),
    part(1_600, 0, Some("loyalty"), Marketing, Template("loyalty_points"), OptedIn),
    part(600, 0, Some("loyalty"), Marketing, Either("loyalty_points", "black_friday"), OptedIn),
    part(900, 0, Some("vip-preview"), Marketing, Template("black_friday"), OptedIn),
    part(900, 0, Some("brunch-club"), Marketing, Template("black_friday"), OptedIn),
    part(700, 0, Some("gift-cards"), Marketing, Template("winter_sale"), OptedIn),
    part(800, 0, None, Utility, Template("order_shipped"), OptedIn).when(When::Tomorrow),
    part(400, 0, Some("spring-teaser"), Marketing, Template("spring_teaser"), OptedIn),
    part(200, 0, Some("flash"), Marketing, Template("flash_offer"), OptedIn),
    part(100, 0, Some("black-friday"), Marketing, TooManyParameters("black_friday"), OptedIn),
    part(100, 0, Some("black-friday"), Marketing, Template("order_shipped"), OptedIn),
    part(1_800, 0, Some("black-friday"), Marketing, Template("black_friday"), Silent),
    part(1_200, 0, Some("black-friday"), Marketing, Template("black_friday"), OptedOut),
    part(200, 0, Some("black-friday"), Marketing, Template("black_friday"), OptedIn).when(When::Past),
    part(150, 0, Some("black-friday"), Marketing, Template("black_friday"), Nobody),
    part(50, 0, Some("black-friday"), Marketing, Template("black_friday"), Malformed),
    part(1_400, 0, Some("last-call"), Marketing, Template("winter_sale"), Again),
    part(16_000, 1, Some("autumn-offers"), Marketing, Template("autumn_offers"), OptedIn).lively(),
    part(3_000, 1, None, Utility, Template("booking_update"), OptedIn).lively(),
    part(400, 1, None, Authentication, Template("login_code"), OptedIn),
    part(60, 1, Some("support"), Service, Text, Wrote),
    part(840, 1, Some("price-watch"), Marketing, Template("price_watch"), OptedIn),
    part(300, 1, Some("spring-teaser"), Marketing, Template("spring_teaser"), OptedIn),
    part(1_500, 1, Some("autumn-offers"), Marketing, Template("autumn_offers"), Silent),
    part(900, 1, Some("autumn-offers"), Marketing, Template("autumn_offers"), OptedOut),
    part(600, 1, None, Utility, Template("booking_update"), OptedIn).when(When::Tomorrow),
    part(100, 1, None, Utility, Template("booking_update"), Nobody),
    part(1_300, 1, Some("autumn-offers"), Marketing, Either("price_watch", "autumn_offers"), OptedIn),
    part(8_500, 2, Some("health-week"), Marketing, Template("health_week"), OptedIn).lively(),
    part(3_500, 2, None, Utility, Template("appointment_reminder"), OptedIn).lively().streamed(),
    part(120, 2, None, Authentication, Template("login_code"), OptedIn),
    part(40, 2, Some("support"), Service, Text, Wrote),
    part(700, 2, Some("vaccination"), Marketing, Template("vaccination"), OptedIn),
    part(1_200, 2, Some("health-week"), Marketing, Template("health_week"), Silent),
    part(600, 2, Some("health-week"), Marketing, Template("health_week"), OptedOut),
    part(340, 2, Some("spring-teaser"), Marketing, Template("spring_teaser"), OptedIn),
];

/// How many of `recipients` each part gets: together exactly all of them.
pub(super) fn sizes(recipients: u32) -> impl Iterator<Item = usize> {
    let mut share = 0;
    let mut given = 0;
    PARTS.iter().map(move |part| {
        share += u64::from(part.share);
        let upto = share * u64::from(recipients) / 100_000;
        let size = upto - given;
        given = upto;
        size as usize
    })
}

#[cfg(test)]
mod tests {
    use super::{PARTS, sizes};

    #[test]
    fn the_parts_are_the_whole() {
        assert_eq!(PARTS.iter().map(|part| part.share).sum::<u32>(), 100_000);
        for recipients in [1, 999, 2_000, 100_000, 1_234_567] {
            assert_eq!(sizes(recipients).sum::<usize>(), recipients as usize);
        }
        for account in 0..3 {
            let all: u32 = PARTS.iter().filter(|part| part.account == account).map(|part| part.share).sum();
            assert_eq!(all, [60_000, 25_000, 15_000][account]);
        }
    }
}
