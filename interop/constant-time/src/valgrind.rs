//! Requests to valgrind's memcheck: mark octets as secret, ask how many errors it saw.
//!
//! Memcheck reports each branch and each address that depends on octets which it takes for uninitialised. Marking
//! secrets so makes it report secret-dependent branches and addresses. A request is a sequence of instructions that does
//! nothing on a processor, and that valgrind recognises.

use core::arch::asm;

const RUNNING_ON_VALGRIND: u64 = 0x1001;
const COUNT_ERRORS: u64 = 0x1201;
/// Requests of a tool start with its two letters.
const MEMCHECK: u64 = (b'M' as u64) << 24 | (b'C' as u64) << 16;
const MAKE_MEM_UNDEFINED: u64 = MEMCHECK + 1;
const MAKE_MEM_DEFINED: u64 = MEMCHECK + 2;
const GET_VALIDITY: u64 = MEMCHECK + 8;

/// The answer of valgrind, `or_else` without it.
fn request(request: u64, arguments: [u64; 3], or_else: u64) -> u64 {
    let [first, second, third] = arguments;
    let block = [request, first, second, third, 0, 0];
    let mut answer = or_else;
    // SAFETY: the rotations of RDI add up to 128 bits and leave it as it was; exchanging RBX with itself changes nothing.
    // Valgrind reads the block at RAX, gives its answer in RDX, and reads or writes the memory that the request names.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") block.as_ptr(),
            inout("rdx") answer,
            options(nostack),
        );
    }
    answer
}

fn place(octets: &[u8]) -> u64 {
    octets.as_ptr() as u64
}

fn length(octets: &[u8]) -> u64 {
    octets.len() as u64
}

/// Whether this program runs under valgrind.
pub(crate) fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, [0; 3], 0) != 0
}

/// How many errors valgrind saw so far, repetitions counted.
pub(crate) fn errors() -> u64 {
    request(COUNT_ERRORS, [0; 3], 0)
}

/// From here on the octets are secret.
pub(crate) fn hide(octets: &mut [u8]) {
    request(MAKE_MEM_UNDEFINED, [place(octets), length(octets), 0], 0);
}

/// From here on the octets are public.
pub(crate) fn reveal(octets: &mut [u8]) {
    request(MAKE_MEM_DEFINED, [place(octets), length(octets), 0], 0);
}

/// Whether any bit of the octets depends on a secret.
pub(crate) fn is_secret(octets: &[u8]) -> bool {
    let mut validity = vec![0_u8; octets.len()];
    let answer = request(
        GET_VALIDITY,
        [place(octets), validity.as_mut_ptr() as u64, length(octets)],
        0,
    );
    assert_eq!(answer, 1, "valgrind tells the validity of addressable octets");
    reveal(&mut validity);
    validity.iter().any(|octet| *octet != 0)
}
