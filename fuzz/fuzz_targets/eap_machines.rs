//! Drives [`kaskade_fuzz::eap_machines`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::eap_machines(data);
});
