//! The shape of a file: checked against the JSON Schema made from the `raw` types, so that keys, types and words are
//! written down once. What comes out is the same file as plain JSON without whatever was wrong.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::diagnostic::did_you_mean;

use super::document::{Document, Path};
use super::mistakes::{Mistakes, Spot, listed, words};

/// Checks a file against a schema. Keys and elements that are wrong are reported and left out; an array with such an
/// element is left out as a whole, so that what stays keeps its place.
pub(crate) fn check(schema: &Value, document: &Document<'_>, mistakes: &mut Mistakes<'_>) -> Value {
    let mut walk = Walk {
        root: schema,
        mistakes,
    };
    walk.value(schema, document.root(), &Path::top())
        .unwrap_or_default()
}

struct Walk<'w, 'd> {
    root: &'w Value,
    mistakes: &'w mut Mistakes<'d>,
}

impl<'w> Walk<'w, '_> {
    fn value(
        &mut self,
        schema: &'w Value,
        value: &Spanned<DeValue<'_>>,
        path: &Path,
    ) -> Option<Value> {
        let (noun, schema) = self.resolve(schema);
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            return self.any_of(branches, value, path);
        }
        if !accepts(schema, value.get_ref()) {
            self.wrong_type(&[schema], value.get_ref(), path);
            return None;
        }
        match value.get_ref() {
            DeValue::Table(table) => Some(self.table(schema, table, path)),
            DeValue::Array(items) => self.array(schema, items, path),
            DeValue::String(text) => self.string(noun, schema, text, path),
            DeValue::Integer(number) => self.integer(schema, number, path),
            DeValue::Boolean(truth) => Some(Value::Bool(*truth)),
            DeValue::Float(_) | DeValue::Datetime(_) => None,
        }
    }

    /// Follows references; the last part of the reference names the thing.
    fn resolve(&self, mut schema: &'w Value) -> (&'w str, &'w Value) {
        let mut noun = "";
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            noun = reference.rsplit('/').next().unwrap_or_default();
            match self.root.pointer(reference.trim_start_matches('#')) {
                Some(found) => schema = found,
                None => break,
            }
        }
        (noun, schema)
    }

    /// Of the branches that take such a value, the one with which it has most keys in common.
    fn any_of(
        &mut self,
        branches: &'w [Value],
        value: &Spanned<DeValue<'_>>,
        path: &Path,
    ) -> Option<Value> {
        let resolved: Vec<_> = branches
            .iter()
            .map(|branch| self.resolve(branch).1)
            .collect();
        let mut best: Option<(usize, &Value)> = None;
        for branch in resolved
            .iter()
            .filter(|branch| accepts(branch, value.get_ref()))
        {
            let shared = shared_keys(branch, value.get_ref());
            if best.is_none_or(|(most, _)| shared > most) {
                best = Some((shared, branch));
            }
        }
        match best {
            Some((_, branch)) => self.value(branch, value, path),
            None => {
                self.wrong_type(&resolved, value.get_ref(), path);
                None
            }
        }
    }

    fn table(&mut self, schema: &'w Value, table: &DeTable<'_>, path: &Path) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        let mut kept = Map::new();
        let mut meant = Vec::new();
        for (key, value) in table {
            let at = path.key(key.get_ref().as_ref());
            let known = properties.and_then(|known| known.get(key.get_ref().as_ref()));
            match known.or(others) {
                Some(schema) => {
                    if let Some(value) = self.value(schema, value, &at) {
                        kept.insert(key.get_ref().to_string(), value);
                    }
                }
                None => meant.extend(self.unknown_key(properties, key.get_ref(), &at)),
            }
        }
        self.missing_keys(schema, table, path, &meant);
        Value::Object(kept)
    }

    /// Says so, and returns the key that was meant, if that can be guessed.
    fn unknown_key(
        &mut self,
        properties: Option<&'w Map<String, Value>>,
        key: &str,
        path: &Path,
    ) -> Option<&'w str> {
        let known = || {
            properties
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
        };
        let meant = did_you_mean(key, known());
        let help = match meant {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known here are {}", listed(known())),
        };
        let said = words(format!("no key named `{key}`"), "not known here", help);
        self.mistakes.error(Spot::Key(path), "unknown-key", said);
        meant
    }

    /// A key that is there under a slip of the finger is not missing as well.
    fn missing_keys(&mut self, schema: &Value, table: &DeTable<'_>, path: &Path, meant: &[&str]) {
        let required = schema.get("required").and_then(Value::as_array);
        let missing = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|key| !table.contains_key(*key) && !meant.contains(key));
        for key in missing {
            let property = &schema["properties"][key];
            let meaning = property["description"].as_str().unwrap_or_default();
            let said = words(
                format!("`{key}` is missing"),
                format!("has no `{key}`"),
                format!("add `{key}`{}: {meaning}", example(property)),
            );
            self.mistakes
                .error(Spot::Value(&path.key(key)), "missing-key", said);
        }
    }

    fn array(
        &mut self,
        schema: &'w Value,
        items: &[Spanned<DeValue<'_>>],
        path: &Path,
    ) -> Option<Value> {
        let element = schema.get("items").unwrap_or(&Value::Null);
        let mut kept = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            kept.push(self.value(element, item, &path.index(index)));
        }
        kept.into_iter()
            .collect::<Option<Vec<_>>>()
            .map(Value::Array)
    }

    fn string(&mut self, noun: &str, schema: &Value, text: &str, path: &Path) -> Option<Value> {
        let known = known_words(schema);
        if known.is_empty() || known.contains(&text) {
            return Some(Value::String(text.to_owned()));
        }
        let (code, noun) = noun_of(noun);
        let help = match did_you_mean(text, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("write one of {}", listed(known.iter().copied())),
        };
        let said = words(
            format!("no {noun} named `{text}`"),
            format!("expected one of {}", listed(known.iter().copied())),
            help,
        );
        self.mistakes.error(Spot::Value(path), code, said);
        None
    }

    fn integer(&mut self, schema: &Value, number: &DeInteger<'_>, path: &Path) -> Option<Value> {
        let low = schema.get("minimum").and_then(Value::as_i64);
        let high = schema.get("maximum").and_then(Value::as_i64);
        let only = schema.get("const").and_then(Value::as_i64);
        let (low, high) = (
            only.or(low).unwrap_or(i64::from(i32::MIN)),
            only.or(high).unwrap_or(i64::from(i32::MAX)),
        );
        let read = i64::from_str_radix(number.as_str(), number.radix()).ok();
        if let Some(read) = read.filter(|read| (low..=high).contains(read)) {
            return Some(Value::from(read));
        }
        let (code, label) = match only {
            Some(only) => ("unknown-version", format!("expected {only}")),
            None => ("out-of-range", format!("expected {low} to {high}")),
        };
        let help = match only {
            Some(only) => format!("write {only}, and the file as that version has it"),
            None => format!("write a whole number from {low} to {high}"),
        };
        let said = words(format!("`{path}` cannot be {number}"), label, help);
        self.mistakes.error(Spot::Value(path), code, said);
        None
    }

    fn wrong_type(&mut self, schemas: &[&Value], value: &DeValue<'_>, path: &Path) {
        let mut expected: Vec<_> = schemas
            .iter()
            .filter_map(|schema| schema_type(schema))
            .filter_map(type_words)
            .collect();
        expected.dedup();
        let expected = expected.join(" or ");
        let example = schemas
            .first()
            .map(|schema| example(schema))
            .unwrap_or_default();
        let said = words(
            format!("`{path}` must be {expected}"),
            format!("expected {expected}, found {}", found_words(value)),
            format!("write {expected}{example}"),
        );
        self.mistakes.error(Spot::Value(path), "wrong-type", said);
    }
}

