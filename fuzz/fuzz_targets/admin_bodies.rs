//! Drives [`kaskade_fuzz::admin_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::admin_bodies(data);
});
