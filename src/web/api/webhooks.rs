//! Webhooks: somebody outside says that a resource has something new.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    post,
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, with_status};
use crate::{
    auth::same,
    refused::{RefusalBody, Refused},
    site::Site,
};

/// A webhook's address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WebhookPath {
    /// The resource's token.
    token: String,
}

/// What a webhook did.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// A check will run; false for a ping.
    check: bool,
}

/// Asks for a check of the resource with this token. The body is not looked at.
#[utoipa::path(
    tag = "resources",
    params(WebhookPath),
    responses(
        (status = 200, description = "a ping, answered", body = Answer<WebhookView>),
        (status = 202, description = "a check is queued", body = Answer<WebhookView>),
        (status = 404, description = "no resource has this token", body = RefusalBody),
    )
)]
#[post("/webhooks/{token}")]
pub(crate) async fn receive(
    site: Data<Site>,
    path: Path<WebhookPath>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let found = site.deps.store.resource_by_webhook(&path.token).await?;
    let resource = found.filter(|resource| same(&path.token, &resource.webhook_token));
    let resource = resource.ok_or_else(|| Refused::not_found("no resource has this webhook token"))?;
    if request.headers().get("x-github-event").is_some_and(|event| event == "ping") {
        return Ok(with_status(StatusCode::OK, WebhookView { check: false }));
    }
    site.deps.control.check(resource.id).await?;
    Ok(with_status(StatusCode::ACCEPTED, WebhookView { check: true }))
}
