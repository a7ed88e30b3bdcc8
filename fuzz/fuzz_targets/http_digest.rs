//! Drives [`kaskade_fuzz::http_digest`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::http_digest(data);
});
