//! Teams, users, settings.

use super::World;

pub async fn teams_are_made_once(world: &World) {
    let again = world.store.ensure_team("main", "Other").await.unwrap();
    assert_eq!((again.id, again.name.as_str()), (world.team, "Main"));
    let ops = world.store.ensure_team("ops", "Operations").await.unwrap();
    assert_eq!(world.store.team("ops").await.unwrap(), Some(ops.clone()));
    assert_eq!(world.store.team("none").await.unwrap(), None);
    assert_eq!(world.store.teams().await.unwrap(), [ops, again]);
}

/// Only a new password ends older sessions.
pub async fn a_user_is_saved_by_name(world: &World) {
    let save = async |admin, hash: &str| world.store.save_user("ada", "Ada", admin, hash).await.unwrap();
    assert!(save(false, "$2b$1").await);
    let first = world.store.user("ada").await.unwrap().unwrap();
    assert!(!save(true, "$2b$1").await);
    let second = world.store.user("ada").await.unwrap().unwrap();
    assert!(second.admin && second.id == first.id && second.token_generation == first.token_generation);
    assert!(!save(true, "$2b$2").await);
    let third = world.store.user("ada").await.unwrap().unwrap();
    assert!(third.token_generation > first.token_generation && third.password_hash == "$2b$2");
    assert_eq!(world.store.user_count().await.unwrap(), 1);
    assert_eq!(world.store.user("bob").await.unwrap(), None);
}

pub async fn a_setting_is_stored_once(world: &World) {
    assert_eq!(world.store.setting_or_insert("key", "first ü").await.unwrap(), "first ü");
    assert_eq!(world.store.setting_or_insert("key", "second").await.unwrap(), "first ü");
    for (key, value) in [("key", "third"), ("other", "new")] {
        world.store.replace_setting(key, value).await.unwrap();
        assert_eq!(world.store.setting_or_insert(key, "fourth").await.unwrap(), value);
    }
    assert_eq!(world.store.ping().await, Ok(()));
}

/// A salt stays until it is replaced, and each team has its own.
pub async fn a_worker_salt_stays_until_renewed(world: &World) {
    let salt = async |team| world.store.worker_salt(team).await.unwrap();
    let (global, main) = (salt(None).await.unwrap(), salt(Some("main")).await.unwrap());
    assert!(global.len() >= 32 && main.len() >= 32 && global != main);
    assert_eq!((salt(None).await, salt(Some("main")).await), (Some(global.clone()), Some(main.clone())));
    let renewed = world.store.renew_worker_salt(Some("main")).await.unwrap().unwrap();
    assert_ne!(renewed, main);
    assert_eq!((salt(None).await, salt(Some("main")).await), (Some(global.clone()), Some(renewed)));
    assert_ne!(world.store.renew_worker_salt(None).await.unwrap().unwrap(), global);
    assert_eq!(salt(Some("none")).await, None);
    assert_eq!(world.store.renew_worker_salt(Some("none")).await.unwrap(), None);
}
