//! Whether a request is answered for a program or for a person.

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName},
};

/// Where the interface alone is reachable: below it every answer is JSON.
pub(crate) const API_PREFIX: &str = "/api/v1";

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// A program.
    Json,
    /// A person with a browser.
    Html,
}

impl Face {
    /// JSON below `/api/v1`, with `application/json` as accepted or sent type, or with credentials in a header.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let says_json = |name: HeaderName| {
            let values = request.headers().get_all(name);
            values.filter_map(|value| value.to_str().ok()).any(|value| value.contains("application/json"))
        };
        let path = request.path();
        let below_api =
            path.strip_prefix(API_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below_api
            || request.headers().contains_key(AUTHORIZATION)
            || says_json(ACCEPT)
            || says_json(CONTENT_TYPE)
        {
            Self::Json
        } else {
            Self::Html
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_browser_gets_pages_and_a_program_json() {
        let face = |uri: &str, header: Option<(&'static str, &'static str)>| {
            let request = TestRequest::with_uri(uri);
            Face::of(&header.into_iter().fold(request, TestRequest::insert_header).to_http_request())
        };
        assert_eq!(face("/teams/main/pipelines", None), Face::Html);
        assert_eq!(face("/teams/main/pipelines", Some(("accept", "text/html, */*"))), Face::Html);
        assert_eq!(face("/teams/main/pipelines", Some(("accept", "application/json"))), Face::Json);
        assert_eq!(face("/teams/main/pipelines", Some(("content-type", "application/json"))), Face::Json);
        assert_eq!(face("/teams/main/pipelines", Some(("authorization", "Bearer x"))), Face::Json);
        assert_eq!(face("/api/v1/teams", None), Face::Json);
        assert_eq!(face("/api/v10", None), Face::Html);
    }
}
