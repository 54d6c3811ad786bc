//! Both ends against each other, and against somebody between them.

use super::*;

const RELEASE: Release = Release { major: 0, minor: 1 };

struct Town {
    installation: Installation,
    server: ServerEnd,
    worker: WorkerEnd,
}

fn worker(installation: &Installation, claims: &Claims) -> WorkerEnd {
    let token = WorkerToken::read(&installation.token(claims)).unwrap();
    WorkerEnd::new(&token, RELEASE).unwrap()
}

fn town() -> Town {
    let installation = Installation::new("the secret of the servers");
    let server = ServerEnd::new(installation.clone(), RELEASE).unwrap();
    let claims = Claims { team: Some("blue".into()), salt: Some("1".into()), expires: None };
    let worker = worker(&installation, &claims);
    server.open(&worker.hello().unwrap()).unwrap();
    Town { installation, server, worker }
}

fn said(content: &[u8]) -> Content {
    Content::Message(content.to_vec())
}

#[test]
fn who_belongs_together_understands_each_other() {
    let Town { installation, server, worker } = town();
    for to in [To::AnyServer, To::AllServers, To::Node(server.name())] {
        let opened = server.open(&worker.seal(to, b"up").unwrap()).unwrap();
        let claims = Claims { team: Some("blue".into()), salt: Some("1".into()), expires: None };
        assert_eq!(opened.from, Sender::Worker { node: worker.name().to_owned(), claims });
        assert_eq!((opened.content, opened.release), (said(b"up"), RELEASE));
    }
    let down = worker.open(&server.seal(To::Node(worker.name()), b"down").unwrap()).unwrap();
    assert_eq!((down.from, down.content), (Sender::Server(server.name().to_owned()), said(b"down")));
    let hail = worker.open(&server.seal(To::AllWorkers, b"who?").unwrap()).unwrap();
    assert_eq!((hail.from, hail.content), (Sender::Hailer, said(b"who?")));
    let other = ServerEnd::new(installation, RELEASE).unwrap();
    for to in [To::AllServers, To::AnyServer, To::Node(other.name())] {
        let opened = other.open(&server.seal(to, b"beat").unwrap()).unwrap();
        assert_eq!((opened.from, opened.content), (Sender::Server(server.name().to_owned()), said(b"beat")));
    }
    assert!(!other.knows(worker.name()) && other.seal(To::Node(worker.name()), b"x").is_none());
    assert!(server.knows(worker.name()) && server.workers() == 1);
}

/// All kinds of envelopes, and who should open them.
fn all_kinds(town: &Town) -> Vec<(Vec<u8>, bool)> {
    let Town { server, worker, .. } = town;
    vec![
        (worker.seal(To::AnyServer, b"a word").unwrap(), true),
        (worker.seal(To::Node(server.name()), b"a word").unwrap(), true),
        (server.seal(To::AllServers, b"a word").unwrap(), true),
        (server.seal(To::Node(worker.name()), b"a word").unwrap(), false),
        (server.seal(To::AllWorkers, b"a word").unwrap(), false),
    ]
}

#[test]
fn every_changed_byte_and_every_missing_end_is_noticed() {
    let town = town();
    for (whole, at_server) in all_kinds(&town) {
        let open = |bytes: &[u8]| match at_server {
            true => town.server.open(bytes),
            false => town.worker.open(bytes),
        };
        for at in 0..whole.len() {
            assert!(open(&whole[..at]).is_err(), "cut at {at}");
            for bit in [1, 0x40, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= bit;
                assert!(open(&changed).is_err(), "byte {at} of {}", whole.len());
            }
        }
        let longer = [whole.as_slice(), b"!"].concat();
        assert!(open(&longer).is_err());
        assert!(open(&whole).is_ok(), "what came before did no harm");
        assert_eq!(open(&whole), Err(Reason::Repeated));
    }
}

#[test]
fn nothing_is_opened_by_whom_it_is_not_for() {
    let town = town();
    let other_worker = worker(&town.installation, &Claims::default());
    let same_token = worker(
        &town.installation,
        &Claims { team: Some("blue".into()), salt: Some("1".into()), expires: None },
    );
    let other_server = ServerEnd::new(town.installation.clone(), RELEASE).unwrap();
    let foreign = ServerEnd::new(Installation::new("another secret, of others"), RELEASE).unwrap();
    for (whole, at_server) in all_kinds(&town) {
        assert!(foreign.open(&whole).is_err());
        match at_server {
            true => assert!(town.worker.open(&whole).is_err() && other_worker.open(&whole).is_err()),
            false => assert!(town.server.open(&whole).is_err() || whole[4] == 4),
        }
    }
    let for_one = town.server.seal(To::Node(town.worker.name()), b"secret").unwrap();
    assert_eq!(same_token.open(&for_one), Err(Reason::Misdirected));
    let mine = town.worker.seal(To::Node(town.server.name()), b"accept").unwrap();
    assert_eq!(other_server.open(&mine), Err(Reason::Misdirected));
    assert!(town.worker.seal(To::AllWorkers, b"x").is_none());
    assert!(!for_one.windows(6).any(|window| window == b"secret"));
}

