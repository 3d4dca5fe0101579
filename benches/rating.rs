//! Rating: number to country, instant to local date, message to price.
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_rate_card::{
    Category, Country, Currency, RateCards, RatingInput, Reported, ReportedCategory, ReportedModel, ReportedType,
    WorstCaseInput, YearMonth, Zone, ZoneCache,
};

/// Numbers in proportion to nothing in particular: short and long prefixes, shared codes.
const NUMBERS: [u64; 16] = [
    5_511_987_654_321,
    919_876_543_210,
    6_281_234_567_890,
    12_025_550_143,
    14_165_550_143,
    18_765_550_143,
    447_400_123_456,
    447_797_712_345,
    79_161_234_567,
    77_011_234_567,
    212_650_123_456,
    212_528_812_345,
    262_639_012_345,
    3_546_111_234,
    6_591_234_567,
    525_512_345_678,
];

/// Messages of every category to the countries of [`NUMBERS`], as the platform reports them.
fn inputs(cards: &RateCards) -> Vec<RatingInput> {
    let usd = Currency::new("USD").expect("three capitals");
    let month = YearMonth::new(2026, 10).expect("a month");
    let mut inputs = Vec::new();
    for (index, number) in NUMBERS.into_iter().enumerate() {
        for category in Category::ALL {
            inputs.push(RatingInput {
                currency: usd,
                date: month.first_day(),
                country: cards.map().lookup(number),
                category: Some(category),
                window_open: index % 3 == 0,
                fep_open: index % 11 == 0,
                auth_international: false,
                allowance_used: index as u64 * 100,
                band_ordinal: Some(index as u64 * 400_000 + 1),
                bid: false,
                reported: (index % 2 == 0).then_some(Reported {
                    category: Some(ReportedCategory::Known(category)),
                    pricing_type: Some(ReportedType::Regular),
                    model: Some(ReportedModel::parse("PMP")),
                }),
            });
        }
    }
    inputs
}

fn rating(criterion: &mut Criterion) {
    let cards = RateCards::embedded().expect("the embedded data is sound");
    let current = inputs(&cards);
    let banded: Vec<RatingInput> = current
        .iter()
        .map(|input| RatingInput {
            date: YearMonth::new(2026, 7).expect("a month").first_day(),
            country: Country::new("MX"),
            category: Some(Category::Utility),
            reported: None,
            ..*input
        })
        .collect();
    let mut group = criterion.benchmark_group("rating");
    group.throughput(Throughput::Elements(current.len() as u64));
    for (name, inputs) in [("rate/current", &current), ("rate/banded", &banded)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for input in inputs {
                    black_box(cards.rate(black_box(input)));
                }
            });
        });
    }
    group.bench_function("worst_case", |bencher| {
        let bounds: Vec<WorstCaseInput> = current
            .iter()
            .filter_map(|input| {
                Some(WorstCaseInput {
                    currency: input.currency,
                    from: input.date,
                    to: input.date,
                    country: input.country,
                    category: input.category?,
                    auth_international: false,
                })
            })
            .collect();
        bencher.iter(|| {
            for bound in &bounds {
                let _ = black_box(cards.worst_case(black_box(bound)));
            }
        });
    });
    group.throughput(Throughput::Elements(NUMBERS.len() as u64));
    group.bench_function("lookup", |bencher| {
        bencher.iter(|| {
            for number in NUMBERS {
                black_box(cards.map().lookup(black_box(number)));
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    let zone = Zone::new("America/Sao_Paulo").expect("a zone");
    let (start, _) = zone.month_bounds(YearMonth::new(2026, 10).expect("a month"));
    group.bench_function("local_date/cached", |bencher| {
        let mut cache = ZoneCache::default();
        let mut second = 0;
        bencher.iter(|| {
            second = (second + 1) % 86_400;
            black_box(zone.local_date(start + second, &mut cache))
        });
    });
    group.bench_function("local_date/uncached", |bencher| {
        bencher.iter(|| black_box(zone.local_date_at(black_box(start))));
    });
    group.bench_function("catalogue/embedded", |bencher| {
        bencher.iter(RateCards::embedded);
    });
    group.finish();
}

criterion_group!(benches, rating);
criterion_main!(benches);
