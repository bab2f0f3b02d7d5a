//! Links that let one person contribute to one retrospective without a token: signed, and good until a while after the
//! deadline. Nothing of them is kept; whoever has one may write that person's contribution and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use wardroom_domain::{id::IncidentId, time::Timestamp};

/// What is signed: 16 bytes of the incident, 4 of the number, 8 of the expiry.
const SIGNED: usize = 28;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The incident.
    pub incident: IncidentId,
    /// The number of the contribution.
    pub contribution: u32,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// The text of a link.
    pub fn sign(&self, key: &[u8; 32]) -> String {
        let mut bytes = self.incident.0.as_bytes().to_vec();
        bytes.extend(self.contribution.to_be_bytes());
        bytes.extend(self.expires_at.unix_ms().to_be_bytes());
        let seal = mac(key, &bytes).finalize().into_bytes();
        bytes.extend(seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a text was signed for; none for any other text.
    pub fn verify(text: &str, key: &[u8; 32]) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, seal) = bytes.split_first_chunk::<SIGNED>()?;
        mac(key, signed).verify_slice(seal).ok()?;
        let (incident, rest) = signed.split_first_chunk::<16>()?;
        let (number, expiry) = rest.split_first_chunk::<4>()?;
        let expiry: &[u8; 8] = expiry.first_chunk()?;
        Some(Self {
            incident: IncidentId(Uuid::from_bytes(*incident)),
            contribution: u32::from_be_bytes(*number),
            expires_at: Timestamp::from_unix_ms(i64::from_be_bytes(*expiry)),
        })
    }
}

fn mac(key: &[u8; 32], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(bytes);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_link_is_good_as_it_was_made_and_no_other_way(
            incident in any::<u128>(), contribution in any::<u32>(), ms in 0_i64..4_000_000_000_000, place in any::<usize>(),
            other in any::<u8>(),
        ) {
            let incident = IncidentId(Uuid::from_u128(incident));
            let made = Invitation { incident, contribution, expires_at: Timestamp::from_unix_ms(ms) };
            let text = made.sign(&[7; 32]);
            prop_assert_eq!(Invitation::verify(&text, &[7; 32]), Some(made));
            prop_assert_eq!(Invitation::verify(&text, &[8; 32]), None);
            let mut changed = URL_SAFE_NO_PAD.decode(&text).expect("is encoded");
            let place = place % changed.len();
            prop_assume!(changed[place] != other);
            changed[place] = other;
            prop_assert_eq!(Invitation::verify(&URL_SAFE_NO_PAD.encode(changed), &[7; 32]), None);
        }
    }
}
