//! What hostapd asks an AuC.

use kaskade_codec::hostapd_auc::Request;

/// A datagram on the socket of a method. hostap 2.10, `hostapd/hlr_auc_gw.txt`.
pub fn hostapd_auc(data: &[u8]) -> bool {
    let Ok(request) = Request::parse(data) else {
        return false;
    };
    assert_eq!(Request::parse(&request.emit()).as_ref(), Ok(&request));
    let is_answered = !matches!(request, Request::Resynchronisation { .. });
    assert_eq!(request.failure().is_some(), is_answered);
    true
}