#[test]
fn a_worker_with_the_same_token_cannot_speak_for_another() {
    let town = town();
    let claims = Claims { team: Some("blue".into()), salt: Some("1".into()), expires: None };
    let twin = worker(&town.installation, &claims);
    // The twin's envelope with the other's public key in its place.
    let (mut forged, model) =
        (twin.seal(To::AnyServer, b"x").unwrap(), town.worker.seal(To::AnyServer, b"x").unwrap());
    forged[9..41].copy_from_slice(&model[9..41]);
    forged[41..49].copy_from_slice(&[0, 0, 0, 0, 0, 0, 9, 9]);
    assert_eq!(town.server.open(&forged), Err(Reason::Forged));
}

#[test]
fn claims_cannot_be_changed() {
    let town = town();
    let blue = worker(&town.installation, &Claims { team: Some("blue".into()), ..Claims::default() });
    let mut forged = blue.seal(To::AnyServer, b"x").unwrap();
    let at = forged.windows(4).position(|window| window == b"blue").unwrap();
    forged[at..at + 4].copy_from_slice(b"root");
    assert_eq!(town.server.open(&forged), Err(Reason::Forged));
    assert!(!town.server.knows(blue.name()));
}

#[test]
fn a_foreign_worker_is_told_in_clear() {
    let town = town();
    let foreign = worker(&Installation::new("another secret, of others"), &Claims::default());
    let hello = foreign.hello().unwrap();
    assert_eq!(town.server.open(&hello), Err(Reason::Forged));
    let (name, notice) = town.server.notice(&hello, "another installation").unwrap();
    assert_eq!(name, foreign.name());
    let opened = foreign.open(&notice).unwrap();
    let refused = Content::Refused("another installation".into());
    assert_eq!((opened.from, opened.content), (Sender::Nobody, refused));
    assert_eq!(town.worker.open(&notice), Err(Reason::Misdirected));
    assert!(town.server.notice(&town.server.seal(To::AllServers, b"x").unwrap(), "no worker").is_none());
}

#[test]
fn another_form_is_named_with_its_release() {
    let town = town();
    let mut newer = town.worker.seal(To::AnyServer, b"x").unwrap();
    newer[3] = 2;
    newer[7..9].copy_from_slice(&[0, 7]);
    assert_eq!(town.server.open(&newer), Err(Reason::Version(Release { major: 0, minor: 7 })));
    let (name, _) = town.server.notice(&newer, "too new").unwrap();
    assert_eq!(name, town.worker.name());
    let fits = |minor| RELEASE.fits(Release { major: 0, minor });
    assert!(fits(0) && fits(1) && fits(2) && !fits(3) && !RELEASE.fits(Release { major: 1, minor: 1 }));
    assert_eq!("0.1.0".parse(), Ok(RELEASE));
    assert!("x".parse::<Release>().is_err());
}

#[test]
fn late_ones_are_taken_within_the_window() {
    let Town { server, worker, .. } = town();
    let mut all: Vec<_> = (0..1500_u32).map(|_| worker.seal(To::AnyServer, b"x").unwrap()).collect();
    let newest = all.pop().unwrap();
    assert!(server.open(&newest).is_ok());
    let taken = all.iter().rev().filter(|bytes| server.open(bytes).is_ok()).count();
    assert_eq!(taken, 1023);
    assert!(all.iter().all(|bytes| server.open(bytes) == Err(Reason::Repeated)));
}

#[test]
fn a_sealed_envelope_grows_by_less_than_is_said() {
    let town = town();
    let team = "t".repeat(200);
    let claims = Claims { team: Some(team), salt: Some("s".repeat(64)), expires: Some(i64::MAX) };
    let long = worker(&town.installation, &claims);
    for (whole, _) in all_kinds(&town).into_iter().chain([(long.seal(To::AnyServer, b"").unwrap(), true)]) {
        assert!(whole.len() < OVERHEAD, "{}", whole.len());
    }
}
