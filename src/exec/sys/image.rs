//! The program's own file in memory.

use std::ffi::c_void;

use libc::{MADV_DONTNEED, PF_W, PT_LOAD, c_int, dl_phdr_info, size_t};

/// Takes the program's code and constants out of this process's memory. What is used from now on comes back by itself
/// from the pages that the system keeps of the file; most of what a start needs is never used again. Where the system
/// will not, everything stays. A debugger's breakpoints get lost.
pub fn let_go_of_code() {
    // SAFETY: the callback keeps to the contract of this function and is done when the call returns.
    unsafe { libc::dl_iterate_phdr(Some(let_go_of_segments), std::ptr::null_mut()) };
}

/// Called for the program itself first; says that no library is wanted.
unsafe extern "C" fn let_go_of_segments(program: *mut dl_phdr_info, _: size_t, _: *mut c_void) -> c_int {
    const THAT_IS_ALL: c_int = 1;
    // SAFETY: the system's description of a loaded program, which stays as long as the program does.
    let (base, segments) = unsafe {
        let program = &*program;
        (program.dlpi_addr, std::slice::from_raw_parts(program.dlpi_phdr, usize::from(program.dlpi_phnum)))
    };
    // SAFETY: a question about a constant of the system.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    // What could be written may differ from the file.
    let unchanged = segments.iter().filter(|one| one.p_type == PT_LOAD && one.p_flags & PF_W == 0);
    for segment in unchanged {
        let from = (base + segment.p_vaddr).next_multiple_of(page);
        let to = (base + segment.p_vaddr + segment.p_memsz) / page * page;
        if from < to {
            // SAFETY: these whole pages belong to a segment that nobody can have changed, so they come back as they are.
            unsafe { libc::madvise(from as *mut c_void, (to - from) as size_t, MADV_DONTNEED) };
        }
    }
    THAT_IS_ALL
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_program_goes_on_without() {
        super::let_go_of_code();
        assert_eq!("as it was".replace("was", "is"), "as it is");
    }
}
