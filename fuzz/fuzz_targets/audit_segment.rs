//! Drives [`kaskade_fuzz::audit_segment`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::audit_segment(data);
});
