//! After the last command of a build: nothing stays alive, nothing stays on disk.

use pikoci_model::port::{Workdir, Workplace};

use crate::worker::site::Site;

/// Ends what is left and removes the work directory. Says what could not be done; there is nobody left to fail.
pub(crate) async fn close_site(site: &Site) {
    let ground = &site.ground;
    if let Err(stuck) = ground.item.close().await {
        for ended in stuck {
            tracing::error!(build = %site.plan.build, "R133: {ended}");
        }
    }
    if !ground.settings.keep_workdir {
        remove(ground.ports.workplace.as_ref(), &ground.workdir).await;
    }
}

/// Removes a work directory; one that cannot be removed is reported and left.
pub(crate) async fn remove(workplace: &dyn Workplace, workdir: &Workdir) {
    if let Err(error) = workplace.remove_workdir(workdir).await {
        tracing::warn!(workdir = %workdir.path.display(), "work directory stays: {error}");
    }
}
