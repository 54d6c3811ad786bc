//! What every workplace must do.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;

use crate::{
    id::InstanceId,
    port::{Workdir, Workplace, WorkplaceError},
};

/// Runs every case; each makes a workplace of its own.
pub async fn workplace_suite<W: Workplace>(make: impl Fn() -> Arc<W>) {
    work_directories_are_new_and_go(&*make()).await;
    files_are_reset_and_read(&*make()).await;
    a_file_that_is_too_large_is_not_read(&*make()).await;
    private_files_have_a_place_of_their_own(&*make()).await;
    nothing_leads_outside(&*make()).await;
    a_cache_has_one_user(&*make()).await;
    places_and_ports_are_told_apart(&*make()).await;
    what_is_not_installed_is_not_found(&*make());
    records_leave_a_spill_as_they_came(&*make()).await;
}

async fn workdir(place: &dyn Workplace) -> Workdir {
    place.make_workdir().await.unwrap()
}

async fn work_directories_are_new_and_go(place: &dyn Workplace) {
    let (one, other) = (workdir(place).await, workdir(place).await);
    assert!(one != other && one.path.is_absolute());
    place.reset_file(&one, "mine").await.unwrap();
    assert!(place.exists(&one, "mine").await && !place.exists(&other, "mine").await);
    for _ in 0..2 {
        assert_eq!(place.remove_workdir(&one).await, Ok(()), "removing what is gone is done");
        assert!(!place.exists(&one, "mine").await);
    }
}

async fn files_are_reset_and_read(place: &dyn Workplace) {
    let workdir = workdir(place).await;
    assert!(!place.exists(&workdir, "no such file").await);
    assert!(matches!(place.read_file(&workdir, "no such file", 9).await, Err(WorkplaceError::System { .. })));
    let name = place.private_file(&workdir, "out", b"old", false).await.unwrap();
    assert_eq!(place.read_file(&workdir, &name, 3).await.unwrap(), b"old");
    for _ in 0..2 {
        place.reset_file(&workdir, &name).await.unwrap();
        assert_eq!(place.read_file(&workdir, &name, 0).await.unwrap(), b"");
    }
}

async fn a_file_that_is_too_large_is_not_read(place: &dyn Workplace) {
    let workdir = workdir(place).await;
    let name = place.private_file(&workdir, "big", &[b'x'; 1000], false).await.unwrap();
    let read = place.read_file(&workdir, &name, 999).await;
    assert!(matches!(read, Err(WorkplaceError::TooLarge { size: 1000, limit: 999, .. })), "{read:?}");
}

async fn private_files_have_a_place_of_their_own(place: &dyn Workplace) {
    let workdir = workdir(place).await;
    for (name, executable) in [("script", false), ("program", true)] {
        let relative = place.private_file(&workdir, name, name.as_bytes(), executable).await.unwrap();
        assert_eq!(relative, format!(".pikoci/{name}"));
        assert!(place.exists(&workdir, &relative).await);
        assert_eq!(place.read_file(&workdir, &relative, 100).await.unwrap(), name.as_bytes());
    }
}

async fn nothing_leads_outside(place: &dyn Workplace) {
    let workdir = workdir(place).await;
    for path in ["../x", "/etc/passwd", "a/../../x"] {
        assert!(!place.exists(&workdir, path).await, "{path}");
        assert!(place.reset_file(&workdir, path).await.is_err(), "{path}");
        assert!(place.read_file(&workdir, path, 1 << 20).await.is_err(), "{path}");
    }
    assert!(place.private_file(&workdir, "../../x", b"", false).await.is_err());
}

async fn a_cache_has_one_user(place: &dyn Workplace) {
    let cache = place.cache_dir("main", "p", "r").await.unwrap();
    assert_eq!(place.cache_dir("main", "p", "r").await.unwrap(), cache, "it is kept");
    let other = place.cache_dir("main", "p", "other").await.unwrap();
    assert_ne!(cache, other);
    let first = place.lock_cache(&cache).await;
    let mut second = place.lock_cache(&cache);
    assert!((&mut second).now_or_never().is_none(), "two at once");
    drop(place.lock_cache(&other).await);
    drop(first);
    second.await;
}

async fn places_and_ports_are_told_apart(place: &dyn Workplace) {
    let data = |id| async move { place.make_service_data(InstanceId(id)).await.unwrap() };
    let (one, other) = (data(uuid::Uuid::now_v7()).await, data(uuid::Uuid::now_v7()).await);
    assert!(one != other && one.is_absolute());
    assert!(!one.starts_with(&workdir(place).await.path), "data outlive the work directory");
    assert!(place.free_port().await.unwrap() > 0);
}

fn what_is_not_installed_is_not_found(place: &dyn Workplace) {
    assert_eq!(place.find_program("no-such-program-anywhere"), None);
    assert!(place.program().is_absolute());
    let inherited: BTreeMap<_, _> = place.inherited_environment();
    assert!(inherited.contains_key("PATH"), "commands find their programs");
}

/// More than one file or buffer holds, so that whatever is between them is crossed.
async fn records_leave_a_spill_as_they_came(place: &dyn Workplace) {
    let record = |number: usize| Bytes::from(format!("{number:06}").repeat(1 + number * 37 % 4000));
    let (mut one, mut other) = (place.spill(), place.spill());
    assert_eq!(one.pop(100).await, Ok(vec![]), "it begins empty");
    let (mut pushed, mut popped) = (0, 0);
    for round in 0..60 {
        let records: Vec<_> = (pushed..pushed + 20).map(record).collect();
        pushed += records.len();
        one.push(records).await.unwrap();
        other.push(vec![Bytes::from_static(b"mine")]).await.unwrap();
        if round % 3 == 0 {
            for taken in one.pop(200_000).await.unwrap() {
                assert_eq!(taken, record(popped), "record {popped}");
                popped += 1;
            }
        }
    }
    let small = one.pop(1).await.unwrap();
    assert_eq!(small, [record(popped)], "one at least");
    popped += 1;
    while popped < pushed {
        let taken = one.pop(500_000).await.unwrap();
        assert!(
            !taken.is_empty() && (taken.len() == 1 || taken.iter().map(Bytes::len).sum::<usize>() <= 500_000)
        );
        for taken in taken {
            assert_eq!(taken, record(popped), "record {popped}");
            popped += 1;
        }
    }
    assert_eq!(one.pop(100).await, Ok(vec![]));
    assert_eq!(other.pop(1000).await.unwrap().len(), 60);
    one.push(vec![record(1)]).await.unwrap();
    assert_eq!(one.pop(1).await, Ok(vec![record(1)]), "it can be used again");
}
