//! Nobody else looks into our files, and no planted link is followed.
#![allow(clippy::print_stderr, reason = "what cannot be tried here is said")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::Barrier;

use crate::common::{folder, subscriber};
use kaskade_store::private::{self, PrivateError, Use};
use kaskade_store::{EngineError, MasterKey, MasterKeyError, SqnScheme, StoreError, StoreOptions, SubscriberStore};

const NOBODY: u32 = 65_534;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).expect("there").mode() & 0o7777
}

/// Gives a file to somebody else; only root can.
fn give_away(path: &Path) -> bool {
    let given = chown(path, Some(NOBODY), None).is_ok();
    if !given {
        kaskade_oracle::not_here("root, who can give a file away");
    }
    given
}

#[track_caller]
fn refused(path: &Path, key: &MasterKey) -> PrivateError {
    let error = SubscriberStore::open(path, key, StoreOptions::default()).expect_err("refused");
    let StoreError::Read(cause) = &error else {
        unreachable!("{error}")
    };
    let EngineError::Private(cause) = &**cause else {
        unreachable!("{error}")
    };
    cause.clone()
}

#[test]
fn a_store_that_lets_others_in_is_refused() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let open = || SubscriberStore::open(&path, &key, StoreOptions::default());
    open()
        .expect("new")
        .add(&subscriber(1, SqnScheme::TimeBased))
        .expect("added");
    assert_eq!(mode_of(&path), 0o600);
    let content = fs::read(&path).expect("readable");
    for mode in [0o644, 0o640, 0o660, 0o604, 0o602, 0o601] {
        set_mode(&path, mode);
        let error = refused(&path, &key);
        assert_eq!(
            error,
            PrivateError::Mode {
                path: path.clone(),
                mode,
                expected: 0o600
            }
        );
        assert!(
            error.to_string().contains(&format!("chmod 600 {}", path.display())),
            "{error}"
        );
    }
    set_mode(&path, 0o600);
    if give_away(&path) {
        let error = refused(&path, &key);
        assert!(matches!(error, PrivateError::Owner { owner: NOBODY, .. }));
        // Whoever may give files away is root, who becomes the owner rather than takes the file.
        let (said, chown_it) = (error.to_string(), format!("run `chown 0 {}`", path.display()));
        assert!(said.find("setpriv --reuid") < said.find(&chown_it), "{said}");
        // A group by number: it need not have the user's name.
        let (_, group) = said.split_once("--regid ").expect("its group");
        assert!(group.starts_with(|first: char| first.is_ascii_digit()), "{said}");
        chown(&path, Some(0), None).expect("back");
    }
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).expect("moved");
    symlink(&elsewhere, &path).expect("a link");
    assert!(matches!(
        refused(&path, &key),
        PrivateError::Kind {
            found: "a symbolic link",
            ..
        }
    ));
    fs::remove_file(&path).expect("removed");
    symlink(folder.path().join("nowhere"), &path).expect("a link");
    assert!(matches!(refused(&path, &key), PrivateError::Kind { .. }));
    assert!(!folder.path().join("nowhere").exists());
    fs::remove_file(&path).expect("removed");
    fs::rename(&elsewhere, &path).expect("back");
    assert!(fs::read(&path).expect("readable") == content, "nothing was changed");
    assert_eq!(open().expect("in order").len().expect("read"), 1);
}

