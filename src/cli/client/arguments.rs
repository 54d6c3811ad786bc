//! Secrets in our own arguments: `ps` must not show them for as long as we run.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
};

/// Overwrites every argument that is this secret, or `--flag=` and this secret. What cannot be overwritten stays: it
/// was seen already by whoever started us.
pub(super) fn hide(secret: &str) {
    let place = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in parentheses, which may hold anything; the 48th is `arg_start`.
        let start: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(45)?.parse().ok()?;
        Some((
            start,
            fs::read("/proc/self/cmdline").ok()?,
            OpenOptions::new().write(true).open("/proc/self/mem").ok()?,
        ))
    };
    let Some((start, arguments, memory)) = place() else { return };
    for at in places(&arguments, secret.as_bytes()) {
        let _ = memory.write_all_at(&vec![b'x'; secret.len()], start + at as u64);
    }
}

/// Where the secret stands among arguments that each end in a zero byte.
fn places(arguments: &[u8], secret: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    for argument in arguments.split(|byte| *byte == 0) {
        let before = argument.len().saturating_sub(secret.len());
        let is_whole =
            before == 0 || argument[..before].ends_with(b"=") || (before == 2 && argument.starts_with(b"-"));
        if !secret.is_empty() && argument.ends_with(secret) && is_whole {
            places.push(at + before);
        }
        at += argument.len() + 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_of_a_flag() {
        let arguments =
            b"pikoci\0login\0--password\0hunter2\0--password=hunter2\0-phunter2\0nohunter2x\0xhunter2\0";
        let found: Vec<&[u8]> =
            places(arguments, b"hunter2").iter().map(|at| &arguments[*at..*at + 7]).collect();
        assert_eq!(found, [b"hunter2"; 3]);
        assert!(places(arguments, b"").is_empty());
    }

    #[test]
    fn our_own_arguments_change() {
        let before = fs::read("/proc/self/cmdline").unwrap();
        let Some(last) = before.split(|byte| *byte == 0).rev().find(|word| word.len() > 2) else { return };
        let word = String::from_utf8(last.to_vec()).unwrap();
        hide(&word);
        let after = fs::read("/proc/self/cmdline").unwrap();
        assert!(
            !after.split(|byte| *byte == 0).any(|word| word == last),
            "{}",
            String::from_utf8_lossy(&after)
        );
    }
}
