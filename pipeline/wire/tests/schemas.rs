//! Schemas and types say the same: every example reads, every field written is in the schema, and every
//! property of the schema is a field that some example makes us write.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use tollgate_wire::ledger::{BandReached, Cause, EntryKind, LedgerEntry, MonthClosed, Origin};
use tollgate_wire::order::Order;
use tollgate_wire::outcome::{Outcome, OutcomeKind};
use tollgate_wire::snapshot::{
    AccountSnapshot, AnsweredSnapshot, ConsentSnapshot, LevelSnapshot, PersonErased, ReplySnapshot, TemplateSnapshot,
};
use tollgate_wire::{Reason, command, event, request};

macro_rules! schema {
    ($name:literal) => {
        include_str!(concat!("../../../docs/schemas/", $name, ".schema.json"))
    };
}

/// A schema as far as ours go: `type`, `properties`, `required`, `additionalProperties`, `items`, `oneOf`,
/// `const`, `enum`, `$ref` within the file, lengths and bounds. `pattern` and `format` are for readers.
struct Schema(Value);

/// Pointers of the properties that were met.
type Met = BTreeSet<String>;

impl Schema {
    fn new(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("the schema is JSON"))
    }

    fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing in the schema"))
    }

    /// Checks `value` and tells which properties it has, or where it does not fit.
    fn check(&self, pointer: &str, value: &Value) -> Result<Met, String> {
        let schema = self.at(pointer);
        let fail = |why: &str| Err(format!("{pointer}: {why}: {value}"));
        let mut met = Met::new();
        if let Some(target) = schema["$ref"].as_str() {
            met.append(&mut self.check(target.trim_start_matches('#'), value)?);
        }
        if let Some(branches) = schema["oneOf"].as_array() {
            let results: Vec<_> =
                (0..branches.len()).map(|i| self.check(&format!("{pointer}/oneOf/{i}"), value)).collect();
            if results.iter().filter(|r| r.is_ok()).count() != 1 {
                let why: Vec<_> = results.into_iter().filter_map(Result::err).collect();
                return fail(&format!("fits not exactly one of: {}", why.join(" | ")));
            }
            results.into_iter().flatten().for_each(|mut m| met.append(&mut m));
        }
        if schema.get("const").is_some_and(|c| c != value) {
            return fail("another constant");
        }
        if schema["enum"].as_array().is_some_and(|e| !e.contains(value)) {
            return fail("not in the list");
        }
        if let Some(types) = schema.get("type")
            && !types_of(types).any(|t| is_of(value, t))
        {
            return fail("another type");
        }
        if !within_bounds(schema, value) {
            return fail("out of bounds");
        }
        if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
            assert!(items.is_object());
            for item in list {
                met.append(&mut self.check(&format!("{pointer}/items"), item)?);
            }
        }
        if let Some(object) = value.as_object() {
            met.append(&mut self.check_object(pointer, schema, object)?);
        }
        Ok(met)
    }

    fn check_object(&self, pointer: &str, schema: &Value, object: &Map<String, Value>) -> Result<Met, String> {
        let mut met = Met::new();
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            if !object.contains_key(name) {
                return Err(format!("{pointer}: {name} is missing"));
            }
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Ok(met);
        };
        for (name, value) in object {
            if !properties.contains_key(name) {
                return Err(format!("{pointer}: {name} is not in the schema"));
            }
            let property = format!("{pointer}/properties/{name}");
            met.append(&mut self.check(&property, value)?);
            met.insert(property);
        }
        Ok(met)
    }

    fn properties(&self) -> Met {
        let mut all = Met::new();
        let mut open = vec![(String::new(), &self.0)];
        while let Some((pointer, value)) = open.pop() {
            let children: Vec<(String, &Value)> = match value {
                Value::Object(o) => o.iter().map(|(k, v)| (k.clone(), v)).collect(),
                Value::Array(a) => a.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
                _ => continue,
            };
            let inside_properties = pointer.ends_with("/properties");
            for (key, child) in children.into_iter().filter(|(key, _)| key != "examples") {
                let child_pointer = format!("{pointer}/{key}");
                if inside_properties {
                    all.insert(child_pointer.clone());
                }
                open.push((child_pointer, child));
            }
        }
        all
    }

    /// The names that a definition lists.
    fn names(&self, definition: &str) -> Vec<&str> {
        let branches = self.at(&format!("/$defs/{definition}/oneOf")).as_array().expect("a list");
        branches.iter().map(|b| b["const"].as_str().expect("a name")).collect()
    }
}

fn types_of(types: &Value) -> impl Iterator<Item = &str> {
    types.as_array().map_or(std::slice::from_ref(types), Vec::as_slice).iter().filter_map(Value::as_str)
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("type {other} is not known to this test"),
    }
}

fn within_bounds(schema: &Value, value: &Value) -> bool {
    let size = match value {
        Value::String(s) => Some(("minLength", "maxLength", s.chars().count() as i128)),
        Value::Array(a) => Some(("minItems", "maxItems", a.len() as i128)),
        Value::Number(n) => {
            n.as_i64().map(i128::from).or(n.as_u64().map(i128::from)).map(|n| ("minimum", "maximum", n))
        }
        _ => None,
    };
    size.is_none_or(|(low, high, size)| {
        let bound = |name: &str| schema[name].as_i64().map(i128::from);
        bound(low).is_none_or(|b| size >= b) && bound(high).is_none_or(|b| size <= b)
    })
}

