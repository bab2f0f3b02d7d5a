//! Masks known secret values wherever a guest or a third party may put them: as they are, and in the encodings that
//! travel in headers, URLs and JSON. Never keeps a value beyond the automaton that looks for it.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use wardroom_domain::hex;

/// What stands where a secret stood.
const MASK: &str = "***";

/// Shorter values are not looked for: masking every "a" would hide the text and not the secret.
const SHORTEST_SECRET: usize = 4;

/// Looks for a set of secrets.
#[derive(Clone)]
pub(super) struct Redactor {
    automaton: Option<AhoCorasick>,
    longest: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor of these values and of what they look like encoded.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets {
            let value = secret.expose_secret();
            if value.len() < SHORTEST_SECRET {
                continue;
            }
            forms.extend(encodings(value));
            // `whsec_` marks a key in base64: the key without the mark is the same secret.
            if let Some(key) = value.strip_prefix("whsec_").filter(|key| key.len() >= SHORTEST_SECRET) {
                forms.push(key.to_owned());
            }
        }
        forms.sort_unstable();
        forms.dedup();
        let longest = forms.iter().map(String::len).max().unwrap_or_default();
        let automaton = (!forms.is_empty())
            .then(|| {
                // Built for each call, so it has to be small: a long key would make a DFA of tens of megabytes.
                AhoCorasick::builder()
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&forms)
                    .ok()
            })
            .flatten();
        Self { automaton, longest }
    }

    /// The longest text it masks, in bytes: so much has to be seen of what may begin with a secret.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The text, masked.
    pub(super) fn text(&self, text: &str) -> String {
        let spans = self.spans(text.as_bytes());
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for span in spans {
            masked.push_str(&text[end..span.start]);
            masked.push_str(MASK);
            end = span.end;
        }
        masked.push_str(&text[end..]);
        masked
    }

    /// The bytes, masked.
    pub(super) fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let spans = self.spans(&bytes);
        if spans.is_empty() {
            return bytes;
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut end = 0;
        for span in spans {
            masked.extend_from_slice(&bytes[end..span.start]);
            masked.extend_from_slice(MASK.as_bytes());
            end = span.end;
        }
        masked.extend_from_slice(&bytes[end..]);
        masked
    }

    /// The value, masked in every string and key, and in numbers that are a secret's digits.
    pub(super) fn value(&self, value: Value) -> Value {
        if self.automaton.is_none() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, item)| (self.text(&key), self.value(item))).collect())
            }
            Value::Number(number) => {
                let text = number.to_string();
                if self.spans(text.as_bytes()).is_empty() { Value::Number(number) } else { self.text(&text).into() }
            }
            other => other,
        }
    }

    /// Masks secrets that begin in one piece and end in a later one: each piece loses its part.
    pub(super) fn pieces(&self, pieces: &mut [&mut String]) {
        let joined: String = pieces.iter().map(|piece| piece.as_str()).collect();
        let spans = self.spans(joined.as_bytes());
        if spans.is_empty() {
            return;
        }
        let mut start = 0;
        for piece in pieces {
            let end = start + piece.len();
            let mut masked = String::with_capacity(piece.len());
            let mut at = start;
            for span in spans.iter().filter(|span| span.start < end && span.end > start) {
                let (from, to) = (span.start.max(start), span.end.min(end));
                masked.push_str(&joined[at..from]);
                masked.push_str(MASK);
                at = to;
            }
            masked.push_str(&joined[at..end]);
            **piece = masked;
            start = end;
        }
    }

    fn spans(&self, text: &[u8]) -> Vec<Range<usize>> {
        self.automaton.iter().flat_map(|automaton| automaton.find_iter(text)).map(|found| found.range()).collect()
    }
}

/// How a value looks in the places where values travel.
fn encodings(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap_or_default();
    let percent = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let query = url::Url::parse("http://h/").map(|mut url| {
        url.set_query(Some(value));
        url.query().unwrap_or_default().to_owned()
    });
    let mut forms = vec![
        value.to_owned(),
        json.trim_matches('"').to_owned(),
        json.replace('/', "\\/").trim_matches('"').to_owned(),
        percent.to_lowercase(),
        percent,
        form,
        hex(value.as_bytes()),
        hex(value.as_bytes()).to_uppercase(),
    ];
    forms.extend(query);
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(value));
    }
    // Inside a longer base64 text a value starts at one of three offsets. The characters that also hold bits of its
    // neighbours are left out.
    for offset in 1..=2 {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(value.as_bytes());
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let whole = (padded.len() / 3) * 4;
            forms.push(text[4..whole.max(4)].to_owned());
        }
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        let text = engine.encode(value);
        forms.push(text[..(value.len() / 3) * 4].to_owned());
    }
    forms.retain(|form| form.len() >= SHORTEST_SECRET);
    // A cut base64 form of a short value is a common word rather than a secret.
    let shortest = value.len().min(8);
    forms.retain(|form| form.len() >= shortest);
    forms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "s3cr3t/\"canary\" äß+?";

    fn redactor() -> Redactor {
        Redactor::new([SecretString::from(SECRET)].iter())
    }

    #[test]
    fn every_form_is_masked() {
        let redactor = redactor();
        let basic = STANDARD.encode(format!("user:{SECRET}"));
        for form in encodings(SECRET).into_iter().chain([basic, format!("Bearer {SECRET}")]) {
            let masked = redactor.text(&format!("before {form} after"));
            assert!(masked.contains(MASK), "{form} -> {masked}");
            assert!(masked.starts_with("before ") && masked.ends_with(" after"), "{masked}");
            assert!(!masked.contains(&form), "{masked}");
        }
    }

    #[test]
    fn a_secret_split_over_pieces_is_masked_at_every_split() {
        let redactor = redactor();
        let text = format!("x{SECRET}y");
        for (split, _) in text.char_indices() {
            let (mut head, mut tail) = (text[..split].to_owned(), text[split..].to_owned());
            redactor.pieces(&mut [&mut head, &mut String::new(), &mut tail]);
            let joined = format!("{head}{tail}");
            assert!(!joined.contains("canary") && joined.starts_with('x') && joined.ends_with('y'), "{head} | {tail}");
        }
    }

    #[test]
    fn values_are_masked_in_keys_strings_and_numbers() {
        let redactor = Redactor::new([SecretString::from("12345678")].iter());
        let masked = redactor.value(json!({"a": [12_345_678, "is 12345678"], "12345678": null, "b": 5}));
        assert_eq!(masked, json!({"a": ["***", "is ***"], "***": null, "b": 5}));
    }

    #[test]
    fn without_secrets_nothing_changes() {
        let redactor = Redactor::new([SecretString::from("abc")].iter());
        assert_eq!(redactor.text("abc"), "abc");
    }
}
