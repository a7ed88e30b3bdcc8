//! Drives [`kaskade_fuzz::nef_notice_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::nef_notice_bodies(data);
});
