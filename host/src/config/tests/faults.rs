//! What is refused, and where.

use std::fs;

use super::{
    super::{load::load, options::Config, source::Faults, spec},
    environment, flags, merged,
};

fn faults(text: &str) -> Vec<String> {
    merged::<Config>(text, &[], &[]).expect_err("faults")
}

#[test]
fn a_fault_has_its_place_and_says_what_to_do() {
    for (text, wanted) in [
        // Keys.
        ("keep_run = \"1d\"", "1:1: unknown key `keep_run`; did you mean `keep_runs`?"),
        ("\n\n  Keep-Runs = \"1d\"", "3:3: unknown key `Keep-Runs`; did you mean `keep_runs`?"),
        ("admin_token_fil = \"x\"", "1:1: unknown key `admin_token_fil`; did you mean `admin_token_file`?"),
        ("colour = 1", "1:1: unknown key `colour`; `wardroom config show` lists all keys"),
        ("[server]\nlisten = \"x\"", "1:2: unknown key `server`; options stand at the top, not in sections"),
        ("log = \"info\"\nlog = \"warn\"", "2:1: duplicate key `log`; keep one"),
        ("\"é\" = 1", "1:1: unknown key `é`; `wardroom config show` lists all keys"),
        // Types.
        (
            "keep_runs = 90",
            "1:13: keep_runs: expected a string: a duration of at least 1h, such as 90s or 90d, found an integer `90`",
        ),
        ("log = 5", "1:7: log: expected a string, found an integer `5`"),
        ("signed_plugins_only = \"yes\"", "1:23: signed_plugins_only: expected true or false, found a string \"yes\""),
        ("signed_plugins_only = 1", "1:23: signed_plugins_only: expected true or false, found an integer `1`"),
        ("allow_hosts = \"https://a.example\"", "1:15: allow_hosts: expected a list, `[…]`, found a string"),
        ("listen = { port = 1 }", "1:10: listen: expected a string, found a table"),
        ("data = 2026-01-01", "1:8: data: expected a string, found a date `2026-01-01`"),
        (
            "log = \"info\"\nallow_hosts = [\"https://a.example\",\n  7]",
            "3:3: allow_hosts[1]: expected a string: an origin, such as \
          https://chat.example.com or smtp://mail.example.com:587, found an integer `7`",
        ),
        // Values.
        (
            "# é\nlisten = \"localhost\" # é",
            "2:10: listen: expected an IP address and a port, such as 127.0.0.1:7117 or \
          [::]:7117, found \"localhost\"",
        ),
        ("keep_runs = \"5m\"", "1:13: keep_runs: expected a duration of at least 1h, such as 90s or 90d, found \"5m\""),
        ("log_format = \"xml\"", "1:14: log_format: expected one of text, json, found \"xml\""),
        ("data = \"\"", "1:8: data: expected a value, found an empty one; leave it out to use the default"),
        // Syntax.
        ("keep_runs = 90d", "1:13: invalid TOML: "),
        ("listen = \"127.0.0.1:1", "1:22: invalid TOML: "),
        ("\u{feff}listen == 1", "1:9: invalid TOML: "),
        ("log = \"info\"\r\nlisten == 1", "2:9: invalid TOML: "),
    ] {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].starts_with(&format!("wardroom.toml:{wanted}")), "{text:?}: {found:#?}");
    }
}

#[test]
fn all_faults_are_told_at_once_those_of_the_file_first_and_by_line() {
    let text = "shortest_interval = \"soon\"\nlisten = = 1\nkeep_run = 5\ndata = 7\nallow_hosts = [\"a\", \"b\"]\n";
    let found = merged::<Config>(text, &[("WARDROOM_LOG", "a=b=c")], &["--admin-token="]).expect_err("faults");
    let places: Vec<String> =
        found.iter().map(|fault| fault.split(": ").next().unwrap_or_default().to_owned()).collect();
    let file = ["1:21", "2:10", "3:1", "4:8", "5:16", "5:21"].map(|place| format!("wardroom.toml:{place}"));
    assert_eq!(places, [&file[..], &["WARDROOM_LOG".to_owned(), "--admin-token".to_owned()]].concat(), "{found:#?}");
    let told = Faults(vec![]).to_string();
    assert_eq!(told, "0 faults in the configuration:");
}

#[test]
fn a_wrong_value_is_told_although_a_later_source_overrides_it() {
    let found = merged::<Config>("listen = \"x\"\n", &[], &["--listen", "127.0.0.1:1"]).expect_err("faults");
    assert!(found.len() == 1 && found[0].starts_with("wardroom.toml:1:10: listen: expected"), "{found:?}");
}

#[test]
fn options_that_need_another_say_which() {
    let specs = spec::all::<Config>();
    let failed = |variables: &[(&str, &str)], arguments: &[&str]| {
        load(None, &environment(variables), &flags(&specs, arguments)).expect_err("faults").to_string()
    };
    assert_eq!(
        failed(&[], &["--outbound-proxy-by-name"]),
        "--outbound-proxy-by-name: needs a proxy: set `outbound_proxy` (`--outbound-proxy <URL>`) too"
    );
    assert_eq!(
        failed(&[("WARDROOM_SIGNED_PLUGINS_ONLY", "true")], &[]),
        "WARDROOM_SIGNED_PLUGINS_ONLY: needs a trusted key: set `plugin_keys` (`--plugin-key <KEY>`) too"
    );
    let proxied = [("WARDROOM_OUTBOUND_PROXY", "http://proxy.internal:3128")];
    let loaded = load(None, &environment(&proxied), &flags(&specs, &["--outbound-proxy-by-name"]));
    assert!(loaded.expect("a configuration").config.outbound_proxy_by_name);
}

#[test]
fn files_that_are_no_text_or_too_large_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wardroom.toml");
    let refused = || load(Some(file.clone()), &environment(&[]), &super::Layer::new()).expect_err("faults").to_string();
    fs::write(&file, b"# a\nlog = \"\xff\"\n").expect("is written");
    assert_eq!(refused(), format!("{}:2:8: expected UTF-8", file.display()));
    fs::write(&file, "#".repeat((1 << 20) + 1)).expect("is written");
    assert_eq!(refused(), format!("{}: expected a configuration file of at most 1 MiB", file.display()));
    fs::remove_file(&file).expect("is removed");
    fs::create_dir(&file).expect("is made");
    assert!(refused().contains("cannot read the configuration file"));
}
