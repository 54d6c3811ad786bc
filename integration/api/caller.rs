//! Calling operations, and keeping count of them.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::Value;

use super::document::{Came, Document};
use crate::world::api::Api;

/// Calls operations as the document names them.
pub struct Caller<'a> {
    pub document: &'a Document,
    pub api: Api,
    called: &'a RefCell<BTreeSet<(String, String)>>,
}

/// One call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a str,
    /// As in the document.
    pub path: &'a str,
    /// What stands in the places of the path, in their order.
    pub places: &'a [&'a str],
    pub query: &'a str,
    pub body: Option<&'a Value>,
}

impl<'a> Caller<'a> {
    pub fn new(document: &'a Document, api: Api, called: &'a RefCell<BTreeSet<(String, String)>>) -> Self {
        Self { document, api, called }
    }

    /// The same, as somebody else.
    pub fn as_other(&self, api: Api) -> Self {
        Self { document: self.document, api, called: self.called }
    }

    /// Calls, expects a status, compares with the document, and gives the JSON or text of the answer.
    pub fn call(&self, call: Call<'_>, status: u16) -> Value {
        let Call { method, path, .. } = call;
        let address = self.address(call);
        let answer = self.api.exchange(method, &address, call.body);
        let said = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{method} {address}: {said}");
        let came = Came { status, content_type: &answer.content_type, body: &answer.body };
        self.document.check(method, path, &came);
        self.called.borrow_mut().insert((method.to_owned(), path.to_owned()));
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(said.into_owned()))
    }

    pub fn get(&self, path: &str, places: &[&str], status: u16) -> Value {
        self.call(Call { method: "GET", path, places, query: "", body: None }, status)
    }

    pub fn post(&self, path: &str, places: &[&str], body: &Value, status: u16) -> Value {
        self.call(Call { method: "POST", path, places, query: "", body: Some(body) }, status)
    }

    pub fn delete(&self, path: &str, places: &[&str], status: u16) -> Value {
        self.call(Call { method: "DELETE", path, places, query: "", body: None }, status)
    }

    /// An event stream: until an event of this name has come.
    pub fn listen(&self, path: &str, places: &[&str], event: &str) {
        let address = self.address(Call { method: "GET", path, places, query: "", body: None });
        let mut seen = Vec::new();
        self.api.events(&address, |name, _, data| {
            seen.push(format!("{name} {data}"));
            name == event
        });
        assert!(seen.last().is_some_and(|last| last.starts_with(event)), "{address}: {seen:?}");
        self.called.borrow_mut().insert(("GET".to_owned(), path.to_owned()));
    }

    fn address(&self, call: Call<'_>) -> String {
        let mut places = call.places.iter();
        let parts = call.path.split('/').map(|part| match part.split_once('{') {
            Some(_) => {
                (*places.next().unwrap_or_else(|| panic!("{}: a place is empty", call.path))).to_owned()
            }
            None => part.to_owned(),
        });
        let path: Vec<String> = parts.collect();
        format!("{}{}{}", self.document.base(), path.join("/"), call.query)
    }
}
