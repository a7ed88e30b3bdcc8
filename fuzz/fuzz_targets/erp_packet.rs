//! Drives [`kaskade_fuzz::erp_packet`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::erp_packet(data);
});
