//! Drives [`kaskade_fuzz::usage_key_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::usage_key_bodies(data);
});