/// Every key of `given` must be in `written`: nothing that was read is lost.
fn assert_kept(given: &Value, written: &Value, place: &str) {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            for (key, value) in given.iter().filter(|(_, v)| !v.is_null()) {
                let kept = written.get(key).unwrap_or_else(|| panic!("{place}.{key} is lost"));
                assert_kept(value, kept, &format!("{place}.{key}"));
            }
        }
        (Value::Array(given), Value::Array(written)) => {
            assert_eq!(given.len(), written.len(), "{place}");
            for (i, (given, written)) in given.iter().zip(written).enumerate() {
                assert_kept(given, written, &format!("{place}[{i}]"));
            }
        }
        _ => {}
    }
}

/// Reads every example with `rewrite`, which reads it into the type and writes it again.
fn agree(text: &str, rewrite: impl Fn(&str) -> Result<Value, String>) {
    let schema = Schema::new(text);
    let mut met = Met::new();
    for example in schema.at("/examples").as_array().expect("a list") {
        schema.check("", example).unwrap_or_else(|e| panic!("example does not fit: {e}"));
        let written = rewrite(&example.to_string()).unwrap_or_else(|e| panic!("{e}: {example}"));
        met.append(&mut schema.check("", &written).unwrap_or_else(|e| panic!("written: {e}")));
        assert_kept(example, &written, "");
    }
    let unmet: Vec<_> = schema.properties().difference(&met).cloned().collect();
    assert!(unmet.is_empty(), "properties that no example makes us write: {unmet:#?}");
}

fn write<T: Serialize>(value: T) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|e| e.to_string())
}

fn rewrite<'a, T: Deserialize<'a> + Serialize>(json: &'a str) -> Result<Value, String> {
    write(serde_json::from_str::<T>(json).map_err(|e| e.to_string())?)
}

#[test]
fn request() {
    agree(schema!("request"), |json| write(request::parse(json.as_bytes()).map_err(|e| e.to_string())?));
}

#[test]
fn outcome() {
    agree(schema!("outcome"), |json| rewrite::<Outcome<'_>>(json));
}

#[test]
fn order() {
    agree(schema!("order"), |json| rewrite::<Order<'_>>(json));
}

#[test]
fn command() {
    agree(schema!("command"), |json| write(command::parse(json.as_bytes()).map_err(|e| e.to_string())?));
}

#[test]
fn events() {
    agree(schema!("events"), |json| write(event::parse(json.as_bytes()).map_err(|e| e.to_string())?));
}

/// The topic has entries, the ends of months and bands that are reached; one is never read as another.
#[test]
fn ledger() {
    agree(schema!("ledger-entry"), |json| {
        let read =
            [rewrite::<LedgerEntry<'_>>(json), rewrite::<MonthClosed<'_>>(json), rewrite::<BandReached<'_>>(json)];
        assert!(read.iter().filter(|read| read.is_ok()).count() <= 1, "{json}");
        read.into_iter().find(Result::is_ok).unwrap_or_else(|| Err("nothing reads it".to_owned()))
    });
}

#[test]
fn snapshot() {
    agree(schema!("snapshot"), |json| {
        let read = [
            rewrite::<ConsentSnapshot<'_>>(json),
            rewrite::<PersonErased<'_>>(json),
            rewrite::<TemplateSnapshot<'_>>(json),
            rewrite::<LevelSnapshot<'_>>(json),
            rewrite::<ReplySnapshot<'_>>(json),
            rewrite::<AnsweredSnapshot<'_>>(json),
            rewrite::<AccountSnapshot<'_>>(json),
        ];
        assert_eq!(read.iter().filter(|read| read.is_ok()).count(), 1, "one is never read as another: {json}");
        read.into_iter().find(Result::is_ok).unwrap_or_else(|| Err("nothing reads it".to_owned()))
    });
}

/// What was written before a month could be closed and before WABAs told their prices.
#[test]
fn an_older_snapshot() {
    let mut old = Schema::new(schema!("snapshot")).at("/examples/0").clone();
    old.as_object_mut().expect("an object").remove("closed");
    old["wabas"] = serde_json::json!([{"id": "102290129340398", "time_zone": "America/Sao_Paulo"}]);
    let text = old.to_string();
    let snapshot: AccountSnapshot<'_> = serde_json::from_str(&text).expect("an older snapshot reads");
    assert_eq!(snapshot.closed, None);
    assert_eq!((&*snapshot.wabas[0].currency, snapshot.wabas[0].markup.len()), ("", 0));
    old.as_object_mut().expect("an object").remove("wabas");
    assert!(serde_json::from_str::<AccountSnapshot<'_>>(&old.to_string()).is_ok_and(|s| s.wabas.is_empty()));
}

#[test]
fn closed_lists_are_listed_whole() {
    let outcome = Schema::new(schema!("outcome"));
    assert_eq!(outcome.names("OutcomeKind"), OutcomeKind::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>());
    let ledger = Schema::new(schema!("ledger-entry"));
    assert_eq!(ledger.names("EntryKind"), EntryKind::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>());
    assert_eq!(ledger.names("Cause"), Cause::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>());
    assert_eq!(ledger.names("Origin"), Origin::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>());
    let reasons: Vec<_> = Reason::ALL.iter().map(|v| v.as_str()).collect();
    for text in [schema!("snapshot"), schema!("events")] {
        assert_eq!(Schema::new(text).names("Reason"), reasons);
    }
}

#[test]
fn the_closed_schemas_refuse_what_the_types_refuse() {
    for text in [schema!("request"), schema!("command")] {
        let schema = Schema::new(text);
        let mut example = schema.at("/examples/0").clone();
        example["unheard_of"] = Value::Null;
        assert!(schema.check("", &example).is_err());
    }
}
