//! The operations of the interface, one file per aggregate.
//!
//! Each is served at its own address, where a browser gets a page, and below `/api/v1`, where the answer is always
//! JSON. What is served is what is documented: both come from the one list below.

pub(crate) mod answer;
mod builds;
mod events;
mod export;
mod fallback;
mod file;
mod images;
mod jobs;
pub(crate) mod listing;
mod logs;
mod pipelines;
mod resources;
pub(crate) mod scope;
mod server;
mod teams;
mod versions;
pub(crate) mod view;
mod webhooks;
mod worker_tokens;
mod workers;

pub(crate) use fallback::nothing_here;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::{auth::login as sessions, metrics, openapi};

/// One list for the routes and for their documentation, so that neither can have what the other lacks.
macro_rules! operations {
    ($($module:ident :: $operation:ident),* $(,)?) => {
        /// Registers every operation.
        pub(crate) fn routes(config: &mut ServiceConfig) {
            $(config.service($module::$operation);)*
        }

        /// The documentation of every operation.
        #[derive(OpenApi)]
        #[openapi(paths($($module::$operation),*))]
        pub(crate) struct Operations;
    };
}

operations! {
    sessions::login, sessions::logout, sessions::methods, sessions::refresh,
    server::health, server::program, metrics::metrics, openapi::openapi,
    teams::list, teams::get,
    pipelines::list, pipelines::create, pipelines::validate, pipelines::get, pipelines::update, pipelines::delete,
    images::draw, images::draw_dot, images::draw_svg, images::draw_png,
    images::image, images::image_dot, images::image_svg, images::image_png,
    jobs::list, jobs::get, jobs::trigger,
    builds::list, builds::get, builds::cancel, builds::retry,
    logs::log, logs::index,
    events::of_build, events::of_pipeline, events::of_team,
    resources::list, resources::get, resources::check, resources::regenerate_webhook,
    versions::list, versions::add, versions::trigger, versions::follow,
    webhooks::receive,
    export::export,
    worker_tokens::of_team, worker_tokens::renew_of_team, worker_tokens::of_all, worker_tokens::renew_of_all,
    workers::list, workers::health, workers::pending_stops, workers::events, workers::delete,
}
