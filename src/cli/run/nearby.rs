//! Repositories that a pipeline file names relative to itself: `url = ".."`.
//!
//! A server has no place for such an address to begin at; a local run has the directory of the file.

use std::path::Path;

use pikoci_model::{
    pipeline::Pipeline,
    text::{Text, Value},
};

/// Makes addresses of git resources that begin with `.` absolute, from the directory of the pipeline file. What does not
/// exist is left for git to complain of by its whole name.
pub fn resolve(pipeline: &mut Pipeline, file: &Path) {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    for resource in pipeline.resources.iter_mut().filter(|resource| resource.type_name == "git") {
        let Some(Value::Scalar(url)) = resource.params.get_mut("url") else { continue };
        let Some(relative) = url.as_literal().filter(|url| is_nearby(url)) else { continue };
        let joined = directory.join(relative);
        let absolute = joined.canonicalize().or_else(|_| std::path::absolute(&joined)).unwrap_or(joined);
        *url = Text::literal(absolute.to_string_lossy());
    }
}

/// `.`, `..`, and what begins with one of them as a directory.
fn is_nearby(url: &str) -> bool {
    matches!(url.split('/').next(), Some("." | ".."))
}

#[cfg(test)]
mod tests {
    use pikoci_model::pipeline::Resource;

    use super::*;

    fn resolved(url: &str, file: &Path) -> String {
        let resource: Resource = serde_json::from_value(serde_json::json!({
            "type_name": "git", "name": "app", "params": {"url": Value::Scalar(Text::literal(url))},
            "check_interval": "never", "tags": [], "cache": false, "icon": "", "description": ""
        }))
        .unwrap();
        let mut pipeline = Pipeline { resources: vec![resource], ..Pipeline::default() };
        resolve(&mut pipeline, file);
        let Value::Scalar(url) = &pipeline.resources[0].params["url"] else { panic!("a text stays a text") };
        url.as_literal().unwrap().to_owned()
    }

    #[test]
    fn an_address_that_begins_with_a_dot_begins_at_the_file() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("deploy")).unwrap();
        let file = root.join("deploy/pipeline.hcl");
        assert_eq!(resolved("..", &file), root.to_string_lossy());
        assert_eq!(resolved("../deploy", &file), root.join("deploy").to_string_lossy());
        assert!(resolved("./none.git", &file).ends_with("/deploy/none.git"));
    }

    #[test]
    fn other_addresses_stay() {
        for url in ["https://example.com/app.git", "/srv/app.git", ".hidden/app", "git@example.com:app"] {
            assert_eq!(resolved(url, Path::new("pipeline.hcl")), url);
        }
    }
}
