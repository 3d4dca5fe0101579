//! The crate stays pure: what it may depend on is listed here.

const ALLOWED: [&str; 3] = ["governor", "serde", "thiserror"];

#[test]
fn nothing_that_does_io_is_depended_on() {
    let manifest = include_str!("../Cargo.toml");
    let (_, after) = manifest.split_once("[dependencies]\n").expect("a dependency table");
    let names: Vec<&str> = after
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names, ALLOWED);
}
