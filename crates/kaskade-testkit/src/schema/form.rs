//! The part of JSON Schema that descriptions use. A keyword that is not known, or is used otherwise, is a mistake of the
//! description: it panics, since a check that is passed over would be worse than none.

use serde_json::{Map, Value};

use super::regex;

/// What is wrong with a value, by the form of this name in a file.
pub(super) fn check(file: &Value, name: &str, value: &Value) -> Result<(), String> {
    validate(file, named(file, name), value, "")
}

fn named<'f>(file: &'f Value, name: &str) -> &'f Value {
    let found = file["schemas"].get(name);
    found.unwrap_or_else(|| panic!("there is no schema {name}"))
}

fn validate(file: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (keyword, argument) in members(schema, "a schema") {
        let fine = match keyword.as_str() {
            "$ref" => {
                let name = text(argument, keyword).strip_prefix("#/schemas/");
                let name = name.unwrap_or_else(|| panic!("$ref to {argument}"));
                validate(file, named(file, name), value, at)?;
                true
            }
            "type" => match text(argument, keyword) {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                "boolean" => value.is_boolean(),
                other => panic!("type {other}"),
            },
            "const" => value == argument,
            "anyOf" => list(argument, keyword)
                .iter()
                .any(|schema| validate(file, schema, value, at).is_ok()),
            "enum" => list(argument, keyword).contains(value),
            "pattern" => {
                let pattern = regex(text(argument, keyword));
                value.as_str().is_some_and(|text| pattern.is_match(text))
            }
            "required" => list(argument, keyword)
                .iter()
                .all(|name| value.get(text(name, keyword)).is_some()),
            "properties" => {
                for (name, schema) in members(argument, keyword) {
                    if let Some(member) = value.get(name) {
                        validate(file, schema, member, &format!("{at}/{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert!(argument == false, "additionalProperties can be false only");
                let known = members(&schema["properties"], "properties");
                value
                    .as_object()
                    .is_some_and(|members| members.keys().all(|name| known.contains_key(name)))
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    validate(file, argument, item, &format!("{at}/-"))?;
                }
                true
            }
            other => panic!("the schema uses the unknown keyword {other}"),
        };
        if !fine {
            return Err(format!("{at}: {value} does not fit {keyword}: {argument}"));
        }
    }
    Ok(())
}

fn text<'v>(value: &'v Value, what: &str) -> &'v str {
    value.as_str().unwrap_or_else(|| panic!("{what}: {value} is no text"))
}

fn list<'v>(value: &'v Value, what: &str) -> &'v Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{what}: {value} is no list"))
}

fn members<'v>(value: &'v Value, what: &str) -> &'v Map<String, Value> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("{what}: {value} is no object"))
}
