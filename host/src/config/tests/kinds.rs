//! Kinds of options that the server does not have yet, and what they look like in each source.

use std::time::Duration;

use clap::{Args, value_parser};
use secrecy::{ExposeSecret, SecretString};

use super::{
    super::value::{Size, duration, named, size},
    merged,
};

#[derive(Debug, Clone, Args)]
struct More {
    /// How many
    #[arg(long, value_name = "COUNT", default_value = "8", value_parser = value_parser!(u16).range(1..=1_000))]
    calls: u16,
    /// How much
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    body: Size,
    /// How often, for each plugin
    #[arg(long = "interval", value_name = "NAME=DURATION", value_parser = named(duration(Duration::from_secs(1))))]
    intervals: Vec<(String, Duration)>,
    /// Several secrets
    #[arg(long = "pepper", value_name = "PEPPER")]
    peppers: Vec<SecretString>,
    /// Several numbers
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<u16>,
}

fn intervals(intervals: &[(&str, u64)]) -> Vec<(String, Duration)> {
    intervals.iter().map(|(name, seconds)| ((*name).to_owned(), Duration::from_secs(*seconds))).collect()
}

#[test]
fn numbers_sizes_tables_and_lists_come_from_every_source() {
    let text = "calls = 0x10\nbody = \"64KiB\"\npeppers = [\"a,b\", \"c\"]\nports = [1, 2]\n\n[intervals]\nslack = \"30s\"\njira = \"1m\"\n";
    let (more, options) = merged::<More>(text, &[], &[]).expect("options");
    assert_eq!((more.calls, more.body, more.ports), (16, Size(65_536), vec![1, 2]));
    assert_eq!(more.intervals, intervals(&[("jira", 60), ("slack", 30)]));
    let peppers: Vec<&str> = more.peppers.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(peppers, ["a,b", "c"]);
    let shown = options.iter().find(|option| option.key == "peppers").expect("an option");
    assert_eq!((&shown.values[..], shown.is_list), (&["********".to_owned(), "********".to_owned()][..], true));

    let variables = [
        ("WARDROOM_CALLS", "3"),
        ("WARDROOM_BODY", "2GiB"),
        ("WARDROOM_INTERVALS", "slack=2s,jira=3s"),
        ("WARDROOM_PORTS", "4,5"),
    ];
    let (more, _) =
        merged::<More>(text, &variables, &["--interval", "slack=4s", "--interval=chat=5s"]).expect("options");
    assert_eq!((more.calls, more.body, more.ports), (3, Size(1 << 31), vec![4, 5]));
    assert_eq!(more.intervals, intervals(&[("slack", 4), ("chat", 5)]));
}

#[test]
fn their_faults_have_places_too() {
    for (text, wanted) in [
        ("calls = \"8\"", "1:9: calls: expected an integer, found a string \"8\""),
        ("calls = 8.5", "1:9: calls: expected an integer, found a float `8.5`"),
        ("calls = 0", "1:9: calls: invalid value \"0\": 0 is not in 1..=1000"),
        (
            "calls = 99999999999999999999",
            "1:9: calls: invalid value \"99999999999999999999\": number too large to fit in target type",
        ),
        ("body = \"1MB\"", "1:8: body: expected a size, such as 512B, 64KiB, 64MiB or 1GiB, found \"1MB\""),
        ("intervals = [\"a=1s\"]", "1:13: intervals: expected a table, `{ name = value }`, found a list"),
        (
            "[intervals]\nslack = \"soon\"",
            "2:9: intervals: expected a duration of at least 1s, such as 90s or 90d, found \"slack=soon\"",
        ),
        ("[intervals]\nslack = [1]", "2:9: intervals.slack: expected a string, found a list"),
        ("[intervals]\n\"a=b\" = \"1s\"", "2:1: intervals.a=b: expected a name without `=` and `,`"),
        ("ports = [1, 70000]", "1:13: ports: invalid value \"70000\": 70000 is not in 0..=65535"),
    ] {
        assert_eq!(merged::<More>(text, &[], &[]).expect_err(text), [format!("wardroom.toml:{wanted}")]);
    }
}
