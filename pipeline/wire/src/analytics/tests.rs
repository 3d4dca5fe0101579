//! What is read, what is refused and how.

use super::*;

const POINT: &str = r#"{"start":1790812800,"end":1790899200,"phone_number":"15550001111","country":"BR",
    "pricing_type":"REGULAR","pricing_category":"UTILITY","tier":"0:MAX","volume":12,"cost":0.0816,"new":{}}"#;

fn answer(points: &str) -> String {
    format!(r#"{{"pricing_analytics":{{"data":[{{"data_points":[{points}]}}]}},"id":"w1"}}"#)
}

fn refused(text: &str) -> String {
    read(text.as_bytes()).expect_err("refused").to_string()
}

#[test]
fn one_a_list_and_lines_are_the_same() {
    let one = answer(POINT);
    let expected = read(one.as_bytes()).expect("reads");
    assert_eq!(expected.len(), 1);
    assert_eq!((expected[0].waba.as_str(), expected[0].model), ("w1", PricingModel::Pmp));
    let point = &expected[0].points[0];
    assert_eq!((point.start, point.end, point.volume), (1_790_812_800, 1_790_899_200, 12));
    assert_eq!(point.cost.map(|cost| cost.to_string()).as_deref(), Some("0.0816"), "to the digit");
    assert_eq!((point.phone.as_deref(), point.tier.as_deref()), (Some("15550001111"), Some("0:MAX")));
    for text in [format!("[{one}]"), format!("\n{one}\n"), format!("{one}\n{one}"), format!("[{one},{one}]")] {
        let read = read(text.as_bytes()).expect("reads");
        assert!(read.iter().all(|answer| *answer == expected[0]), "{text}");
    }
}

#[test]
fn conversations_have_names_of_their_own_and_little_is_needed() {
    let text = r#"{"id":"w1","conversation_analytics":{"data":[{"data_points":[
        {"start":0,"end":1800,"conversation":3,"conversation_type":"FREE_TIER","conversation_category":"SERVICE"},
        {"start":0,"end":1800,"conversation":0,"cost":"1.10"}]}]},"pricing_analytics":{"data":[]}}"#;
    let read = read(text.as_bytes()).expect("reads");
    assert_eq!((read[0].model, read[0].points.len()), (PricingModel::Pmp, 0), "nothing was sent, which is an answer");
    let points = &read[1].points;
    assert_eq!(
        (points[0].pricing_type.as_deref(), points[0].category.as_deref()),
        (Some("FREE_TIER"), Some("SERVICE"))
    );
    assert_eq!((points[0].volume, points[0].cost), (3, None));
    assert_eq!(points[1].cost, "1.1".parse().ok());
}

#[test]
fn faults_name_path_value_and_remedy() {
    for (points, says) in [
        (POINT.replace(":12", ":\"12\""), "data_points[0].volume: the string \"12\" does not fit"),
        (POINT.replace(":12", ":-1"), "data_points[0].volume: "),
        (POINT.replace("0.0816", "\"much\""), "data_points[0].cost: \"much\" is no amount"),
        (POINT.replace("\"BR\"", "7"), "data_points[0].country: "),
        (
            POINT.replace("1790899200", "1790812800"),
            "data_points[0]: start 1790812800 and end 1790812800 are no bucket",
        ),
        (POINT.replace("1790899200", "1790899200000"), "write Unix seconds"),
        (POINT.replace("\"volume\"", "\"volumes\""), "data_points[0].volume: the volume is missing; ask with"),
        (POINT.replace("\"start\"", "\"begin\""), "data_points[0].start: the field is missing"),
        (format!("{POINT},{}", POINT.replace(":12", ":1.5")), "data_points[1].volume: "),
    ] {
        let told = refused(&answer(&points));
        assert!(told.contains(says), "{told}");
    }
    let told = refused(&answer(POINT).replace("\"w1\"", "\"\""));
    assert!(told.contains("id: the WABA is missing; ask GET"), "{told}");
    assert!(refused("{\"id\":\"w1\"}").contains("the answer has no analytics; ask for"));
    let told = refused(r#"{"error":{"message":"Unsupported get request","code":100}}"#);
    assert!(told.contains("code 100: Unsupported get request"), "{told}");
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let text = format!("{}\n{}\n", answer(POINT), answer(POINT));
    let whole = answer(POINT).len();
    for end in 0..text.len() - 2 {
        let read = read(&text.as_bytes()[..end]);
        if end == whole || end == whole + 1 {
            assert_eq!(read.map(|answers| answers.len()), Ok(1), "a whole answer");
            continue;
        }
        match read {
            Err(AnalyticsError::Empty) => assert_eq!(end, 0),
            Err(AnalyticsError::CutOff { at, .. }) => assert_eq!(at, end),
            other => panic!("{end}: {other:?}"),
        }
    }
    let told = refused(&format!("{}\nnext", answer(POINT)));
    assert!(told.contains(&format!("byte {} is not JSON", whole + 2)), "{told}");
}

#[test]
fn every_fault_has_its_line() {
    let line = |points: &str| answer(points).replace('\n', " ");
    let (good, bad) = (line(POINT), line(&POINT.replace("\"volume\"", "\"volumes\"")));
    let error = r#"{"error":{"message":"Unsupported get request","code":100}}"#;
    for (text, says) in [
        (format!("{good}\n\n{bad}\n"), "line 3, answer 2: "),
        (format!("[{good},\r\n{bad}]"), "line 2, answer 2: "),
        (format!("{good}\n{error}"), "line 2, answer 2 is an error of the platform"),
        (format!("{good}\n{good}\nnext"), "line 3, byte "),
        (format!("{good}\n{}", &good[..50]), "the file ends in line 2, at byte "),
        (format!("[{good},\n{good},\n"), "the file ends in line 3, at byte "),
    ] {
        let told = refused(&text);
        assert!(told.starts_with(says), "{says}: {told}");
    }
}
