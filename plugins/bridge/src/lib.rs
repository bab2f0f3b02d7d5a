//! Makes the link of a meeting from a template, so that a workflow can tell people where to talk. It sends nothing: services
//! such as Jitsi Meet open a room when the first person comes to its address
//! (<https://jitsi.github.io/handbook/docs/user-guide/user-guide-start-a-jitsi-meeting>).

use wardroom_plugin_sdk::prelude::*;

/// The longest name in a link, in bytes.
const LONGEST_NAME: usize = 60;
/// The longest link, in bytes: the host keeps no more of an artifact's.
const LONGEST_URL: usize = 2_000;
/// Letters and digits that nobody mistakes for each other, one for five bits (RFC 4648, base 32).
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// What may stand in a URL beside letters and digits (RFC 3986).
const PUNCTUATION: &str = "-._~:/?#[]@!$&'()*+,;=%";

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The link, such as `https://meet.example.com/{name}-{token}`: `{name}` becomes the name of the meeting, `{token}` 20
    /// characters that are new for every run. Behind the host only; `http:` with localhost only.
    #[schemars(
        length(min = 1, max = 500),
        regex(pattern = r"^(https://[A-Za-z0-9.:-]+|http://localhost(:[0-9]+)?)(/([^{}\s]|\{name\}|\{token\})*)?$")
    )]
    template: String,
}

/// Makes a meeting's link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// What the meeting is called, such as `INC-42 Checkout`.
    #[schemars(length(min = 1, max = 200))]
    name: String,
}

/// A meeting.
#[derive(Serialize, JsonSchema)]
struct Meeting {
    /// Its link.
    url: String,
    /// Its name as it stands in the link: small letters, digits and hyphens.
    name: String,
}

/// FNV-1a, 32 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A name of small letters, digits and hyphens. Where letters are lost, a hash of the whole name tells two names apart.
fn slug(name: &str) -> String {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut slug = words.join("-");
    let foreign = name.chars().any(|c| c.is_alphanumeric() && !c.is_ascii());
    if foreign || slug.is_empty() || slug.len() > LONGEST_NAME {
        slug.truncate(LONGEST_NAME - 9);
        slug = format!("{slug}-{:08x}", fnv1a(name.as_bytes())).trim_start_matches('-').replace("--", "-");
    }
    slug
}

/// 20 characters made of the first 100 bits of the step's key: the same for every try, new for every run.
fn token(key: &str) -> String {
    let digits = key.chars().filter_map(|c| c.to_digit(16)).take(25);
    let bits = digits.fold(0_u128, |bits, digit| bits << 4 | u128::from(digit));
    let five = |place: u32| usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
    (0..20).rev().map(|place| char::from(ALPHABET[five(place)])).collect()
}

fn unfit(why: &str) -> Failure {
    Failure::new("invalid_config", format!("The template in the connection's config does not fit: {why}."))
}

/// Refuses a template whose scheme and host are not fixed: the name of a meeting must not choose where people go.
fn check_origin(template: &str) -> Result<(), Failure> {
    let (scheme, rest) = template.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let plain = !name.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    match scheme {
        "https" if plain => Ok(()),
        "http" if plain && name == "localhost" => Ok(()),
        _ => Err(unfit("it begins with https:// and a host, or http://localhost, and placeholders stand behind that")),
    }
}

fn render(template: &str, name: &str, token: &str) -> Result<String, Failure> {
    let mut url = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, behind) = after.split_once('}').ok_or_else(|| unfit("a { in it has no }"))?;
        url.push_str(before);
        url.push_str(match placeholder {
            "name" => name,
            "token" => token,
            other => return Err(unfit(&format!("nothing is known for {{{other}}}, only for {{name}} and {{token}}"))),
        });
        rest = behind;
    }
    url.push_str(rest);
    check_origin(template)?;
    let odd = |c: &char| !c.is_ascii_alphanumeric() && !PUNCTUATION.contains(*c);
    match url.chars().find(odd) {
        Some(odd) => Err(unfit(&format!("{odd:?} is nothing for a URL"))),
        None if url.len() > LONGEST_URL => Err(unfit(&format!("the link is longer than {LONGEST_URL} bytes"))),
        None => Ok(url),
    }
}

impl Action for Create {
    const NAME: &'static str = "create";
    const DESCRIPTION: &'static str = "Makes the link of a meeting from the connection's template; sends nothing.";
    // A room comes into being when somebody enters it.
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Meeting;

    fn run(self, call: &Call) -> Result<Reply<Meeting>, Failure> {
        let config: Config = call.config()?;
        let name = slug(&self.name);
        let url = render(&config.template, &name, &token(&call.idempotency_key))?;
        let summary = format!("people meet at {url}");
        Ok(Done::new(Meeting { url: url.clone(), name }, summary).artifact("link", self.name, url).into())
    }
}

struct Bridge;

impl Plugin for Bridge {
    fn describe() -> Description {
        Description::new("bridge", env!("CARGO_PKG_VERSION"), "Makes links of meetings from a template; sends nothing.")
            .connection::<Config>(&[])
            .action::<Create>()
    }
}

