//! Who asks, read from a request.

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HOST},
    web::Data,
};
use pikoci_model::id::UserId;

use super::{Role, Session, session::same};
use crate::{face::Face, page::Theme, refused::Refused, site::Site};

/// The cookie of browser sessions.
pub(super) const COOKIE: &str = "pikoci_session";
/// The team that every user belongs to.
pub(crate) const MAIN_TEAM: &str = "main";

/// Who asks, and how the answer should look.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) session: Option<Session>,
    pub(crate) face: Face,
    pub(crate) theme: Theme,
    /// Path and query of the request.
    pub(crate) address: String,
    /// How the asker reaches this server, without a slash at the end: what is configured, else what the request says.
    pub(crate) origin: String,
}

impl Asker {
    /// The role in a team; none = the team's existence is none of their business.
    pub(crate) fn role_in(&self, team: &str) -> Option<Role> {
        let session = self.session.as_ref()?;
        (session.user.admin || team == MAIN_TEAM).then_some(Role::Admin)
    }

    /// The session, or the refusal of those who are not logged in.
    pub(crate) fn logged_in(&self) -> Result<&Session, Refused> {
        self.session.as_ref().ok_or_else(|| Refused::unauthenticated("log in first"))
    }

    /// A global admin, or a refusal.
    pub(crate) fn global_admin(&self) -> Result<(), Refused> {
        if self.logged_in()?.user.admin {
            return Ok(());
        }
        Err(Refused::forbidden("this is for global admins only"))
    }

    /// The name for records.
    pub(crate) fn name(&self) -> &str {
        self.session.as_ref().map_or("anonymous", |session| session.user.username.as_str())
    }

    pub(crate) fn csrf(&self) -> String {
        self.session.as_ref().map(|session| session.csrf.clone()).unwrap_or_default()
    }

    /// Reads who asks. A wrong bearer is refused; a wrong or outdated cookie is no session.
    pub(crate) async fn read(request: &HttpRequest) -> Result<Self, Refused> {
        let site = request
            .app_data::<Data<Site>>()
            .map(|data| Arc::clone(data))
            .ok_or_else(|| Refused::defect(&"the server has no site"))?;
        let theme = request.cookie("theme");
        let session = session(&site, request).await?;
        Ok(Self {
            session,
            face: Face::of(request),
            theme: Theme::from_cookie(theme.as_ref().map(actix_web::cookie::Cookie::value)),
            origin: origin(&site, request),
            address: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        })
    }

    /// Refuses a changing request that a page of somebody else may have caused.
    pub(super) fn refuse_forged(&self, token: Option<&str>) -> Result<(), Refused> {
        match &self.session {
            Some(session) if session.by_cookie && !token.is_some_and(|given| same(given, &session.csrf)) => {
                Err(Refused::forbidden("the form's CSRF token is missing or outdated; load the page again"))
            }
            _ => Ok(()),
        }
    }
}

async fn session(site: &Site, request: &HttpRequest) -> Result<Option<Session>, Refused> {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(bearer);
        let token =
            token.ok_or_else(|| Refused::unauthenticated("`Authorization` must be `Bearer` and a token"))?;
        let session = session_of(site, token, false).await?;
        return session
            .map(Some)
            .ok_or_else(|| Refused::unauthenticated("the token is not valid or no longer; log in again"));
    }
    match request.cookie(COOKIE) {
        Some(cookie) => session_of(site, cookie.value(), true).await,
        None => Ok(None),
    }
}

fn origin(site: &Site, request: &HttpRequest) -> String {
    let configured = &site.deps.settings.external_url;
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let is_harmless = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    match (configured.is_empty(), is_harmless) {
        (false, _) => configured.clone(),
        (true, true) => format!("http://{host}"),
        (true, false) => String::new(),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn session_of(site: &Site, token: &str, by_cookie: bool) -> Result<Option<Session>, Refused> {
    let Some(claims) = site.keys.read(token, site.deps.clock.now()) else { return Ok(None) };
    let user = site.deps.store.user(&claims.user.username).await?;
    let valid =
        user.filter(|user| user.id == UserId(claims.user.id) && user.token_generation == claims.token_gen);
    Ok(valid.map(|user| Session { user, csrf: site.keys.csrf(claims.sid), by_cookie }))
}

impl FromRequest for Asker {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    /// For requests that read. One that changes something takes [`super::Act`]; should it take this by mistake, the
    /// CSRF token must stand in the header.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let asker = Self::read(&request).await?;
            if !request.method().is_safe() {
                asker.refuse_forged(super::act::csrf_header(&request))?;
            }
            Ok(asker)
        })
    }
}
