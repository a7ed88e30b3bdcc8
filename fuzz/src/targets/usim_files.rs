//! Files of the card.

use kaskade_codec::usim_file::SuciCalcInfo;

/// EF_SUCI_Calc_Info. TS 31.102 4.4.11.8.
pub fn suci_calc_info(data: &[u8]) -> bool {
    let Ok(info) = SuciCalcInfo::parse(data) else {
        return false;
    };
    let written = info.emit();
    assert!(written.len() <= data.len() || data.iter().all(|&octet| octet == 0xff));
    assert_eq!(
        SuciCalcInfo::parse(&written).as_ref(),
        Ok(&info),
        "was written as {written:02x?}"
    );
    // Padding is not content.
    assert_eq!(SuciCalcInfo::parse(&[&written[..], &[0xff; 3]].concat()), Ok(info));
    true
}
