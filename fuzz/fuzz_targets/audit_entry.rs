//! Drives [`kaskade_fuzz::audit_entry`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::audit_entry(data);
});
