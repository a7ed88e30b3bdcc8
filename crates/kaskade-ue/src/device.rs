//! The ME with its card, from one registration to the next (TS 33.501 6.1.3.2, TS 24.501 5.4.1.3, 5.4.2).
//!
//! Each stage is consumed by the message that ends it. What was not ended by a security mode command leaves no key behind:
//! the anchor and the context of before stay as they were.

use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::fivegs::ue::{Ue, UeAuthenticated, UeReject};
use kaskade_aka::usim::Usim;
use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_anchor::emsk::{KeyOf, Root};
use kaskade_crypto::{Autn, Rand};
use kaskade_faults::fault;
use kaskade_flow::entropy::Entropy;
use kaskade_keys::fivegs::{KAmf, KSeaf, ResStar};
use kaskade_keys::{Abba, ServingNetworkName, Supi};

use crate::akma::{Akma, Home, NoAkma, Stored};
use crate::card::CardState;
use crate::context::{Anchor, Context};
use crate::identity::{Identity, IdentityError, MobileIdentity};
use crate::usage::NamedKey;

/// How many challenges in a row may fail, each for whatever reason, before the network counts as not genuine
/// (TS 24.501 5.4.1.3.7).
pub const FAILURES: u8 = 3;

/// A USIM in an ME, and the keys that the ME holds.
#[derive(Debug)]
pub struct Device {
    ue: Ue,
    home: Option<Home>,
    anchor: Option<Anchor>,
    root: Option<Root>,
    context: Option<Context>,
}

/// What the network asks in AUTHENTICATION REQUEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// RAND.
    pub rand: Rand,
    /// AUTN.
    pub autn: Autn,
    /// ABBA, which K_AMF is bound to, 2 octets or more.
    pub abba: Abba,
}

/// The UE has named itself and waits for a challenge.
#[derive(Debug)]
#[must_use = "the device is in it"]
pub struct AwaitingChallenge {
    device: Device,
    serving_network_name: ServingNetworkName,
    failures: u8,
}

/// What the UE says to a challenge.
#[derive(Debug)]
#[must_use = "the device is in it"]
#[allow(
    clippy::large_enum_variant,
    reason = "a device has no heap to spare, and there is one of these at a time"
)]
pub enum Answer {
    /// The card has accepted it.
    Accepted(Accepted),
    /// AUTHENTICATION FAILURE with this cause; the UE waits for another challenge.
    Failure(AwaitingChallenge, UeReject),
    /// The third failure in a row: the network is not genuine, and the UE turns away from it.
    NotGenuine(Device, UeReject),
}

/// The card has accepted a challenge; its array of sequence numbers must be kept before RES* leaves, or it accepts the
/// challenge again after a loss of power.
#[derive(Debug)]
#[must_use = "the device is in it"]
pub struct Accepted {
    device: Device,
    serving_network_name: ServingNetworkName,
    rand: Rand,
    autn: Autn,
    authenticated: UeAuthenticated,
}

/// RES* is on its way; the keys are there, and not yet in use: a partial native context.
#[derive(Debug)]
#[must_use = "the device is in it"]
pub struct AwaitingSecurityMode {
    device: Device,
    serving_network_name: ServingNetworkName,
    anchor: Anchor,
    root: Root,
    k_amf: KAmf,
}

impl Device {
    /// Puts a card into a device that holds no keys.
    pub fn new(usim: Usim, supi: Supi) -> Self {
        Self {
            ue: Ue::new(usim, supi),
            home: None,
            anchor: None,
            root: None,
            context: None,
        }
    }

    /// The card says how its home network is named. It counts from the next K_AUSF on, whose A-KID leads there.
    #[must_use]
    pub fn with_home(self, home: Home) -> Self {
        Self {
            home: Some(home),
            ..self
        }
    }

    /// Whose it is.
    pub fn supi(&self) -> &Supi {
        self.ue.supi()
    }

    /// The card.
    pub fn usim(&self) -> &Usim {
        self.ue.usim()
    }

    /// Takes the card out; the keys that the ME holds are gone.
    pub fn into_usim(self) -> Usim {
        self.ue.into_usim()
    }

    /// What the card must not forget.
    pub fn card_state(&self) -> CardState {
        CardState {
            supi: self.supi().clone(),
            seq_ms: self.usim().seq_ms().into(),
        }
    }

    /// K_AUSF and K_SEAF, once a 5G AKA was followed by a security mode command.
    pub fn anchor(&self) -> Option<&Anchor> {
        self.anchor.as_ref()
    }

    /// The key of a usage below the EMSK of the latest 5G AKA that was followed by a security mode command, with its name; `None` before. The
    /// EMSK is one of the project profile 5G-AKA-EMSK, made with the first key.
    pub fn usage_key(&mut self, of: &KeyOf) -> Option<NamedKey> {
        self.root.as_mut().map(|root| NamedKey::below(root, of))
    }