/// A schema's type; that of its words where it is a list of words.
fn schema_type(schema: &Value) -> Option<&str> {
    let named = schema.get("type").and_then(Value::as_str);
    named.or_else(|| (!known_words(schema).is_empty()).then_some("string"))
}

fn accepts(schema: &Value, value: &DeValue<'_>) -> bool {
    let asked = schema_type(schema);
    match value {
        DeValue::String(_) => asked == Some("string"),
        DeValue::Integer(_) => asked == Some("integer"),
        DeValue::Boolean(_) => asked == Some("boolean"),
        DeValue::Array(_) => asked == Some("array"),
        DeValue::Table(_) => asked == Some("object"),
        DeValue::Float(_) | DeValue::Datetime(_) => false,
    }
}

fn shared_keys(schema: &Value, value: &DeValue<'_>) -> usize {
    let properties = schema.get("properties").and_then(Value::as_object);
    match (properties, value.as_table()) {
        (Some(known), Some(table)) => table
            .keys()
            .filter(|key| known.contains_key(key.get_ref().as_ref()))
            .count(),
        _ => 0,
    }
}

/// The words that a string may be; none: any.
fn known_words(schema: &Value) -> Vec<&str> {
    let list = |key| {
        schema
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    list("enum")
        .chain(list("oneOf").filter_map(|word| word.get("const")))
        .filter_map(Value::as_str)
        .collect()
}

/// The code of an unknown word, and what such a word is called.
fn noun_of(definition: &str) -> (&'static str, &'static str) {
    match definition {
        "Arm" => ("unknown-arm", "arm"),
        "Form" => ("unknown-form", "form"),
        "Claim" => ("unknown-verdict", "verdict to claim"),
        "Depth" => ("unknown-depth", "depth"),
        "Actor" => ("unknown-actor", "actor"),
        "Persona" => ("unknown-persona", "persona"),
        "Operator" => ("unknown-operator", "known service"),
        "StepDoubt" => ("unknown-doubt", "doubt of a step"),
        "Status" => ("unknown-status", "status of a service"),
        "Grade" => ("unknown-grade", "grade of selectors"),
        "Tried" => ("unknown-trial-ground", "ground to try a scenario on"),
        "Client" => ("unknown-client", "client to drive with"),
        "Way" => ("unknown-way", "way to type"),
        _ => ("unknown-word", "word"),
    }
}

fn type_words(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" => "a string",
        "integer" => "a whole number",
        "boolean" => "`true` or `false`",
        "array" => "an array",
        "object" => "a table",
        _ => return None,
    })
}

