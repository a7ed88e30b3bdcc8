//! Drives [`kaskade_fuzz::eap_packet`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::eap_packet(data);
});