    /// K_AKMA and its name, of the latest 5G AKA that was followed by a security mode command.
    ///
    /// # Errors
    /// [`NoAkma`] before there was one, or where the card did not name its home network then.
    pub fn akma(&self) -> Result<Akma, NoAkma> {
        Stored::akma(self.anchor().map(Anchor::stored), self.supi())
    }

    /// The current security context.
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// What it tells the network of who it is.
    ///
    /// # Errors
    /// [`IdentityError`]: the SUPI has no such form, or there is no randomness.
    pub fn name(&self, identity: &Identity, entropy: &mut dyn Entropy) -> Result<MobileIdentity, IdentityError> {
        identity.of(self.supi(), entropy)
    }

    /// Registers with this network: what follows is a challenge.
    pub fn start(self, serving_network_name: ServingNetworkName) -> AwaitingChallenge {
        AwaitingChallenge {
            device: self,
            serving_network_name,
            failures: 0,
        }
    }
}

impl AwaitingChallenge {
    /// Answers a challenge (TS 33.501 6.1.3.2.0 step 7). `visitor` sees the keys, CK and IK too, before those that the ME must
    /// delete are wiped; none of a challenge that is refused.
    pub fn challenge(self, challenge: Challenge, visitor: &mut impl KeyVisitor) -> Answer {
        let Self {
            mut device,
            serving_network_name,
            failures,
        } = self;
        let Challenge { rand, autn, abba } = challenge;
        match device
            .ue
            .challenge_visited(&rand, &autn, &serving_network_name, &abba, visitor)
        {
            Ok(authenticated) => Answer::Accepted(Accepted {
                device,
                serving_network_name,
                rand,
                autn,
                authenticated,
            }),
            Err(reject) if failures + 1 >= FAILURES => Answer::NotGenuine(device, reject),
            Err(reject) => Answer::Failure(
                Self {
                    device,
                    serving_network_name,
                    failures: failures + 1,
                },
                reject,
            ),
        }
    }

    /// The device as it was before, whose keys are in use meanwhile.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Nothing came, or the UE gives up: it is as before.
    pub fn abandon(self) -> Device {
        self.device
    }
}

impl Accepted {
    /// The device as it was before, whose keys are in use meanwhile.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What must be durable before [`Accepted::kept`].
    pub fn card_state(&self) -> CardState {
        self.device.card_state()
    }

    /// The card.
    pub fn usim(&self) -> &Usim {
        self.device.usim()
    }

    /// The array is kept: here is RES*, for the network.
    pub fn kept(self) -> (AwaitingSecurityMode, ResStar) {
        let UeAuthenticated {
            res_star,
            k_ausf,
            k_seaf,
            k_amf,
        } = self.authenticated;
        let mut device = self.device;
        let anchor = Anchor::new(k_ausf.clone(), device.home, k_seaf);
        if fault!("akma-before-security-mode") {
            device.anchor = Some(anchor.clone());
        }
        let root = Root::of_5g_aka(k_ausf, device.supi().clone(), &self.rand, &self.autn);
        let waiting = AwaitingSecurityMode {
            root,
            device,
            serving_network_name: self.serving_network_name,
            anchor,
            k_amf,
        };
        (waiting, res_star)
    }
}

impl AwaitingSecurityMode {
    /// The device as it was before, whose keys are in use meanwhile.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// K_SEAF that the network must have too, if it is genuine.
    pub fn k_seaf(&self) -> &KSeaf {
        self.anchor.k_seaf()
    }

    /// A valid security mode command: K_AUSF and K_SEAF become the latest, and the context current with these algorithms and
    /// counts; those of before are deleted (TS 33.501 6.1.3.2, TS 24.501 5.4.2.3).
    pub fn security_mode(self, selection: Selection) -> Device {
        let Self {
            mut device,
            serving_network_name,
            anchor,
            root,
            k_amf,
        } = self;
        device.anchor = Some(anchor);
        device.root = Some(root);
        device.context = Some(Context::new(serving_network_name, k_amf, selection));
        device
    }

    /// AUTHENTICATION REJECT: the new keys are gone, and so is the context with its ngKSI (TS 24.501 5.4.1.3.5).
    pub fn rejected(self) -> Device {
        Device {
            context: None,
            ..self.device
        }
    }

    /// No message came: the new keys are gone, and the UE is as before.
    pub fn abandon(self) -> Device {
        self.device
    }
}

/// The keys that the ME holds: the anchor, then the context.
impl VisitKeys for Device {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        if let Some(anchor) = &self.anchor {
            anchor.visit_keys(visitor);
        }
        if let Some(context) = &self.context {
            context.visit_keys(visitor);
        }
    }
}
