//! Drives [`kaskade_fuzz::nudm_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::nudm_bodies(data);
});