#[test]
fn a_planted_name_is_not_followed() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let new = folder.path().join("subscribers.redb.new");
    let victim = folder.path().join("victim");
    fs::write(&victim, "somebody's letters").expect("written");
    // A link, also to nowhere; a second name of a file; what a crash left.
    for plant in 0..4 {
        match plant {
            0 => symlink(&victim, &new).expect("a link"),
            1 => symlink(folder.path().join("nowhere"), &new).expect("a link"),
            2 => fs::hard_link(&victim, &new).expect("a second name"),
            _ => fs::write(&new, "half a store").expect("written"),
        }
        set_mode(&victim, 0o600);
        if plant == 3 {
            set_mode(&new, 0o600);
        }
        let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store");
        store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
        drop(store);
        assert_eq!(
            fs::read_to_string(&victim).expect("there"),
            "somebody's letters",
            "{plant}"
        );
        assert!(fs::symlink_metadata(&new).is_err(), "{plant}: it is gone");
        assert!(!folder.path().join("nowhere").exists());
        assert_eq!(mode_of(&path), 0o600);
        fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn of_many_that_create_one_wins() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    for _ in 0..20 {
        fs::write(folder.path().join("subscribers.redb.new"), "left by a crash").expect("written");
        set_mode(&folder.path().join("subscribers.redb.new"), 0o600);
        let together = Barrier::new(8);
        let open = || {
            together.wait();
            SubscriberStore::open(&path, &key, StoreOptions::default())
        };
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        let won: Vec<_> = opened.iter().filter_map(|store| store.as_ref().ok()).collect();
        assert!(won.len() <= 1, "{} have the same store", won.len());
        for error in opened.iter().filter_map(|store| store.as_ref().err()) {
            assert!(
                matches!(error, StoreError::Read(cause) if matches!(**cause, EngineError::InUse(_))),
                "{error}"
            );
        }
        drop(opened);
        let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("whole");
        store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
        drop(store);
        fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn a_master_key_of_somebody_else_is_refused() {
    let (folder, key) = folder();
    let path = folder.path().join("master.key");
    // Kept on another medium, behind a link of ours: allowed.
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).expect("moved");
    symlink(&elsewhere, &path).expect("a link");
    assert_eq!(MasterKey::open(&path).expect("ours").identifier(), key.identifier());
    // What the link leads to counts.
    set_mode(&elsewhere, 0o644);
    assert!(matches!(
        MasterKey::open(&path),
        Err(MasterKeyError::File(PrivateError::Mode { mode: 0o644, .. }))
    ));
    set_mode(&elsewhere, 0o600);
    if give_away(&elsewhere) {
        let error = MasterKey::open(&path).expect_err("not ours");
        assert!(matches!(
            error,
            MasterKeyError::File(PrivateError::Owner { owner: NOBODY, .. })
        ));
        assert!(error.to_string().contains("chown"), "{error}");
        chown(&elsewhere, Some(0), None).expect("back");
        std::os::unix::fs::lchown(&path, Some(NOBODY), None).expect("the link alone");
        assert!(matches!(
            MasterKey::open(&path),
            Err(MasterKeyError::File(PrivateError::Owner { owner: NOBODY, .. }))
        ));
    }
}

#[test]
fn new_files_are_ours_alone_and_never_through_a_link() {
    let (folder, _) = folder();
    let path = folder.path().join("file");
    private::write_new(&path, b"secret").expect("written");
    assert_eq!(mode_of(&path), 0o600);
    assert!(matches!(
        private::write_new(&path, b"other"),
        Err(PrivateError::Io {
            kind: std::io::ErrorKind::AlreadyExists,
            ..
        })
    ));
    let link = folder.path().join("link");
    symlink(&path, &link).expect("a link");
    assert!(private::write_new(&link, b"other").is_err());
    assert!(private::create(&link).is_err());
    assert_eq!(fs::read(&path).expect("there"), b"secret");
    // A link under the name that is written first, and one in the place of the file itself.
    symlink(&path, folder.path().join("state.new")).expect("a link");
    symlink(&path, folder.path().join("state")).expect("a link");
    private::replace(&folder.path().join("state"), b"state").expect("replaced");
    assert_eq!(fs::read(&path).expect("there"), b"secret");
    let state = folder.path().join("state");
    assert!(fs::symlink_metadata(&state).expect("there").is_file());
    assert_eq!(
        (mode_of(&state), private::read(&state, Use::Own, 100).expect("read")),
        (0o600, b"state".to_vec())
    );
    assert!(private::read(&state, Use::Own, 4).is_err(), "too long");
    assert!(private::open(folder.path(), Use::Secret).is_err(), "a folder");
    set_mode(&state, 0o644);
    assert!(private::open(&state, Use::Trusted).is_ok());
    for mode in [0o646, 0o664] {
        set_mode(&state, mode);
        assert!(private::open(&state, Use::Trusted).is_err(), "{mode:o}");
    }
    if give_away(&state) {
        set_mode(&state, 0o644);
        assert!(matches!(
            private::open(&state, Use::Trusted),
            Err(PrivateError::Owner { owner: NOBODY, .. })
        ));
        chown(&state, Some(0), None).expect("back");
    }
    assert!(private::check(&state, &fs::File::open(&state).expect("opened")).is_err());
}

#[test]
fn folders() {
    let (above, _) = folder();
    let path = above.path().join("a/b");
    assert_eq!(private::create_folder(&path).expect("made"), Vec::<String>::new());
    assert_eq!((mode_of(&path), mode_of(&above.path().join("a"))), (0o700, 0o700));
    for mode in [0o755, 0o750, 0o711, 0o770, 0o701] {
        set_mode(&path, mode);
        let error = private::check_folder(&path).expect_err("others get in");
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
    // One that is there is made private only while nothing is in it.
    private::create_folder(&path).expect("empty");
    assert_eq!(mode_of(&path), 0o700);
    fs::write(path.join("file"), b"").expect("written");
    set_mode(&path, 0o755);
    assert!(private::create_folder(&path).is_err(), "others may use what is in it");
    assert_eq!(mode_of(&path), 0o755);
    set_mode(&path, 0o700);
    private::check_folder(&path).expect("in order");
    // Everybody may replace it, unless the folder above is like /tmp.
    let parent = above.path().join("a");
    set_mode(&parent, 0o777);
    let error = private::check_folder(&path).expect_err("replaceable");
    assert!(
        matches!(&error, PrivateError::OpenParent { mode: 0o777, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("chmod o-w"), "{error}");
    set_mode(&parent, 0o1777);
    private::check_folder(&path).expect("sticky");
    set_mode(&parent, 0o700);
    if give_away(&parent) {
        let notices = private::check_folder(&path).expect("known, and said");
        assert!(
            notices.iter().any(|notice| notice.contains("user 65534")),
            "{notices:?}"
        );
        assert!(give_away(&path));
        assert!(matches!(
            private::check_folder(&path),
            Err(PrivateError::Owner { owner: NOBODY, .. })
        ));
        assert!(private::create_folder(&path).is_err(), "somebody else's stays so");
        chown(&parent, Some(0), None).expect("back");
        chown(&path, Some(0), None).expect("back");
    }
    let link = above.path().join("link");
    symlink(&path, &link).expect("a link");
    private::check_folder(&link).expect("our own link");
    if std::os::unix::fs::lchown(&link, Some(NOBODY), None).is_ok() {
        assert!(matches!(private::check_folder(&link), Err(PrivateError::Owner { .. })));
    }
    assert!(matches!(
        private::check_folder(&above.path().join("master.key")),
        Err(PrivateError::Kind { .. })
    ));
}
