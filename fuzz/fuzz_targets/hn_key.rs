//! Drives [`kaskade_fuzz::hn_key`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::hn_key(data);
});
