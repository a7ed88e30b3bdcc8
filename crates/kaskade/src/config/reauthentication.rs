//! The table `[aanf.reauthentication]`: whether users are authenticated again when their keys end, how often, and which UDM sees to it.

use std::time::Duration;

use kaskade_net::role::aanf::ReauthenticationLimits;
use kaskade_net::role::budget::Rate;

use super::setting::settings;
use super::{Config, ConfigError, Parsed, PeerConfig, remote};

settings! {
    /// Users are authenticated again when their keys end.
    ReauthenticationConfig {
        /// Ask the UDM to have a user authenticated again (Nudm_UECM, trigger-auth): when somebody asks for an application key that is over
        /// or ends soon, and when K_AKMA ends soon with keys below it. Of this process, that is one with udm.uecm.
        enabled: bool = false,
        /// Seconds between two requests for one subscriber.
        interval: u64 [60..=604_800] = 600,
        /// Seconds before the end of a key from which on it is time, half of its life at most.
        ahead: u64 [1..=86_400] = 300,
        /// Requests of all subscribers together: "8/s burst 512" (per s, min or h), or "unlimited".
        rate: Parsed<Rate> = Parsed(ReauthenticationLimits::default().rate),
        /// Subscribers that are remembered for the interval; while there are so many, nobody else is asked for.
        most: u64 [16..=16_777_216] = 65_536,
        /// A UDM of another process, instead of the one of this process.
        udm: PeerConfig = PeerConfig::default(),
    }
}

impl ReauthenticationConfig {
    /// How often, and how early.
    pub fn limits(&self) -> ReauthenticationLimits {
        ReauthenticationLimits {
            interval: Duration::from_secs(self.interval),
            ahead: Duration::from_secs(self.ahead),
            rate: self.rate.0,
            most: usize::try_from(self.most).unwrap_or(usize::MAX),
        }
    }
}

impl Config {
    /// Refuses what contradicts itself or would not be used. Files are not read.
    pub(super) fn check_reauthentication(&self) -> Result<(), ConfigError> {
        let again = &self.aanf.reauthentication;
        again.udm.check(&remote::UDM_OF_AANF, self.nrf.url.is_some())?;
        if !again.enabled || again.udm.is_elsewhere() || (self.udm.runs() && self.udm.uecm) {
            return Ok(());
        }
        Err(ConfigError::Value {
            name: "aanf.reauthentication",
            reason: "there is no UDM that could be asked: let one run here with udm.uecm = true, or name that of another process with \
                     aanf.reauthentication.udm.url, or have it found with by_nrf"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn users_are_authenticated_again_where_that_is_asked_for_and_a_udm_can_be_asked() {
        let off = parse("[udm]\n[ausf]\n[aanf]\n").expect("fine");
        assert!(!off.aanf.reauthentication.enabled);
        assert_eq!(off.aanf.reauthentication.limits(), ReauthenticationLimits::default());
        for text in [
            "[udm]\nuecm = true\n[aanf.reauthentication]\nenabled = true\nrate = \"1/min burst 2\"\n",
            "[aanf.reauthentication]\nenabled = true\n[aanf.reauthentication.udm]\nurl = \"http://127.0.0.1:7778\"\n",
        ] {
            let config = parse(text).expect(text);
            let printed = config.commented_toml();
            assert_eq!(parse(&printed).expect(&printed), config);
        }
        for (text, says) in [
            (
                "[udm]\n[aanf]\n[aanf.reauthentication]\nenabled = true\n",
                "aanf.reauthentication: there is no UDM that could be asked",
            ),
            (
                "[aanf.reauthentication]\ninterval = 1\n",
                "aanf.reauthentication.interval: 1 is out of range",
            ),
            (
                "[aanf.reauthentication]\nenabled = true\n[aanf.reauthentication.udm]\nurl = \"http://192.0.2.1\"\n",
                "aanf.reauthentication.udm.url",
            ),
        ] {
            let said = parse(text).expect_err(text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
    }
}
