//! JSON bodies of the services. Every parser of a service gets the same octets.

use kaskade_net::sbi::model::AuthType;
use kaskade_net::sbi::model::nausf::{
    ConfirmationDataResponse, parse_authentication_info, parse_confirmation_data, parse_confirmation_data_response,
    parse_deregistration_info, parse_ue_authentication_ctx, write_failure, write_success,
};
use kaskade_net::sbi::model::nudm::{
    parse_auth_event, parse_authentication_info_request, parse_authentication_info_result,
};

/// Bodies of Nausf_UEAuthentication. TS 29.509 6.1.6.
pub fn nausf_bodies(data: &[u8]) -> bool {
    let info = parse_authentication_info(data);
    if let Ok(info) = &info {
        assert_eq!(parse_authentication_info(&info.json()).as_ref().ok(), Some(info));
    }
    let answer = parse_confirmation_data(data);
    if let Ok(answer) = &answer {
        assert_eq!(parse_confirmation_data(&answer.json()).as_ref().ok(), Some(answer));
    }
    let result = parse_confirmation_data_response(data);
    if let Ok(result) = &result {
        let written = match result {
            ConfirmationDataResponse::Success { supi, k_seaf } => write_success(supi, k_seaf),
            ConfirmationDataResponse::Failure => write_failure().to_vec(),
        };
        assert_eq!(parse_confirmation_data_response(&written).as_ref().ok(), Some(result));
    }
    let challenge = parse_ue_authentication_ctx(data).is_ok();
    let gone = parse_deregistration_info(data).is_ok();
    info.is_ok() || answer.is_ok() || result.is_ok() || challenge || gone
}

/// Bodies of Nudm_UEAuthentication. TS 29.503 6.3.6.
pub fn nudm_bodies(data: &[u8]) -> bool {
    let request = parse_authentication_info_request(data);
    if let Ok(request) = &request {
        assert_eq!(
            parse_authentication_info_request(&request.json()).as_ref().ok(),
            Some(request)
        );
    }
    let event = parse_auth_event(data);
    if let Ok(event) = &event {
        // Another method is kept as "other", without its name.
        if event.auth_type == AuthType::FiveGAka {
            assert_eq!(parse_auth_event(&event.json()).as_ref().ok(), Some(event));
        }
    }
    let vector = parse_authentication_info_result(data).is_ok();
    request.is_ok() || event.is_ok() || vector
}
