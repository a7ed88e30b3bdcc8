//! How the C library's allocator spreads over threads.

/// Few arenas: each reserves 64 MiB of addresses, and a limit on addresses counts what is reserved. With one for each
/// thread, as is usual, a node that has a fifth of its limit in use is refused memory, and ends.
///
/// To be called before there are threads. No effect where the allocator is not glibc's.
#[allow(
    unsafe_code,
    reason = "a setting of the C library, for which no safe wrapper is there"
)]
pub fn bound_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let arenas = i32::try_from(processors.clamp(2, 4)).unwrap_or(2);
        // SAFETY: it takes two numbers, and changes a setting of the allocator under the allocator's own lock.
        let taken = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
        // 0 says that it was refused: then all is as it would have been.
        let _ = taken;
    }
}