export_plugin!(Bridge);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::{Ended, Host, Ran};

    use super::*;

    /// Made by hand of the scripted host's key, `0123456789abcdef` four times.
    const TOKEN: &str = "aerukz4jvpg66ajdivty";

    fn create(template: &str, name: &str) -> Ran {
        let host = Host::new().config(json!({ "template": template }));
        host.run::<Bridge>("create", &json!({ "name": name }))
    }

    fn slug(name: &str) -> String {
        create("https://meet.example.com/{name}", name).output()["name"].as_str().expect("a name").to_owned()
    }

    #[test]
    fn a_link_is_made_of_name_and_key_and_nothing_is_sent() {
        let ran = create("https://meet.example.com/{name}-{token}#config.prejoin=false", "INC-42: Checkout fails!");
        let url = format!("https://meet.example.com/inc-42-checkout-fails-{TOKEN}#config.prejoin=false");
        assert_eq!(ran.output(), json!({ "url": url, "name": "inc-42-checkout-fails" }));
        assert_eq!(ran.requests, []);
        let Ok(Ended::Done { artifacts, undo, .. }) = ran.result else { panic!("done") };
        assert_eq!(artifacts, [("link".to_owned(), "INC-42: Checkout fails!".to_owned(), Some(url))]);
        assert_eq!(undo, None);
    }

    #[test]
    fn a_second_try_gives_the_same_link_and_another_key_another() {
        let template = "https://meet.example.com/{token}/{token}";
        assert_eq!(create(template, "a").output(), create(template, "a").output());
        assert_eq!(create(template, "a").output()["url"], json!(format!("https://meet.example.com/{TOKEN}/{TOKEN}")));
        let keys = [&"0".repeat(64), &"f".repeat(64), &format!("{}1{}", "0".repeat(24), "0".repeat(39))];
        let tokens = keys.map(|key| token(key));
        assert_eq!(tokens, ["a".repeat(20), "7".repeat(20), format!("{}b", "a".repeat(19))]);
    }

    #[test]
    fn names_that_lose_letters_do_not_come_to_share_a_link() {
        assert_eq!(slug("  a -- B_c  "), "a-b-c");
        assert_eq!(slug("Störung der Kasse"), "st-rung-der-kasse-bf61b5ef");
        assert_eq!(slug("障害"), "5be09256");
        assert_ne!(slug("!!"), slug("!"));
        let long = "x".repeat(LONGEST_NAME);
        assert_eq!(slug(&long), long);
        assert_ne!(slug(&format!("{long}a")), slug(&format!("{long}b")));
        assert_eq!(slug(&format!("{long}a")).len(), LONGEST_NAME);
    }

    #[test]
    fn a_placeholder_that_is_not_known_is_named() {
        for template in ["https://meet.example.com/{incident}/{name}", "https://{incident}.example.com/"] {
            let ran = create(template, "a");
            assert_eq!(ran.failure().code, "invalid_config");
            assert!(ran.failure().message.contains("{incident}"), "{}", ran.failure());
        }
        let open = create("https://meet.example.com/{name", "a");
        assert!(open.failure().message.contains("has no }"), "{}", open.failure());
    }

    #[test]
    fn a_link_leads_to_a_fixed_place_over_https() {
        for template in ["https://meet.example.com:8443/{name}", "http://localhost:8000/{name}", "https://meet.example"]
        {
            assert!(create(template, "a").result.is_ok(), "{template}");
        }
        for template in [
            "http://meet.example.com/{name}",
            "http://localhost.example.com/{name}",
            "https://meet.example.com{name}/",
            "https://{name}/",
            "https://me@meet.example.com/",
            "https://meet.example.com\\{name}",
            "https:///x",
            "javascript://x/{name}",
            "meet.example.com/{name}",
            "https://meet.example.com/a b",
            "https://meet.example.com/}",
            "https://meet.example.com/é",
        ] {
            assert_eq!(create(template, "a").failure().code, "invalid_config", "{template}");
        }
        let template = format!("https://meet.example.com/{}", "{name}".repeat(50));
        let long = create(&template, &"x".repeat(60));
        assert!(long.failure().message.contains("longer than 2000"), "{}", long.failure());
    }

    #[test]
    fn what_a_run_would_refuse_is_refused_when_the_connection_is_set() {
        let manifest = Bridge::describe().manifest();
        let schema = jsonschema::validator_for(&manifest["connection"]["schema"]).expect("a schema");
        let fits = |template: &str| schema.is_valid(&json!({ "template": template }));
        for template in
            ["https://meet.example.com:8443/{name}-{token}?a=b", "http://localhost/{name}", "https://x.example"]
        {
            assert!(fits(template), "{template}");
        }
        for template in [
            "http://meet.example.com/{name}",
            "https://meet.example.com{name}/",
            "https://{name}.example.com/",
            "https://me@meet.example.com/",
            "https://meet.example.com/{incident}",
            "https://meet.example.com/{name",
            "https://meet.example.com/a b",
        ] {
            assert!(!fits(template), "{template}");
        }
    }
}
