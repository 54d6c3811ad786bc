//! Beginning, renewing and ending a session.

use actix_web::{
    HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    get,
    http::{StatusCode, header::LOCATION},
    post,
    web::{self, Data},
};
use pikoci_model::port::store::User;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Act, Asker, Role,
    asker::{COOKIE, MAIN_TEAM},
    password,
};
use crate::{
    api::answer::{Answer, json},
    face::Face,
    page::{LoginPage, render_login},
    refused::{RefusalBody, Refused},
    show,
    site::Site,
};

/// What a login is made of.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginRequest {
    /// The user's name.
    #[serde(default)]
    username: String,
    /// The password.
    #[serde(default)]
    password: String,
    /// For browsers: the path to go to afterwards.
    #[serde(default)]
    #[schema(required = false)]
    next: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginView {
    /// The session token.
    jwt: String,
    /// The same.
    token: String,
    /// Who is logged in.
    user: UserView,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    /// Its row.
    id: i64,
    /// For login.
    username: String,
    /// As shown.
    full_name: String,
    /// Above all teams.
    admin: bool,
    /// Roles in teams.
    memberships: Vec<MembershipView>,
}

/// A role in a team.
#[derive(Serialize, ToSchema)]
pub(crate) struct MembershipView {
    /// Which team.
    team_canonical: String,
    /// Which role.
    #[schema(example = "admin")]
    role: String,
}

/// Ways to log in.
#[derive(Serialize, ToSchema)]
pub(crate) struct MethodsView {
    /// With name and password.
    local: bool,
}

/// A renewed session.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// The session token.
    jwt: String,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let main =
            MembershipView { team_canonical: MAIN_TEAM.to_owned(), role: Role::Admin.word().to_owned() };
        Self {
            id: user.id.0,
            username: user.username.clone(),
            full_name: user.full_name.clone(),
            admin: user.admin,
            memberships: vec![main],
        }
    }
}

/// Begins a session with name and password.
#[utoipa::path(
    tag = "session",
    request_body = LoginRequest,
    responses(
        (status = 200, body = Answer<LoginView>),
        (status = 401, description = "name or password is wrong", body = RefusalBody),
        (status = 429, description = "five failures of this name in a minute", body = RefusalBody),
    )
)]
#[post("/login")]
pub(crate) async fn login(site: Data<Site>, act: Act<LoginRequest>) -> Result<HttpResponse, Refused> {
    match (authenticate(&site, &act.body).await, act.asker.face) {
        (Ok(user), face) => {
            let jwt =
                site.keys.issue(&user, site.deps.clock.now()).map_err(|error| Refused::defect(&error))?;
            Ok(match face {
                Face::Json => json(LoginView { token: jwt.clone(), jwt, user: UserView::from(&user) }),
                Face::Html => welcome(&site, jwt, &act.body.next),
            })
        }
        (Err(refused), Face::Json) => Err(refused),
        (Err(refused), Face::Html) if refused.status.is_server_error() => Err(refused),
        (Err(refused), Face::Html) => {
            let page = LoginPage {
                frame: show::frame(&site, &act.asker, ""),
                next: act.body.next,
                username: act.body.username,
                error: Some(refused.message),
            };
            Ok(show::html(refused.status, render_login(&page)))
        }
    }
}

async fn authenticate(site: &Site, request: &LoginRequest) -> Result<User, Refused> {
    let name = request.username.as_str();
    if let Some(wait) = site.logins.refused_for(name, site.deps.clock.monotonic()) {
        let message = format!("too many failed logins of this name; try again in {} s", wait.as_secs() + 1);
        let mut refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, message);
        refused.retry_after = Some(wait.as_secs() + 1);
        return Err(refused);
    }
    let user = site.deps.store.user(name).await?;
    let _place = site.logins.hashing.acquire().await;
    let (hash, given) = (user.as_ref().map(|user| user.password_hash.clone()), request.password.clone());
    let right = web::block(move || password::verify(hash.as_deref(), &given))
        .await
        .map_err(|error| Refused::defect(&error))?;
    match user.filter(|_| right) {
        Some(user) => {
            site.logins.succeeded(name);
            Ok(user)
        }
        None => {
            site.logins.failed(name, site.deps.clock.monotonic());
            Err(Refused::unauthenticated("name or password is wrong"))
        }
    }
}

fn welcome(site: &Site, jwt: String, next: &str) -> HttpResponse {
    let mut cookie = Cookie::build(COOKIE, jwt)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.is_https())
        .finish();
    if let Some(lifetime) = site.keys.lifetime() {
        cookie.set_max_age(CookieDuration::seconds(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)));
    }
    HttpResponse::SeeOther().insert_header((LOCATION, safe_next(next))).cookie(cookie).finish()
}

/// Where to go after a login: a path of this server and of no other. A browser takes `//host`, `/\host` and a tab
/// between them for another host.
pub(super) fn safe_next(next: &str) -> &str {
    let strange = |c: char| c.is_control() || c == '\\' || c.is_whitespace();
    if next.starts_with('/') && !next.starts_with("//") && !next.contains(strange) { next } else { "/" }
}

/// The page of the login.
#[get("/login")]
pub(crate) async fn login_page(
    site: Data<Site>,
    asker: Asker,
    query: web::Query<Next>,
) -> Result<HttpResponse, Refused> {
    let next = query.into_inner().next;
    let page =
        LoginPage { frame: show::frame(&site, &asker, ""), next, username: String::new(), error: None };
    Ok(show::html(StatusCode::OK, render_login(&page)))
}

/// Where to go after the login.
#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// Ends a browser's session.
#[utoipa::path(tag = "session", responses((status = 303, description = "the cookie is gone; the login follows")))]
#[post("/logout")]
pub(crate) async fn logout(_act: Act<serde::de::IgnoredAny>) -> HttpResponse {
    let mut gone = Cookie::build(COOKIE, "").path("/").http_only(true).same_site(SameSite::Lax).finish();
    gone.make_removal();
    HttpResponse::SeeOther().insert_header((LOCATION, "/login")).cookie(gone).finish()
}

/// How one may log in.
#[utoipa::path(tag = "session", responses((status = 200, body = Answer<MethodsView>)))]
#[get("/auth/methods")]
pub(crate) async fn methods() -> HttpResponse {
    json(MethodsView { local: true })
}

/// Begins a new session for who is logged in.
#[utoipa::path(
    tag = "session",
    responses((status = 200, body = Answer<TokenView>), (status = 401, body = RefusalBody)),
    security(("session" = []))
)]
#[post("/refresh-token")]
pub(crate) async fn refresh(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
) -> Result<HttpResponse, Refused> {
    let user = &act.asker.logged_in()?.user;
    let jwt = site.keys.issue(user, site.deps.clock.now()).map_err(|error| Refused::defect(&error))?;
    Ok(json(TokenView { jwt }))
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn a_login_never_leads_to_another_host() {
        assert_eq!(safe_next("/teams/main?x=1#l"), "/teams/main?x=1#l");
        for next in ["", "//evil.test", "/\\evil.test", "https://evil.test", "/\t/evil.test", "evil", "/\n/e"]
        {
            assert_eq!(safe_next(next), "/", "{next:?}");
        }
    }
}
