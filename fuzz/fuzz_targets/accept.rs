//! Drives [`kaskade_fuzz::accept`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::accept(data);
});
