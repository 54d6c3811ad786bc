//! The port: compiles and formats, and fetches what a pipeline names.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use pikoci_fetch::FetchPolicy;
use pikoci_model::diagnostic::Diagnostic as LocatedDiagnostic;
use pikoci_model::port::{Compilation, CompileRequest, Compiler};

use crate::compile::{self, LanguageOptions, conclude};
use crate::diagnostic::{self, Diagnostic};
use crate::format;
use crate::lower::fetched::{Fetched, FetchedFile};

/// The compiler of pipeline files.
#[derive(Debug, Clone, Default)]
pub struct LanguageCompiler {
    options: LanguageOptions,
    policy: FetchPolicy,
}

impl LanguageCompiler {
    /// A compiler for an operator's wishes. `policy` limits what may be fetched.
    #[must_use]
    pub fn new(options: LanguageOptions, policy: FetchPolicy) -> LanguageCompiler {
        LanguageCompiler { options, policy }
    }

    async fn fetch_all(&self, urls: BTreeSet<String>, now: DateTime<Utc>) -> Fetched {
        let fetches = urls.into_iter().map(async |url| {
            let file = match pikoci_fetch::fetch_async(&self.policy, &url).await {
                Ok(fetched) => Ok(FetchedFile::new(&url, &fetched.body, now)),
                Err(error) => Err(error.to_string()),
            };
            (url, file)
        });
        join_all(fetches).await.into_iter().collect()
    }
}

#[async_trait]
impl Compiler for LanguageCompiler {
    async fn compile(&self, request: CompileRequest) -> Compilation {
        let draft = match compile::open(&request.file, &request.source) {
            Ok(draft) => draft,
            Err(findings) => return conclude(None, findings, BTreeMap::new()),
        };
        let sketch = draft.sketch(&request, &self.options);
        let wanted = if request.fetch { sketch.wanted() } else { BTreeSet::new() };
        let fetched = self.fetch_all(wanted, request.now).await;
        sketch.finish(&request, &self.options, &fetched)
    }

    fn format(&self, file: &str, source: &[u8]) -> Result<String, Vec<LocatedDiagnostic>> {
        format::format(file, source).map_err(|mut findings| {
            diagnostic::sort(&mut findings);
            findings.iter().map(Diagnostic::located).collect()
        })
    }

    fn render(&self, diagnostic: &LocatedDiagnostic) -> String {
        diagnostic::render(diagnostic)
    }
}
