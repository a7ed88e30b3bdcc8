//! Drives [`kaskade_fuzz::naanf_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::naanf_bodies(data);
});
