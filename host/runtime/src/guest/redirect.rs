//! Redirects that a guest asked to be followed. Pure: it makes the next request, which is judged like any other.

use url::Url;

use super::super::bindings::wardroom::plugin::http::{Header, Part, Request, Response};

/// Headers that tell who asks: they stay at the origin they were written for.
const PERSONAL: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The request that follows `request`, which was sent to `from` and answered so; none: it is no redirect that is followed.
pub(super) fn next(request: Request, from: &Url, answer: &Response) -> Option<Request> {
    if !matches!(request.method.as_str(), "GET" | "HEAD") || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let (_, location) = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    let to = from.join(std::str::from_utf8(location).ok()?).ok()?;
    let crosses = to.origin() != from.origin();
    let stays = |header: &Header| {
        let name = header.name.to_ascii_lowercase();
        !(PERSONAL.contains(&name.as_str()) || header.value.iter().any(|part| matches!(part, Part::Secret(_))))
    };
    let headers = request.headers.into_iter().filter(|header| !crosses || stays(header)).collect();
    Some(Request { url: to.to_string(), headers, body: None, ..request })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str) -> Request {
        let header = |name: &str, value: Part| Header { name: name.to_owned(), value: vec![value] };
        Request {
            method: method.to_owned(),
            url: "/a".to_owned(),
            headers: vec![
                header("accept", Part::Text("text/plain".to_owned())),
                header("Cookie", Part::Text("a=b".to_owned())),
                header("x-token", Part::Secret("token".to_owned())),
            ],
            body: None,
            timeout_ms: 0,
            redirects: 5,
        }
    }

    fn next_to(method: &str, status: u16, location: &str) -> Option<Request> {
        let headers = vec![("Location".to_owned(), location.as_bytes().to_vec())];
        let answer = Response { status, headers, body: Vec::new(), truncated: false };
        next(request(method), &Url::parse("https://a.example/x/y").expect("a URL"), &answer)
    }

    #[test]
    fn a_hop_is_joined_to_where_the_answer_came_from() {
        for (location, to) in [
            ("/b", "https://a.example/b"),
            ("c?d=e", "https://a.example/x/c?d=e"),
            ("//b.example/", "https://b.example/"),
            ("http://169.254.169.254/", "http://169.254.169.254/"),
        ] {
            assert_eq!(next_to("GET", 302, location).expect("is followed").url, to);
        }
    }

    #[test]
    fn nothing_secret_crosses_to_another_origin() {
        assert_eq!(next_to("GET", 307, "/b").expect("is followed").headers.len(), 3);
        for other in ["https://b.example/", "http://a.example/", "https://a.example:444/"] {
            let headers = next_to("GET", 307, other).expect("is followed").headers;
            let names: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
            assert_eq!(names, ["accept"], "{other}");
        }
    }

    #[test]
    fn only_what_reads_is_followed() {
        assert!(next_to("POST", 307, "/b").is_none());
        assert!(next_to("GET", 200, "/b").is_none());
        assert!(next_to("GET", 304, "/b").is_none());
        assert!(next_to("GET", 302, "http://[").is_none());
    }
}
