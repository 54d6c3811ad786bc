//! The OpenAPI document of a running server.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The document.
pub struct Document(Value);

/// What came of a call.
pub struct Came<'a> {
    pub status: u16,
    pub content_type: &'a str,
    pub body: &'a [u8],
}

impl Document {
    /// Takes the document of a server.
    pub fn new(document: Value) -> Self {
        assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
        Self(document)
    }

    /// Where the paths begin.
    pub fn base(&self) -> &str {
        self.0["servers"][0]["url"].as_str().unwrap()
    }

    /// Every operation: method and path.
    pub fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| {
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// Compares an answer with its description.
    pub fn check(&self, method: &str, path: &str, came: &Came<'_>) {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(!operation.is_null(), "{method} {path} is not documented");
        let response = &operation["responses"][came.status.to_string()];
        let said = String::from_utf8_lossy(came.body);
        assert!(!response.is_null(), "{method} {path}: status {} is not documented: {said}", came.status);
        let Some(content) = response["content"].as_object() else {
            assert!(
                came.body.is_empty(),
                "{method} {path}: {}: a body is not documented: {said}",
                came.status
            );
            return;
        };
        let media = came.content_type.split(';').next().unwrap_or_default().trim();
        let described = content.get(media);
        let described =
            described.unwrap_or_else(|| panic!("{method} {path}: {} comes as {media}", came.status));
        if media == "application/json" {
            let body = serde_json::from_slice(came.body)
                .unwrap_or_else(|error| panic!("{method} {path}: {}: {error}: {said}", came.status));
            self.validate(&described["schema"], &body, &format!("{method} {path}: {}", came.status));
        }
    }

    fn validate(&self, schema: &Value, body: &Value, what: &str) {
        // References point into the document, so the schema stands where the document's parts can be found.
        let mut whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "components": self.0["components"] });
        let fields = schema.as_object().unwrap_or_else(|| panic!("{what}: no schema"));
        for (name, value) in fields {
            whole[name] = value.clone();
        }
        let validator: Validator =
            jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{what}: {error}"));
        let wrong: Vec<String> = validator
            .iter_errors(body)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{what} is not as documented:\n{}\n{body:#}", wrong.join("\n"));
    }
}
