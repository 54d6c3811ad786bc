//! One pipeline file as a test: what its first lines ask for, and what came of it.

use std::collections::BTreeMap;
use std::path::Path;

use pikoci_fetch::FetchPolicy;
use pikoci_language::{LanguageCompiler, LanguageOptions};
use pikoci_model::port::{Compilation, CompileRequest, Compiler};

use crate::server::Server;

/// A file, and how it is to be compiled. Lines at its top say that: `#! vars {…}`, `#! strict`, `#! fragment`,
/// `#! lenient-vars`, `#! allow-secret-args`, `#! https-only`, `#! no-fetch`. In its text `http://SERVER/` is a server that gives the
/// files in `served/`.
pub struct Case {
    /// What it is called.
    pub name: String,
    text: String,
    directives: Vec<String>,
}

impl Case {
    /// Reads a file of the tests.
    pub fn read(path: &Path) -> Case {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let directives = text.lines().map_while(|line| line.strip_prefix("#! ")).map(str::to_owned).collect();
        Case { name, text, directives }
    }

    fn has(&self, directive: &str) -> bool {
        self.directives.iter().any(|line| line == directive)
    }

    /// Compiles it; the server's port is taken out of everything again.
    pub async fn compile(&self) -> (Compilation, String) {
        let server = Server::start().await;
        let text = self.text.replace("http://SERVER", &server.url());
        let trusting = !self.has("https-only");
        let options = LanguageOptions {
            allow_secret_args: self.has("allow-secret-args"),
            allow_insecure_sources: trusting,
            ..LanguageOptions::default()
        };
        let policy = if trusting { FetchPolicy::trusting() } else { FetchPolicy::default() };
        let vars = self.directives.iter().find_map(|line| line.strip_prefix("vars "));
        let request = CompileRequest {
            file: "pipeline.hcl".to_owned(),
            source: text.into_bytes(),
            vars: vars.map_or_else(BTreeMap::new, |vars| serde_json::from_str(vars).unwrap()),
            now: chrono::DateTime::UNIX_EPOCH,
            fragment: self.has("fragment"),
            lenient_vars: self.has("lenient-vars"),
            fetch: !self.has("no-fetch"),
            strict: self.has("strict"),
        };
        let compiler = LanguageCompiler::new(options, policy);
        let compilation = compiler.compile(request).await;
        let messages: Vec<String> =
            compilation.diagnostics.iter().map(|diagnostic| compiler.render(diagnostic)).collect();
        (compilation, messages.join("\n\n").replace(&server.url(), "http://SERVER"))
    }
}

impl Case {
    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same case with its text in canonical form.
    pub fn format(&self, compiler: &LanguageCompiler) -> Case {
        let text = compiler.format("pipeline.hcl", self.text.as_bytes()).unwrap();
        Case { name: self.name.clone(), text, directives: self.directives.clone() }
    }
}
