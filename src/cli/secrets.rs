//! Secrets among the arguments: the list of processes must not show them for as long as the program runs.

use clap::{ArgMatches, Id};

use crate::wire;

/// Flags whose whole value is secret: keys, tokens, passwords and their hashes, and addresses of brokers, which may hold
/// a password.
const SECRETS: [&str; 12] = [
    "jwt",
    "jwt-secret",
    "admin-password",
    "users",
    "password",
    "db-password",
    "pubsub-password",
    "pubsub-token",
    "worker-token",
    "nats-server-url",
    "rabbit-server-url",
    "kafka-brokers",
];
/// `name=value`: nobody knows yet which variables are secrets.
const VARIABLES: &str = "var";
/// Addresses that may say who asks, and with what password.
const ADDRESSES: [&str; 3] = ["from", "to", "url"];

/// Overwrites the secrets among the program's own arguments. To be called before it makes threads.
pub fn hide(matches: &ArgMatches) {
    wire::hide_arguments(&given(matches));
}

/// The secrets that were given to the command, and to the one below it.
fn given(matches: &ArgMatches) -> Vec<&str> {
    let mut found: Vec<&str> =
        matches.ids().map(Id::as_str).flat_map(|flag| secrets_of(matches, flag)).collect();
    if let Some((_, below)) = matches.subcommand() {
        found.extend(given(below));
    }
    found
}

fn secrets_of<'a>(matches: &'a ArgMatches, flag: &str) -> Vec<&'a str> {
    let values =
        matches.try_get_raw(flag).ok().flatten().into_iter().flatten().filter_map(|value| value.to_str());
    if SECRETS.contains(&flag) || flag == VARIABLES {
        values.collect()
    } else if ADDRESSES.contains(&flag) {
        values.filter_map(who).collect()
    } else {
        Vec::new()
    }
}

/// `user:password` of `system://user:password@host`; the password may hold an `@`.
fn who(address: &str) -> Option<&str> {
    let (who, _) = address.split_once("://")?.1.rsplit_once('@')?;
    Some(who)
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;
    use crate::cli::{client::whole_words, command};

    fn found(line: &str) -> Vec<String> {
        let words = whole_words(line.split(' ').map(str::to_owned));
        let matches = command().try_get_matches_from(words).unwrap();
        given(&matches).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn every_secret_that_is_given_is_found() {
        for (line, secrets) in [
            ("pikoci client --jwt T0 pipelines list --jwt=T1", vec!["T0", "T1"]),
            ("pikoci client login --username u -pT0", vec!["T0"]),
            ("pikoci client pipelines create -pn p -c f --var a=T0 --var=b=T1", vec!["a=T0", "b=T1"]),
            ("pikoci client pipelines update -n p -c f --jwt T0 --var a=T1", vec!["T0", "a=T1"]),
            ("pikoci server --var a=T0 --jwt-secret T1 --users u:T2,v:T3", vec!["a=T0", "T1", "u:T2,v:T3"]),
            ("pikoci server --admin-password T0 --db-password=T1", vec!["T0", "T1"]),
            ("pikoci worker --worker-token T0 --nats-server-url nats://u:T1@n", vec!["T0", "nats://u:T1@n"]),
            ("pikoci run -p f -j j --var a=T0", vec!["a=T0"]),
            ("pikoci user-password -u u -p T0", vec!["T0"]),
            ("pikoci worker-token --jwt-secret T0", vec!["T0"]),
            ("pikoci db copy --from mysql://u:T@0@h:1/n?tls=off --to /a@b", vec!["u:T@0"]),
        ] {
            let mut found = found(line);
            found.sort();
            let mut secrets: Vec<String> = secrets.into_iter().map(str::to_owned).collect();
            secrets.sort();
            assert_eq!(found, secrets, "{line}");
        }
    }

    /// All flags with a value of a command and of those below it.
    fn flags(command: &Command) -> Vec<String> {
        let own = command.get_arguments().filter(|arg| arg.get_action().takes_values());
        let own = own.map(|arg| arg.get_id().to_string());
        own.chain(command.get_subcommands().flat_map(flags)).collect()
    }

    #[test]
    fn no_flag_of_a_secret_is_forgotten() {
        let flags = flags(&command());
        let sounds_secret = |flag: &&String| {
            let is_word = |word: &str| ["jwt", "secret", "password", "token", "key"].contains(&word);
            flag.split(['-', '_']).any(is_word) && !flag.ends_with("file")
        };
        // Switches, which clap gives an optional value.
        let harmless = ["replace-jwt-secret", "allow-secret-args"];
        for flag in flags.iter().filter(sounds_secret).filter(|flag| !harmless.contains(&flag.as_str())) {
            assert!(SECRETS.contains(&flag.as_str()), "--{flag} would stay in the list of processes");
        }
        for known in SECRETS.iter().chain(&ADDRESSES).chain([&VARIABLES]) {
            assert!(flags.iter().any(|flag| flag == known), "there is no flag --{known}");
        }
    }
}
