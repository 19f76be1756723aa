//! One suite for every ledger. To run it on another: implement [`world::Store`] for it and name it
//! in [`suite`] below.

mod broken;
mod deployments;
mod earlier;
mod faults;
mod leases;
pub(super) mod memory;
mod oracle;
mod periods;
mod restarts;
mod room;
mod windows;
mod world;

/// What holds for every ledger, and what is about journals and the time that they keep.
macro_rules! suite {
    (
        every ledger: $($module:ident :: $test:ident),+;
        journaled: $($journaled:ident :: $too:ident),+;
    ) => {
        mod on_memory {
            $(#[tokio::test]
            async fn $test() {
                for shards in [1, 3] {
                    super::$module::$test(super::world::World::in_memory(shards).await).await;
                }
            })+
            $(#[tokio::test]
            async fn $too() {
                for shards in [1, 3] {
                    super::$journaled::$too(super::world::World::in_memory(shards).await).await;
                }
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$module::$test(super::world::World::on_postgres().await).await;
            })+
            $(#[tokio::test]
            async fn $too() {
                super::$journaled::$too(super::world::World::on_postgres().await).await;
            })+
        }
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                for shards in [1, 3] {
                    super::$module::$test(super::world::World::on_disk(shards).await).await;
                }
            })+
            $(#[tokio::test]
            async fn $too() {
                for shards in [1, 3] {
                    super::$journaled::$too(super::world::World::on_disk(shards).await).await;
                }
            })+
        }
        mod on_redis {
            $(#[tokio::test]
            async fn $test() {
                super::$module::$test(super::world::World::on_redis().await).await;
            })+
        }
        mod on_redis_cluster {
            $(#[tokio::test]
            async fn $test() {
                super::$module::$test(super::world::World::on_redis_cluster().await).await;
            })+
        }
    };
}

suite! {
    every ledger:
        leases::a_lease_is_granted_repeated_given_back_and_reported,
        leases::what_cannot_be_is_refused_and_changes_nothing,
        leases::only_the_credential_that_acquired_a_lease_can_return_it,
        leases::a_request_id_is_of_one_wish_and_of_one_lease,
        leases::a_limit_of_nothing_pauses_a_deployment,
        leases::a_call_over_all_shards_is_answered_in_order,
        leases::who_holds_what_is_shown,
        leases::many_leases_are_shown_part_by_part,
        leases::all_deployments_are_seen_at_a_glance,
        deployments::a_put_makes_changes_or_leaves_a_deployment,
        deployments::versions_are_expected,
        deployments::what_a_file_declared_is_known_after_restarts,
        deployments::deleted_and_made_again_it_grants_only_what_was_left,
        deployments::the_kind_of_window_changes_only_at_rest,
        periods::deleted_and_made_again_its_day_is_the_same,
        periods::longer_periods_outlive_compactions_and_restarts,
        deployments::pages_have_each_deployment_once,
        restarts::the_same_minute_grants_only_what_was_left,
        restarts::returns_after_a_restart_are_credited_once,
        restarts::a_lowered_limit_is_replayed_after_what_it_came_after,
        restarts::a_limit_that_is_changed_around_a_dropped_book_is_replayed,
        restarts::a_compacted_journal_is_read_back,
        windows::the_history_adds_up,
        windows::late_usage_moves_from_burnt_to_used,
        windows::late_usage_is_known_after_restarts,
        oracle::random_operations_are_answered_as_the_book_answers_them;
    journaled:
        deployments::a_deployment_that_is_deleted_for_long_is_forgotten,
        leases::many_deployments_are_shown_part_by_part,
        periods::an_idle_ledger_with_sums_comes_to_rest,
        restarts::another_run_of_the_machine_goes_on,
        windows::a_clock_step_opens_no_window_again,
        windows::an_idle_ledger_writes_nothing;
}
