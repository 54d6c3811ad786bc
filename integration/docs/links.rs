//! Every link leads somewhere.

use std::collections::BTreeSet;

use super::page::{Page, root};

/// The targets of `[text](target)` in a line.
fn targets(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// The anchors that headings make.
fn anchors(page: &Page) -> BTreeSet<String> {
    let headings = page.prose().into_iter().filter_map(|(_, line)| line.starts_with('#').then_some(line));
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

fn wrong(page: &Page, target: &str) -> Option<String> {
    if target.starts_with("http://") || target.starts_with("https://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
    let full = root().join(&path);
    if !full.exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    let resolved = full.canonicalize().unwrap();
    let resolved = resolved.strip_prefix(root().canonicalize().unwrap()).unwrap();
    (!anchors(&Page::read(&resolved.to_string_lossy())).contains(anchor))
        .then(|| "there is no such heading".to_owned())
}

#[test]
fn every_link_leads_somewhere() {
    let mut findings = Vec::new();
    for page in Page::all() {
        for (line, text) in page.prose() {
            for target in targets(text) {
                findings
                    .extend(wrong(&page, target).map(|why| format!("{}: {target}: {why}", page.at(line))));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn the_readme_leads_to_every_guide() {
    let readme = Page::read("README.md");
    for page in Page::guides() {
        let target = format!("({})", page.path.display());
        assert!(readme.text.contains(&target), "README.md does not lead to {}", page.path.display());
    }
}
