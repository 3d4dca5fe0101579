//! Where the recipients live: weights, numbering and language per country.
//!
//! Numbers have a real country and mobile prefix and the national length, and random digits after that: they look
//! valid and nobody chose them.

use super::dice::Dice;

/// Part of the world, by which accounts prefer recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    Americas,
    Europe,
    Asia,
    Africa,
}

/// One country.
#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(super) iso: &'static str,
    /// Calling code and the beginning of mobile numbers.
    prefix: &'static str,
    /// Random digits after it.
    digits: u32,
    /// Share of recipients, in proportion to the others.
    weight: u32,
    region: Region,
    /// Language that templates are asked for first.
    pub(super) language: &'static str,
}

const fn country(
    iso: &'static str,
    prefix: &'static str,
    digits: u32,
    weight: u32,
    region: Region,
    language: &'static str,
) -> Country {
    Country { iso, prefix, digits, weight, region, language }
}

use Region::{Africa, Americas, Asia, Europe};

/// All of them, by weight within each region.
pub(super) const COUNTRIES: [Country; 64] = [
    country("BR", "55119", 8, 130, Americas, "pt_BR"),
    country("MX", "5255", 8, 80, Americas, "es_MX"),
    country("CO", "57310", 7, 30, Americas, "es_MX"),
    country("AR", "54911", 8, 25, Americas, "es_MX"),
    country("US", "1646", 7, 22, Americas, "en_US"),
    country("PE", "519", 8, 15, Americas, "es_MX"),
    country("CL", "569", 8, 12, Americas, "es_MX"),
    country("CA", "1416", 7, 6, Americas, "en_US"),
    country("EC", "5939", 8, 6, Americas, "es_MX"),
    country("GT", "5025", 7, 6, Americas, "es_MX"),
    country("DO", "1809", 7, 5, Americas, "es_MX"),
    country("CR", "5068", 7, 4, Americas, "es_MX"),
    country("BO", "5917", 7, 4, Americas, "es_MX"),
    country("UY", "5989", 7, 3, Americas, "es_MX"),
    country("PA", "5076", 7, 3, Americas, "es_MX"),
    country("IN", "9198", 8, 150, Asia, "hi"),
    country("ID", "62812", 8, 80, Asia, "id"),
    country("SA", "96650", 7, 25, Asia, "ar"),
    country("TR", "90532", 7, 20, Asia, "en_US"),
    country("PK", "92300", 7, 18, Asia, "en_US"),
    country("MY", "6012", 7, 15, Asia, "en_US"),
    country("AE", "97150", 7, 15, Asia, "ar"),
    country("PH", "63917", 7, 15, Asia, "en_US"),
    country("BD", "88017", 8, 8, Asia, "en_US"),
    country("IL", "97254", 7, 6, Asia, "en_US"),
    country("AU", "614", 8, 6, Asia, "en_US"),
    country("SG", "659", 7, 5, Asia, "en_US"),
    country("LK", "9477", 7, 5, Asia, "en_US"),
    country("IQ", "96477", 8, 5, Asia, "ar"),
    country("HK", "8529", 7, 4, Asia, "en_US"),
    country("NP", "97798", 8, 4, Asia, "en_US"),
    country("QA", "97455", 6, 4, Asia, "ar"),
    country("KW", "96566", 6, 4, Asia, "ar"),
    country("OM", "96892", 6, 3, Asia, "ar"),
    country("KZ", "7701", 7, 3, Asia, "en_US"),
    country("JP", "8190", 8, 3, Asia, "en_US"),
    country("DE", "49151", 8, 40, Europe, "de"),
    country("GB", "44741", 7, 35, Europe, "en_US"),
    country("ES", "346", 8, 35, Europe, "es_MX"),
    country("IT", "39333", 7, 25, Europe, "en_US"),
    country("FR", "336", 8, 20, Europe, "fr"),
    country("NL", "316", 8, 10, Europe, "en_US"),
    country("PL", "48601", 6, 8, Europe, "en_US"),
    country("PT", "35191", 7, 8, Europe, "pt_BR"),
    country("BE", "32470", 6, 6, Europe, "fr"),
    country("CH", "4179", 7, 6, Europe, "de"),
    country("AT", "43664", 7, 6, Europe, "de"),
    country("RO", "4072", 7, 6, Europe, "en_US"),
    country("CZ", "420602", 6, 5, Europe, "en_US"),
    country("SE", "4670", 7, 5, Europe, "en_US"),
    country("UA", "38050", 7, 5, Europe, "en_US"),
    country("IE", "35387", 7, 4, Europe, "en_US"),
    country("HU", "3620", 7, 4, Europe, "en_US"),
    country("NG", "234803", 7, 30, Africa, "en_US"),
    country("ZA", "2782", 7, 20, Africa, "en_US"),
    country("EG", "2010", 8, 18, Africa, "ar"),
    country("KE", "2547", 8, 10, Africa, "en_US"),
    country("GH", "23324", 7, 8, Africa, "en_US"),
    country("MA", "2126", 8, 8, Africa, "fr"),
    country("TN", "2162", 7, 4, Africa, "fr"),
    country("TZ", "25575", 7, 4, Africa, "en_US"),
    country("UG", "25677", 7, 3, Africa, "en_US"),
    country("SN", "22177", 7, 3, Africa, "fr"),
    country("CI", "22507", 8, 3, Africa, "fr"),
];

/// Picks a country; `preferred` weighs five times as much.
pub(super) fn choose(dice: &mut Dice, preferred: Option<Region>) -> usize {
    let weight = move |c: &Country| if Some(c.region) == preferred { c.weight * 5 } else { c.weight };
    dice.weighted(COUNTRIES.iter().map(weight))
}

impl Country {
    /// A number without `+`. Its last three digits are none of those that order a behaviour of the sandbox, unless
    /// `ending` is one.
    pub(super) fn number(&self, dice: &mut Dice, ending: Option<u64>) -> u64 {
        let prefix: u64 = self.prefix.parse().expect("digits, see the table");
        let mut rest = dice.below(10u64.pow(self.digits));
        rest = match ending {
            Some(ending) => rest - rest % 1_000 + ending,
            None if rest % 1_000 < 100 => rest + 100,
            None => rest,
        };
        prefix * 10u64.pow(self.digits) + rest
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNTRIES, Dice};
    use tollgate_rate_card::RateCards;

    #[test]
    fn every_number_is_found_in_its_country() {
        let rates = RateCards::embedded().expect("the embedded cards");
        let mut dice = Dice::new(1);
        for country in &COUNTRIES {
            // Many of each: a prefix may hold a small range of another country.
            for ending in [None, Some(13)].into_iter().cycle().take(200) {
                let number = country.number(&mut dice, ending);
                let found = rates.map().lookup(number).map(|c| c.to_string());
                assert_eq!(found.as_deref(), Some(country.iso), "{number}");
                assert_eq!(ending.is_some(), (1..=18).contains(&(number % 1_000)), "{number}");
                assert!((10..=13).contains(&number.to_string().len()), "{number}");
            }
        }
    }
}
