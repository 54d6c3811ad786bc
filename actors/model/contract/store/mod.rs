//! What every store must do. A suite is run by an adapter's tests with a function that makes an empty store.

mod account;
mod builds;
mod claims;
mod gets;
mod history;
mod logs;
mod pipelines;
mod resources;
mod scheduling;
mod stops;
mod walk;
mod workers;
mod world;

use std::sync::Arc;

use world::World;

use crate::port::Store;

pub use history::compare_stores;
pub use walk::{Snapshot, assert_consistent, snapshot};

/// Runs each case on a store of its own, and walks over the store afterwards.
macro_rules! cases {
    ($make:ident: $($module:ident: $($case:ident),+;)+) => {$($(
        let world = World::new($make().await).await;
        $module::$case(&world).await;
        assert_consistent(&snapshot(&*world.store).await);
    )+)+};
}

/// Runs every case; `make` gives an empty store each time.
pub async fn store_suite(make: impl AsyncFn() -> Arc<dyn Store>) {
    cases! { make:
        account: teams_are_made_once, a_user_is_saved_by_name, a_setting_is_stored_once,
            a_worker_salt_stays_until_renewed;
        workers: a_worker_comes_renews_and_goes;
        pipelines: a_definition_is_saved_once, must_exist_is_kept, what_stays_keeps_its_identity,
            only_what_can_be_checked_and_changed_is_checked, given_values_are_replaced,
            a_pipeline_with_unfinished_builds_is_not_deleted, jobs_show_their_newest_builds,
            a_pipeline_knows_its_waiting_builds;
        resources: one_check_at_a_time, a_lease_that_is_over_is_void, a_request_during_a_check_queues_one_more,
            versions_are_recorded_once_in_order, a_failing_check_keeps_the_versions, versions_show_their_builds,
            webhooks_find_their_resource;
        scheduling: a_new_get_starts_at_the_newest_version, fresh_versions_are_considered_once,
            a_batch_is_conditional_on_the_revision, a_cause_gives_one_build, numbers_are_never_reused,
            versions_pass_through_jobs, every_takes_the_lowest_unused, a_join_needs_every_job,
            shared_upstream_builds_are_given, a_put_counts_as_passed, queued_builds_are_changed_only_while_queued,
            pending_builds_come_oldest_first;
        gets: gets_of_one_name_are_kept_apart, gets_of_two_resources_share_a_name, a_key_may_change_hands;
        claims: a_build_is_claimed_once, concurrency_is_rechecked, serial_groups_are_rechecked,
            a_build_without_its_version_waits, a_claim_has_all_parts, old_fences_are_void;
        builds: events_take_effect_once, what_passes_is_noted_at_the_conclusion, cancelled_stays_cancelled,
            cancel_depends_on_how_far_it_is, a_lost_build_runs_three_times, a_job_may_refuse_a_second_run,
            a_handed_back_build_forgets_its_run, a_claimed_build_can_be_failed, builds_are_listed_in_pages,
            an_end_without_result_is_a_failure;
        stops: a_lost_builds_services_owe_their_stop, a_report_is_taken_whatever_the_fence,
            a_report_is_not_taken_back_by_older_words,
            what_is_owed_outlives_being_handed_back, stops_that_are_owed_come_in_pages, a_stuck_build_has_failed;
        logs: chunks_come_back_in_order, repeated_chunks_are_skipped, a_range_of_a_step_is_contiguous,
            the_index_counts_lines, another_claim_replaces_the_run, a_late_claim_is_ignored, big_logs_come_in_pages;
    }
}
