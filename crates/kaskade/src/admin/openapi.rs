//! The document of all operations, in OpenAPI 3.1, out of their declarations.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::not_done::ProblemDetails;
use super::operation::{ALL, Forms, Kind, ROOT, Row, variable_name};
use super::streams::{COMES, NDJSON};
use super::subscriber::{ImportEvent, ImportQuery, NewSubscriber, ShowQuery, SubscriberView};

/// The document.
pub(crate) fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemDetails>();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for row in ALL {
        let operation = operation(row, &problem, &mut generator);
        let path = paths.entry(row.path).or_default();
        path.insert(row.method.to_ascii_lowercase(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Administration of Kaskade",
            "version": "1",
            "description": "What can be asked of a node while it runs, over the socket admin.sock in its data folder, or over HTTPS with a \
                certificate whose name has a role. K and operator codes go in and never come out. Written by `kaskade admin openapi`.",
        },
        "servers": [{ "url": ROOT }],
        "paths": paths,
        "security": [{ "certificate": [] }, {}],
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "certificate": {
                "type": "mutualTLS",
                "description": "Over HTTPS; over the socket the kernel says who asks.",
            } },
        },
    })
}

fn operation(row: &Row, problem: &Schema, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = Vec::new();
    if let Some((about, pattern)) = row.variable {
        parameters.push(json!({
            "name": variable_name(row.path),
            "in": "path",
            "required": true,
            "description": about,
            "schema": { "type": "string", "pattern": pattern },
        }));
    }
    let (query, request, answer) = forms(row, generator);
    parameters.extend(of_query(query));
    let mut operation = json!({
        "operationId": row.name,
        "summary": row.title,
        "description": format!("For the role {} and above.", row.role),
        "x-role": row.role.name(),
        "responses": responses(row, answer, problem),
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(request) = request {
        operation["requestBody"] = request;
    }
    operation
}

/// Query, body of the request, body of the answer.
fn forms(row: &Row, generator: &mut SchemaGenerator) -> (Schema, Option<Value>, Option<Value>) {
    let content = |schema: Schema| json!({ "application/json": { "schema": schema } });
    match &row.kind {
        Kind::Whole { forms, .. } => {
            let Forms { query, body, answer } = forms(generator);
            let request = body.map(|body| json!({ "required": true, "content": content(body) }));
            (query, request, answer.map(content))
        }
        Kind::Import => {
            // A line of each is what the schema says.
            let line = generator.subschema_for::<NewSubscriber>();
            let [csv, ndjson] = COMES;
            let request = json!({
                "required": true,
                "content": { csv: { "schema": {} }, ndjson: { "x-line-schema": line, "schema": {} } },
            });
            let event = generator.subschema_for::<ImportEvent>();
            let answer = json!({ NDJSON: { "x-line-schema": event, "schema": { "type": "string" } } });
            (generator.root_schema_for::<ImportQuery>(), Some(request), Some(answer))
        }
        Kind::Export => {
            let view = generator.subschema_for::<SubscriberView>();
            let answer = json!({ NDJSON: { "x-line-schema": view, "schema": { "type": "string" } } });
            (generator.root_schema_for::<ShowQuery>(), None, Some(answer))
        }
    }
}

/// Each member of the query's schema is a parameter.
fn of_query(query: Schema) -> Vec<Value> {
    let mut query = query.to_value();
    let definitions = query["$defs"].take();
    let Some(Value::Object(members)) = query.get_mut("properties").map(Value::take) else {
        return Vec::new();
    };
    let parameter = |(name, mut schema): (String, Value)| {
        let description = schema["description"].take();
        // What may be left out is no value of its own in a query.
        let text = schema["anyOf"][0].take();
        let schema = match text["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(name) => definitions.get(name).cloned().unwrap_or(text),
            None => text,
        };
        json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
    };
    members.into_iter().map(parameter).collect()
}

fn responses(row: &Row, answer: Option<Value>, problem: &Schema) -> Value {
    let mut responses = Map::new();
    let mut done = json!({ "description": "Done." });
    if let Some(content) = answer {
        done["content"] = content;
    }
    responses.insert(row.status.to_string(), done);
    let mut why: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for refusal in row.all_refusals() {
        let status = refusal.verdict().sbi.answer().map_or(500, |sbi| sbi.status());
        why.entry(status).or_default().insert(refusal.name());
    }
    for (status, names) in why {
        let names: Vec<&str> = names.into_iter().collect();
        let refused = json!({
            "description": format!("Refused: {}.", names.join(", ")),
            "content": { "application/problem+json": { "schema": problem } },
        });
        responses.insert(status.to_string(), refused);
    }
    responses.into()
}
