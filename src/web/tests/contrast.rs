//! Text can be read in both themes: every pair of ink and ground has a contrast of at least 4.5.

use std::collections::HashMap;

use pikoci_web::assets;
use pikoci_web::page::render_login;

use crate::sample;

/// Ink on ground, as the style sheet combines them.
const PAIRS: [(&str, &str); 31] = [
    ("ink", "page"),
    ("ink", "card"),
    ("ink", "chosen"),
    ("ink", "log"),
    ("ink", "bad-bg"),
    ("ink", "run-bg"),
    ("dim", "page"),
    ("dim", "card"),
    ("dim", "chosen"),
    ("dim", "log"),
    ("dim", "bad-bg"),
    ("accent", "page"),
    ("accent", "card"),
    ("on-accent", "accent"),
    ("ok", "ok-bg"),
    ("bad", "bad-bg"),
    ("run", "run-bg"),
    ("wait", "wait-bg"),
    ("warn", "warn-bg"),
    ("stop", "stop-bg"),
    ("ready", "ready-bg"),
    ("c0", "log"),
    ("c1", "log"),
    ("c2", "log"),
    ("c3", "log"),
    ("c4", "log"),
    ("c5", "log"),
    ("c6", "log"),
    ("c7", "log"),
    ("c1", "bad-bg"),
    ("c2", "bad-bg"),
];

fn style() -> String {
    let page = render_login(&sample::login());
    let name =
        page.split("href=\"/assets/").nth(1).and_then(|rest| rest.split('"').next()).expect("a style sheet");
    let asset = assets::find(name).expect("the style sheet is served");
    String::from_utf8(asset.body.to_vec()).expect("it is text")
}

/// The colours of the rule that begins with `selector`.
fn tokens(style: &str, selector: &str) -> HashMap<String, String> {
    let rule =
        style.split(selector).nth(1).and_then(|rest| rest.split('}').next()).expect("the theme has a rule");
    let named =
        rule.split(';').filter_map(|declaration| declaration.trim().strip_prefix("--")?.split_once(':'));
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn luminance(colour: &str) -> f64 {
    let digits = colour.trim_start_matches('#');
    let long: String =
        if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_owned() };
    let part = |at: usize| {
        let value =
            f64::from(u8::from_str_radix(&long[at..at + 2], 16).expect("a hexadecimal colour")) / 255.0;
        if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn text_has_contrast_in_both_themes() {
    let style = style();
    let mut low = Vec::new();
    for theme in [":root{", ":root[data-theme=dark]{"] {
        let tokens = tokens(&style, theme);
        for (ink, ground) in PAIRS {
            let (a, b) = (luminance(&tokens[ink]), luminance(&tokens[ground]));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            if contrast < 4.5 {
                low.push(format!("{theme} {ink} on {ground}: {contrast:.2}"));
            }
        }
    }
    assert!(low.is_empty(), "{low:#?}");
}

#[test]
fn the_dark_theme_of_the_system_is_the_one_set_by_hand() {
    let style = style();
    assert_eq!(tokens(&style, ":root:not([data-theme=light]){"), tokens(&style, ":root[data-theme=dark]{"));
}
