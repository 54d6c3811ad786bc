//! What the launcher's processes do to themselves at birth.

use std::ffi::CStr;
use std::fs;
use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How much the kernel spares the launcher when memory runs out, and what a command is set back to.
const SPARED: &str = "-900";
const AS_USUAL: &str = "0";

/// Nobody of the same user can read this process's memory or environment.
///
/// For a user without rights this also closes its own `/proc/self` files, so it comes after everything written there.
pub fn hide_memory() -> io::Result<()> {
    Ok(prctl::set_dumpable(false)?)
}

/// Asks to be the last to be killed when memory runs out. Needs a right that ordinary users lack; then nothing changes.
pub fn be_spared() {
    let _ = fs::write("/proc/self/oom_score_adj", SPARED);
}

/// A command is not spared. A hidden process of an ordinary user may not write its own file, so it shows itself
/// meanwhile; the memory may be on loan from one that stays hidden.
pub fn be_as_usual() {
    const OWN: &str = "/proc/self/oom_score_adj";
    if fs::read_to_string(OWN).is_ok_and(|now| now.trim() != AS_USUAL) && fs::write(OWN, AS_USUAL).is_err() {
        let _ = prctl::set_dumpable(true);
        let _ = fs::write(OWN, AS_USUAL);
        let _ = prctl::set_dumpable(false);
    }
}

/// A dump of the worker would hold its sockets open for seconds while it is written.
pub fn no_core_dump() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    Ok(setrlimit(Resource::RLIMIT_CORE, 0, hard)?)
}

/// As many descriptors as this process may have at all: whoever holds the descriptors of others must not run short.
/// Commands are given the limit of the worker.
pub fn take_all_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Orphans of descendants become children of this process.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Asks to run before all others: for who has to be faster than what it ends. Needs a right that ordinary users lack; then
/// nothing changes.
pub fn be_first() {
    // SAFETY: a system call with numbers.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) };
}

/// The name in the process list, for people.
pub fn be_called(name: &CStr) {
    let _ = prctl::set_name(name);
}

/// The memory of this process in which `/proc` shows its arguments.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentMemory {
    from: usize,
    to: usize,
}

impl ArgumentMemory {
    /// Finds it, and overwrites the environment that lies behind it, which is then forgotten.
    ///
    /// Called only where no other thread exists: whoever holds pointers into the environment reads zeros afterwards.
    pub fn without_environment() -> Option<Self> {
        let [from, to, environment, environment_end] = own_stack_areas()?;
        // SAFETY: the kernel says that this area of the stack holds the environment; the process has one thread, and
        // `clearenv` makes the C library forget its pointers into it.
        unsafe {
            overwrite(environment, environment_end, &[]);
            libc::clearenv();
        }
        Some(Self { from, to })
    }

    /// Shows this name as the only argument.
    pub fn show(self, name: &CStr) {
        // SAFETY: found by the kernel's word; nothing in the launcher's processes reads its arguments.
        unsafe { overwrite(self.from, self.to, name.to_bytes()) };
    }
}

/// Overwrites these texts wherever they stand in the memory in which `/proc` shows this process's arguments.
///
/// Called while no other thread reads the arguments: who reads them later sees stars.
pub fn hide_arguments(secrets: &[&str]) {
    let Some([from, to, ..]) = own_stack_areas() else { return };
    let Some(length) = to.checked_sub(from) else { return };
    // SAFETY: the kernel says that this area of the stack holds the arguments, and nobody else uses it now.
    let memory = unsafe { std::slice::from_raw_parts_mut(from as *mut u8, length) };
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        while let Some(start) = memory.windows(secret.len()).position(|part| part == secret.as_bytes()) {
            memory[start..start + secret.len()].fill(b'*');
            if secret.bytes().all(|byte| byte == b'*') {
                break;
            }
        }
    }
}

/// # Safety
/// `from..to` must be the process's own argument or environment memory, and nobody else may read it meanwhile.
unsafe fn overwrite(from: usize, to: usize, text: &[u8]) {
    let Some(length) = to.checked_sub(from).filter(|length| *length > 0) else { return };
    let kept = text.len().min(length - 1);
    let start = from as *mut u8;
    // SAFETY: by the contract of this function.
    unsafe {
        std::ptr::write_bytes(start, 0, length);
        std::ptr::copy_nonoverlapping(text.as_ptr(), start, kept);
    }
}

/// Where arguments and environment begin and end, fields 48 to 51 of `/proc/self/stat`.
fn own_stack_areas() -> Option<[usize; 4]> {
    let own = i32::try_from(std::process::id()).ok()?;
    let mut areas = [0; 4];
    for (area, field) in areas.iter_mut().zip(48..) {
        *area = usize::try_from(super::status::stat_field(own, field)?).ok()?;
    }
    areas.iter().all(|area| *area != 0).then_some(areas)
}

/// What commands inherit besides environment and directory, as it was before this program changed it for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Surroundings {
    pub umask: u32,
    pub core_limit: (u64, u64),
    pub file_limit: (u64, u64),
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let limit = |resource| getrlimit(resource).unwrap_or((0, 0));
        Self {
            umask: own_umask().unwrap_or(0o022),
            core_limit: limit(Resource::RLIMIT_CORE),
            file_limit: limit(Resource::RLIMIT_NOFILE),
        }
    }

    /// Puts this process into them.
    pub fn enter(&self) {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(self.umask));
        let _ = setrlimit(Resource::RLIMIT_CORE, self.core_limit.0, self.core_limit.1);
        let _ = setrlimit(Resource::RLIMIT_NOFILE, self.file_limit.0, self.file_limit.1);
    }
}

/// Read from `/proc`: the system call can only read the mask by changing it.
fn own_umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let octal = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(octal.trim(), 8).ok()
}
