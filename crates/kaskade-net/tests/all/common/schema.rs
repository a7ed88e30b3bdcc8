//! Checks answers against the project's own description of the services, in `schema/`.

use regex::Regex;
use serde_json::Value;

/// One HTTP answer.
pub struct Seen<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub status: u16,
    pub content_type: Option<&'a str>,
    pub location: Option<&'a str>,
    pub body: &'a [u8],
}

/// Statuses that HTTP itself gives, whatever the operation.
const OF_HTTP: [u16; 4] = [405, 406, 408, 503];

fn load(file: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(file);
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Panics when the answer is not what the schema says.
pub fn check(seen: &Seen<'_>) {
    if let Err(error) = try_check(seen) {
        let body = String::from_utf8_lossy(seen.body);
        panic!("{} {} → {}: {error}\n{body}", seen.method, seen.path, seen.status);
    }
}

fn try_check(seen: &Seen<'_>) -> Result<(), String> {
    let apis = [load("nausf-auth.json"), load("nudm-ueau.json")];
    let operation = apis.iter().find_map(|api| {
        let rest = seen.path.strip_prefix(api["api"].as_str()?)?;
        let operations = api["operations"].as_array()?;
        let found = operations
            .iter()
            .find(|operation| operation["method"] == seen.method && fits(operation["path"].as_str().unwrap(), rest))?;
        Some((api, found))
    });
    let Some((api, operation)) = operation else {
        if seen.status < 400 {
            return Err("success of an operation that does not exist".into());
        }
        return problem(seen);
    };
    let answer = &operation["answers"][seen.status.to_string()];
    match answer {
        Value::Null if OF_HTTP.contains(&seen.status) => problem(seen),
        Value::Null => Err("the operation does not have this status".into()),
        Value::String(_) => problem(seen),
        answer => {
            let location = answer["location"].as_str();
            match (location, seen.location) {
                (None, None) => {}
                (Some(pattern), Some(uri)) if Regex::new(pattern).unwrap().is_match(uri) => {}
                (expected, found) => return Err(format!("Location {found:?}, expected {expected:?}")),
            }
            if seen.content_type != answer["content"].as_str() {
                return Err(format!("content type {:?}", seen.content_type));
            }
            let Some(schema) = answer["schema"].as_str() else {
                return if seen.body.is_empty() {
                    Ok(())
                } else {
                    Err("a body".into())
                };
            };
            validate(api, &api["schemas"][schema], &json(seen)?, "")
        }
    }
}

/// What is wrong with the body of a request, if something is.
pub fn try_check_request(method: &str, path: &str, body: &Value) -> Result<(), String> {
    let apis = [load("nausf-auth.json"), load("nudm-ueau.json")];
    let found = apis.iter().find_map(|api| {
        let rest = path.strip_prefix(api["api"].as_str()?)?;
        let operations = api["operations"].as_array()?;
        let operation = operations
            .iter()
            .find(|operation| operation["method"] == method && fits(operation["path"].as_str().unwrap(), rest))?;
        Some((api, operation["request"].as_str()?))
    });
    let (api, schema) = found.ok_or("no operation that takes a body")?;
    validate(api, &api["schemas"][schema], body, "")
}

fn json(seen: &Seen<'_>) -> Result<Value, String> {
    serde_json::from_slice(seen.body).map_err(|error| error.to_string())
}

fn problem(seen: &Seen<'_>) -> Result<(), String> {
    if seen.content_type != Some("application/problem+json") {
        return Err(format!("content type {:?}", seen.content_type));
    }
    let (file, body) = (load("problem.json"), json(seen)?);
    validate(&file, &file["schemas"]["ProblemDetails"], &body, "")?;
    if body["status"] != seen.status {
        return Err("the status in the body is another one".into());
    }
    Ok(())
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(name, segment)| name.starts_with('{') || name == segment)
}

fn validate(file: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema_members = schema.as_object().ok_or_else(|| format!("{at}: no schema"))?;
    for (keyword, argument) in schema_members {
        let fine = match keyword.as_str() {
            "$ref" => {
                let name = argument
                    .as_str()
                    .and_then(|text| text.strip_prefix("#/schemas/"))
                    .unwrap();
                validate(file, &file["schemas"][name], value, at)?;
                true
            }
            "type" => match argument.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                "boolean" => value.is_boolean(),
                other => panic!("type {other}"),
            },
            "const" => value == argument,
            "anyOf" => argument
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| validate(file, schema, value, at).is_ok()),
            "enum" => argument.as_array().unwrap().contains(value),
            "pattern" => {
                let pattern = Regex::new(argument.as_str().unwrap()).unwrap();
                value.as_str().is_some_and(|text| pattern.is_match(text))
            }
            "required" => argument
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, schema) in argument.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        validate(file, schema, member, &format!("{at}/{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
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
