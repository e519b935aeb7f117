//! `sim schema`: a JSON Schema made of the same lists of keys that the reader uses.

use super::args::{SchemaArguments, SchemaKind};
use super::{Done, Failure, Voice};
use crate::experiment::SWEEP;
use crate::experiment::plan::read::PLAN;
use crate::scenario::LAWS;
use crate::scenario::keys::{Fallback, Key, Keys, Kind, SCENARIO};
use serde_json::{Map, Value, json};

pub(super) fn schema(arguments: &SchemaArguments, voice: Voice) -> Result<Done, Failure> {
    let (keys, title) = match arguments.kind {
        SchemaKind::Scenario => (&SCENARIO, "sim scenario"),
        SchemaKind::Sweep => (&SWEEP, "sim sweep"),
        SchemaKind::Plan => (&PLAN, "sim plan"),
    };
    let mut root = table(keys);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!(title);
    root["$defs"] = json!({ "law": law(false), "number_law": law(true) });
    let text = serde_json::to_string_pretty(&root).map_err(|error| Failure::World(error.to_string()))?;
    voice.result(&format!("{text}\n"))?;
    Ok(Done::Fine)
}

fn table(keys: &Keys) -> Value {
    let mut properties = Map::new();
    for key in keys.keys {
        properties.insert(key.name.to_owned(), property(key));
    }
    let required: Vec<&str> =
        keys.keys.iter().filter(|key| key.fallback == Fallback::Required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn one_of(keys: &Keys) -> Value {
    let mut schema = table(keys);
    schema["minProperties"] = json!(1);
    schema["maxProperties"] = json!(1);
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Name => json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Whole => json!({ "type": "integer", "minimum": 0 }),
        Kind::WholeOr(word) => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": word }] }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Rate => json!({ "type": ["string", "number"], "examples": ["40/s"] }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Law => json!({ "$ref": "#/$defs/law" }),
        Kind::NumberLaw => json!({ "$ref": "#/$defs/number_law" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Numbers => json!({ "type": "array", "items": { "type": "number" } }),
        Kind::Map => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Changes => json!({ "type": "object" }),
        Kind::Table(keys) => table(keys),
        Kind::TableOr(keys, word) => json!({ "anyOf": [table(keys), { "const": word }] }),
        Kind::Tables(keys) => json!({ "type": "array", "items": table(keys) }),
        Kind::Shapes => json!({ "type": "array", "items": { "type": "object" } }),
        Kind::OneOf(keys) => one_of(keys),
        Kind::Size => json!({ "type": ["string", "integer"], "examples": [key.kind.example().trim_matches('"')] }),
        Kind::Clock
        | Kind::Cpu
        | Kind::Duration
        | Kind::DurationOr(_)
        | Kind::File
        | Kind::Price
        | Kind::Quantity
        | Kind::Share
        | Kind::ShareOrAmount
        | Kind::Text => json!({ "type": "string", "examples": [key.kind.example().trim_matches('"')] }),
    };
    schema["description"] = json!(key.about);
    if let Fallback::Is(default) = key.fallback
        && let Ok(value) = serde_json::from_str::<Value>(default)
    {
        schema["default"] = value;
    }
    schema
}

fn law(of_numbers: bool) -> Value {
    let plain =
        if of_numbers { json!({ "type": "number" }) } else { json!({ "type": "string", "examples": ["80ms"] }) };
    let mut properties = Map::new();
    for law in LAWS {
        let sets: Vec<Value> = law
            .sets
            .iter()
            .map(|set| {
                let parameters: Map<String, Value> = set.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
                json!({ "type": "object", "properties": parameters, "required": set, "additionalProperties": false })
            })
            .collect();
        let mut any = sets;
        if law.name == "constant" {
            any.push(plain.clone());
        }
        properties.insert(law.name.to_owned(), json!({ "description": law.about, "anyOf": any }));
    }
    let table = json!({
        "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1
    });
    json!({ "anyOf": [plain, table] })
}
