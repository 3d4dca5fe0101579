use super::{check, message};

#[test]
fn the_market_map() {
    check(
        "market_map.csv",
        &[
            ("\n55,BR,", "\n55,br,", "120: iso2 is `br`; write an ISO 3166-1 alpha-2 code, or * with the empty prefix"),
            ("\n55,BR,", "\n+55,BR,", "120: prefix is `+55`; write a prefix of at most 7 digits, without leading zero"),
            (
                "\n55,BR,",
                "\n54,BR,",
                "120: prefix `54` has other markets on line 119; give countries that share a prefix the same markets",
            ),
            (
                "\n54,AR,Argentina,Argentina,",
                "\n54,AR,Argentina,,",
                "119: market_from_2023_06_01 is ``; write the name of a market",
            ),
            (
                "\n55,BR,Brazil,Brazil,Brazil,Brazil,Brazil,published",
                "\n55,BR,Brazil,Brazil,Brazil,Brazil,Brazil,sure",
                "120: status is `sure`; write published or inferred",
            ),
            (
                "\n1787,PR,Puerto Rico,Rest of Latin America",
                "\n1787,PR,Puerto Rico,Other",
                "32: PR has other markets on an earlier line; give all prefixes of a country the same markets",
            ),
            (
                "1,US,United States",
                "1,CA,United States",
                "5: prefix `1` of CA is already on line 4; keep one of the two",
            ),
            (
                "market_from_2025_10_01",
                "market_from_2022_10_01",
                "3: the columns are `prefix,iso2,country,market_from_2023_06_01,market_from_2022_10_01,market_from_2026_07_01,market_from_2026_10_01,status,note`; write `prefix,iso2,country,market_from_YYYY_MM_DD (one a period, ascending),status,note`",
            ),
        ],
    );
}

#[test]
fn numbering() {
    check(
        "nanp_area_codes.csv",
        &[
            (
                "1204,CA",
                "1787,CA",
                "4: CA has other markets on an earlier line; give all prefixes of a country the same markets",
            ),
            (
                "1226,CA",
                "1204,CA",
                "5: prefix `1204` is already in nanp_area_codes.csv:4; keep one of the two, or set from_number to no",
            ),
            ("1204,CA,Canada,yes", "1204,CA,Canada,true", "4: from_number is `true`; write yes or no"),
            (
                "1204,CA",
                "55204,CA",
                "4: CA has other markets on an earlier line; give all prefixes of a country the same markets",
            ),
        ],
    );
}

#[test]
fn a_shared_prefix_needs_a_country_for_the_rest() {
    let line = "1,US,United States,yes,inferred,area codes not listed\n";
    assert_eq!(
        message("nanp_area_codes.csv", line, ""),
        "market_map.csv:4: prefix `1` is shared by several countries; add the prefix to a \
         numbering file with the country of all numbers not listed there"
    );
}
