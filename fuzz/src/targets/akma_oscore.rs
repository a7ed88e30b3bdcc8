//! Messages of the set-up of OSCORE.

use kaskade_codec::akma_oscore::{SetUpAnswer, SetUpRequest};

/// The payload of `POST /akma`, or of its answer. TS 33.535 Annex D, project profile AKMA-OSCORE-P1.
pub fn akma_oscore(data: &[u8]) -> bool {
    let request = SetUpRequest::read(data);
    if let Ok(request) = &request {
        // There is one way to write an array; an A-KID has spellings.
        assert_eq!(SetUpRequest::read(&request.encode()).as_ref(), Ok(request));
    }
    let answer = SetUpAnswer::read(data);
    if let Ok(answer) = &answer {
        assert_eq!(answer.encode(), data);
    }
    assert!(request.is_err() || answer.is_err());
    request.is_ok() || answer.is_ok()
}
