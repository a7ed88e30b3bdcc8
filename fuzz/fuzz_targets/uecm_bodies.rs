//! Drives [`kaskade_fuzz::uecm_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::uecm_bodies(data);
});
