//! Which addresses a plugin may not reach unless a grant names their network. Pure: resolving is done elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What is special about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// On the public internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, shared address space, unique local.
    Private,
    /// This link.
    LinkLocal,
    /// A cloud's metadata service, which hands out credentials.
    Metadata,
    /// Nobody in particular: unspecified, multicast, broadcast, documentation, reserved.
    Special,
}

impl Reach {
    /// A word for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata service",
            Self::Special => "special",
        }
    }
}

/// Metadata services outside the link-local network: Azure's wire server, Alibaba Cloud, Oracle's classic, AWS over IPv6.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The address that packets to this one end at: IPv4 inside IPv6 (mapped, compatible, NAT64, 6to4) is unwrapped, because
/// a network that translates would carry the packet to it.
#[expect(clippy::many_single_char_names, reason = "the eight groups of an IPv6 address")]
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let embedded = |high: u16, low: u16| {
        let [one, two] = high.to_be_bytes();
        let [three, four] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(one, two, three, four))
    };
    match [a, b, c, d, e, f] {
        // Mapped, translated, NAT64, and NAT64 with a prefix of a network's own choice (RFC 8215). Of that one a network may
        // also take a longer part and put the address before its end (RFC 6052): what stands in the middle is not unwrapped,
        // so that it is nobody's.
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0 | 1, 0, 0, 0] => embedded(g, h),
        // `::` and `::1` are IPv6's own; the rest of the block is the old IPv4-compatible form.
        [0, 0, 0, 0, 0, 0] if (g, h) != (0, 0) && (g, h) != (0, 1) => embedded(g, h),
        [0x2002, ..] => embedded(b, c),
        _ => address,
    }
}

/// What is special about an address.
pub(super) fn reach(address: IpAddr) -> Reach {
    match canonical(address) {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if METADATA_V4.contains(&address) => Reach::Metadata,
        (127, ..) => Reach::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Reach::Private,
        (169, 254, _) => Reach::LinkLocal,
        (0 | 224..=255, ..) | (192, 0, 0 | 2) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => {
            Reach::Special
        }
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let [a, b, ..] = address.segments();
    match a {
        _ if address == METADATA_V6 => Reach::Metadata,
        _ if address == Ipv6Addr::LOCALHOST => Reach::Loopback,
        0xfc00..=0xfdff => Reach::Private,
        // Site-local (`fec0::/10`) is deprecated, but routers still keep it inside.
        0xfe80..=0xfeff => Reach::LinkLocal,
        // Teredo and ORCHID lie in 2001::/23, documentation in 2001:db8::/32 and 3fff::/20.
        0x2001 if b < 0x200 || b == 0xdb8 => Reach::Special,
        0x3fff if b < 0x1000 => Reach::Special,
        0x2000..=0x3fff => Reach::Public,
        // Only 2000::/3 is handed out as public space.
        _ => Reach::Special,
    }
}

/// Whether an address may be connected to under these granted networks.
pub(super) fn is_allowed(address: IpAddr, networks: &[IpNet]) -> bool {
    reach(address) == Reach::Public || {
        let end = canonical(address);
        networks.iter().any(|network| network.contains(&address) || network.contains(&end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn every_special_address_is_told_from_a_public_one() {
        let cases = [
            ("93.184.215.14", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("127.0.0.1", Reach::Loopback),
            ("127.255.255.254", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("10.1.2.3", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("172.32.0.1", Reach::Public),
            ("192.168.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("fd12:3456::1", Reach::Private),
            ("169.254.1.1", Reach::LinkLocal),
            ("fe80::1", Reach::LinkLocal),
            ("169.254.169.254", Reach::Metadata),
            ("168.63.129.16", Reach::Metadata),
            ("100.100.100.200", Reach::Metadata),
            ("fd00:ec2::254", Reach::Metadata),
            ("0.0.0.0", Reach::Special),
            ("255.255.255.255", Reach::Special),
            ("224.0.0.1", Reach::Special),
            ("240.0.0.1", Reach::Special),
            ("::", Reach::Special),
            ("ff02::1", Reach::Special),
            ("2001:db8::1", Reach::Special),
        ];
        for (text, expected) in cases {
            assert_eq!(reach(ip(text)), expected, "{text}");
        }
    }

    #[test]
    fn ipv4_inside_ipv6_is_judged_as_what_it_ends_at() {
        for text in [
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::127.0.0.1",
            "2002:7f00:1::",
        ] {
            assert_eq!(reach(ip(text)), Reach::Loopback, "{text}");
        }
        assert_eq!(reach(ip("::ffff:169.254.169.254")), Reach::Metadata);
        assert_eq!(reach(ip("64:ff9b::8.8.8.8")), Reach::Public);
        for text in ["64:ff9b:1:7f00:0:100:808:808", "64:ff9b:1:a9fe:a9:fe00:808:808", "64:ff9b:0:1::8.8.8.8"] {
            assert_eq!(reach(ip(text)), Reach::Special, "{text}");
        }
    }

    #[test]
    fn a_network_must_be_named_for_its_addresses_to_be_reached() {
        let loopback: IpNet = "127.0.0.0/8".parse().expect("a network");
        assert!(!is_allowed(ip("127.0.0.1"), &[]));
        assert!(is_allowed(ip("127.0.0.1"), &[loopback]));
        assert!(is_allowed(ip("::ffff:127.0.0.1"), &[loopback]));
        assert!(!is_allowed(ip("10.0.0.1"), &[loopback]));
        assert!(!is_allowed(ip("::1"), &[loopback]));
    }

    #[test]
    fn every_spelling_of_an_address_in_a_url_becomes_the_address() {
        for text in [
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://①②⑦.0.0.1/",
            "http://127%2e0%2e0%2e1/",
        ] {
            let url = url::Url::parse(text).expect("a URL");
            let Some(url::Host::Ipv4(address)) = url.host() else { panic!("{text} is no address: {url}") };
            assert_eq!(reach(IpAddr::V4(address)), Reach::Loopback, "{text}");
        }
    }
}
