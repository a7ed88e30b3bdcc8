//! Drives [`kaskade_fuzz::hostapd_auc`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::hostapd_auc(data);
});