fn found_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The schema's example, as it would be written in TOML: JSON writes strings, and arrays of them, the same way.
fn example(schema: &Value) -> String {
    match schema.get("examples").and_then(|all| all.get(0)) {
        Some(one) if !one.is_object() => format!(", such as `{one}`"),
        _ => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scenario::json_schema;

    /// A word of JSON Schema that this room does not know would be a rule that nobody checks.
    #[test]
    fn the_schema_uses_only_what_is_checked_here() {
        const KNOWN: &[&str] = &[
            "$defs",
            "$id",
            "$ref",
            "$schema",
            "additionalProperties",
            "anyOf",
            "const",
            "description",
            "examples",
            "format",
            "items",
            "maximum",
            "minimum",
            "oneOf",
            "properties",
            "required",
            "title",
            "type",
        ];
        fn look(schema: &Value) {
            let Some(map) = schema.as_object() else {
                return;
            };
            for (key, value) in map {
                assert!(KNOWN.contains(&key.as_str()), "{key}: {value}");
                match key.as_str() {
                    "$defs" | "properties" => {
                        value.as_object().unwrap().values().for_each(look);
                    }
                    "anyOf" | "oneOf" => value.as_array().unwrap().iter().for_each(look),
                    "items" | "additionalProperties" => look(value),
                    _ => {}
                }
            }
        }
        look(&json_schema());
    }
}
