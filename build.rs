//! How the program is linked.

/// At a fixed address nothing of the program has to be relocated: it starts a few milliseconds sooner, and the pages that
/// would hold relocated addresses stay those of the file, in each of its processes. Stack, heap and libraries are placed
/// at random as ever. Only where that way to link is known.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let is_static = target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("OS") == "linux" && target("ENV") == "gnu" && !is_static {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
