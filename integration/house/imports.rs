//! Crates import only in the directions that ARCHITECTURE.md draws.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Who may import which of our crates. What is not here may import nothing of ours.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("pikoci-model", &[]),
    ("pikoci-engine", &["pikoci-model"]),
    ("pikoci-seal", &[]),
    ("pikoci-fetch", &[]),
    ("pikoci-language", &["pikoci-model", "pikoci-fetch"]),
    ("pikoci-store", &["pikoci-model", "pikoci-seal"]),
    ("pikoci-transport", &["pikoci-model", "pikoci-seal"]),
    ("pikoci-exec", &["pikoci-model", "pikoci-seal", "pikoci-fetch"]),
    ("pikoci-web", &["pikoci-model"]),
];

/// The program, which imports everything, and what drives it from outside.
const OUTSIDE: [&str; 4] = ["pikoci", "pikoci-integration", "pikoci-faults", "pikoci-bench"];

/// Crates of the outside world that belong to one of ours alone.
const WRAPPED: [(&str, &[&str]); 6] = [
    ("sqlx", &["pikoci-store"]),
    ("actix", &["pikoci-engine"]),
    ("hcl-edit", &["pikoci-language"]),
    ("actix-web", &["pikoci-web"]),
    ("askama", &["pikoci-web"]),
    ("nix", &["pikoci-exec", "pikoci-store", "pikoci"]),
];

fn direct_dependencies() -> BTreeMap<String, Vec<String>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        // Only a test may look at more than its crate.
        let shipped = dependencies.filter(|d| d["kind"].is_null());
        let names = shipped.map(|d| d["name"].as_str().unwrap().to_owned());
        (package["name"].as_str().unwrap().to_owned(), names.collect())
    });
    packages.collect()
}

#[test]
fn crates_import_only_in_the_drawn_directions() {
    let found = direct_dependencies();
    let mut wrong = Vec::new();
    for (package, dependencies) in &found {
        if OUTSIDE.contains(&package.as_str()) {
            continue;
        }
        let allowed =
            ALLOWED.iter().find(|(name, _)| name == package).map_or(&[][..], |(_, allowed)| allowed);
        let ours = dependencies.iter().filter(|name| name.starts_with("pikoci"));
        wrong.extend(
            ours.filter(|name| !allowed.contains(&name.as_str()))
                .map(|name| format!("{package} imports {name}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        found.len(),
        ALLOWED.len() + OUTSIDE.len(),
        "a crate was added: say in this test what it may import"
    );
}

#[test]
fn a_foreign_crate_stays_where_it_belongs() {
    let found = direct_dependencies();
    let mut wrong = Vec::new();
    for (foreign, owners) in WRAPPED {
        let users = found.iter().filter(|(_, dependencies)| dependencies.iter().any(|name| name == foreign));
        wrong.extend(
            users
                .filter(|(user, _)| !owners.contains(&user.as_str()))
                .map(|(user, _)| format!("{user} uses {foreign}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
