//! Which source wins, and how it is named.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    super::{
        load::{find, load},
        options::Config,
    },
    environment, merged,
};

const FILE: &str =
    "listen = \"10.0.0.1:1\"\nkeep_runs = \"1d\"\nallow_hosts = [\"https://a.example\", \"https://b.example\"]\n";

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    for (variables, arguments, listen, source) in [
        (vec![], vec![], "10.0.0.1:1", "wardroom.toml:1"),
        (vec![("WARDROOM_LISTEN", "10.0.0.2:2")], vec![], "10.0.0.2:2", "environment variable WARDROOM_LISTEN"),
        (vec![("WARDROOM_LISTEN", "10.0.0.2:2")], vec!["--listen", "10.0.0.3:3"], "10.0.0.3:3", "flag --listen"),
        (vec![], vec!["--listen=10.0.0.3:3"], "10.0.0.3:3", "flag --listen"),
    ] {
        let (config, options) = merged::<Config>(FILE, &variables, &arguments).expect("a configuration");
        let listening = options.iter().find(|option| option.key == "listen").expect("an option");
        assert_eq!((config.listen.to_string().as_str(), listening.source.to_string().as_str()), (listen, source));
        // What nothing later sets stays.
        assert_eq!(config.keep_runs, Some(Duration::from_hours(24)));
        assert_eq!(config.shortest_interval, Duration::from_secs(10));
    }
}

#[test]
fn a_later_list_takes_the_place_of_an_earlier_one() {
    let hosts = |variables: &[(&str, &str)], arguments: &[&str]| {
        merged::<Config>(FILE, variables, arguments).expect("a configuration").0.allow_hosts
    };
    assert_eq!(hosts(&[], &[]), ["https://a.example", "https://b.example"]);
    let both = [("WARDROOM_ALLOW_HOSTS", "https://c.example, https://d.example,")];
    assert_eq!(hosts(&both, &[]), ["https://c.example", "https://d.example"]);
    let thrice = ["--allow-host", "https://e.example,https://f.example", "--allow-host=https://g.example"];
    assert_eq!(hosts(&both, &thrice), ["https://e.example", "https://f.example", "https://g.example"]);
}

#[test]
fn a_flag_can_turn_off_what_the_file_turns_on() {
    let signed = |arguments: &[&str]| {
        merged::<Config>("signed_plugins_only = true\n", &[], arguments).expect("a configuration").0.signed_plugins_only
    };
    assert!(signed(&[]) && signed(&["--signed-plugins-only"]));
    assert!(!signed(&["--signed-plugins-only=false"]));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let (config, _) =
        merged::<Config>(FILE, &[("WARDROOM_LISTEN", ""), ("WARDROOM_KEY", "")], &[]).expect("a configuration");
    assert!(config.listen.port() == 1 && config.key.is_none());
}

#[test]
fn the_first_file_that_is_there_is_the_only_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first.toml", "second.toml"].map(|name| folder.path().join(name));
    let defaults = [first.as_path(), second.as_path()];
    assert_eq!(find(None, &defaults), None);
    fs::write(&second, "").expect("is written");
    assert_eq!(find(None, &defaults).as_ref(), Some(&second));
    fs::write(&first, "").expect("is written");
    assert_eq!(find(None, &defaults).as_ref(), Some(&first));
    let named = PathBuf::from("named.toml");
    assert_eq!(find(Some(named.clone()), &defaults), Some(named));
}

#[test]
fn a_file_that_is_named_has_to_be_there() {
    let faults = load(Some(Path::new("/nowhere/wardroom.toml").to_owned()), &environment(&[]), &super::Layer::new());
    let faults = faults.expect_err("faults").to_string();
    assert!(faults.starts_with("/nowhere/wardroom.toml: cannot read the configuration file: No such file"), "{faults}");
}

#[test]
fn variables_that_look_mistyped_are_told_and_others_are_left_alone() {
    let variables = [
        ("WARDROOM_LISTN", "x"),
        ("WARDROOM_ALLOW_HOST", "x"),
        // What Kubernetes sets beside a service of this name, what client commands read, and another program's.
        ("WARDROOM_SERVICE_HOST", "10.0.0.1"),
        ("WARDROOM_PORT_7117_TCP_ADDR", "10.0.0.1"),
        ("WARDROOM_PORT", "tcp://10.0.0.1:7117"),
        ("WARDROOM_TOKEN", "x"),
        ("LISTN", "x"),
    ];
    let loaded = load(None, &environment(&variables), &super::Layer::new()).expect("a configuration");
    assert_eq!(
        loaded.warnings,
        [
            "WARDROOM_ALLOW_HOST: unknown environment variable; did you mean WARDROOM_ALLOW_HOSTS?",
            "WARDROOM_LISTN: unknown environment variable; did you mean WARDROOM_LISTEN?",
        ]
    );
}
