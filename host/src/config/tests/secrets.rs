//! Secrets: masked wherever they are shown, and read from files of their own.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use secrecy::ExposeSecret;

use super::{
    super::{
        load::{Loaded, load},
        options::Config,
        spec,
    },
    environment, flags, merged,
};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const PASSWORD: &str = "hunter2";

#[test]
fn no_secret_is_shown_by_options_or_faults() {
    let url = format!("postgres://wardroom:{PASSWORD}@db.internal/wardroom");
    let variables = [("WARDROOM_ADMIN_TOKEN", PASSWORD), ("WARDROOM_DATABASE_URL", url.as_str())];
    let (config, options) =
        merged::<Config>(&format!("key = \"{KEY}\"\n"), &variables, &["--outbound-proxy=http://a:hunter2@b:1"])
            .expect("a configuration");
    let shown = format!("{config:?} {options:?}");
    assert!(!shown.contains(PASSWORD) && !shown.contains(KEY), "{shown}");
    let values: Vec<&str> = options
        .iter()
        .filter(|option| option.is_secret)
        .flat_map(|option| &option.values)
        .map(String::as_str)
        .collect();
    assert_eq!(values, ["postgres://********@db.internal/wardroom", "********", "********", "http://********@b:1/"]);

    // Wrong ones: in each source, by value and by type.
    for (text, variables, arguments) in [
        (format!("key = \"{PASSWORD}\"\n"), vec![], vec![]),
        (format!("database_url = [\"{PASSWORD}\"]\n"), vec![], vec![]),
        ("key = 7777777\nadmin_token = 7777777\n".to_owned(), vec![], vec![]),
        (format!("outbound_proxy = \"https://{PASSWORD}@b\"\n"), vec![], vec![]),
        (format!("admin_token = {PASSWORD}\n"), vec![], vec![]),
        (String::new(), vec![("WARDROOM_KEY", PASSWORD)], vec![]),
        (String::new(), vec![], vec!["--database-url", PASSWORD]),
    ] {
        let faults = merged::<Config>(&text, &variables, &arguments).expect_err("faults").join("\n");
        assert!(!faults.contains(PASSWORD) && !faults.contains("7777777"), "{faults}");
    }
    let faults = merged::<Config>("key = \"00\"\n", &[], &[]).expect_err("faults");
    assert_eq!(faults, ["wardroom.toml:1:7: key: expected 64 hexadecimal characters, found 2 characters"]);
}

#[test]
fn a_secret_can_stand_in_a_file_whoever_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, "of the file\r\n\n").expect("is written");
    let path = file.to_str().expect("UTF-8");
    let text = format!("admin_token_file = \"{path}\"\n");
    for (text, variables, arguments, source) in [
        (text.as_str(), vec![], vec![], "wardroom.toml:1"),
        ("", vec![("WARDROOM_ADMIN_TOKEN_FILE", path)], vec![], "environment variable WARDROOM_ADMIN_TOKEN_FILE"),
        ("", vec![], vec!["--admin-token-file", path], "flag --admin-token-file"),
        // The later wins among files too; the earlier one is not even opened.
        ("admin_token_file = \"/nowhere\"", vec![], vec!["--admin-token-file", path], "flag --admin-token-file"),
    ] {
        let (config, options) = merged::<Config>(text, &variables, &arguments).expect("a configuration");
        assert_eq!(config.admin_token.expect("a token").expose_secret(), "of the file");
        let option = options.iter().find(|option| option.key == "admin_token").expect("an option");
        assert_eq!((option.source.to_string().as_str(), option.read_from.as_deref()), (source, Some(file.as_path())));
        assert_eq!(option.values, ["********"]);
    }
}

#[test]
fn a_value_and_a_file_together_are_refused() {
    let text = "key_file = \"k\"\nkey = \"k\"\n";
    let faults = merged::<Config>(text, &[], &[]).expect_err("faults").join("\n");
    let wanted = "key_file: given twice: as `key` by wardroom.toml:2 and as `key_file` by wardroom.toml:1; keep one";
    assert!(faults.contains(wanted), "{faults}");
    // From different sources as well.
    let faults =
        merged::<Config>("", &[("WARDROOM_ADMIN_TOKEN", "x")], &["--admin-token-file", "y"]).expect_err("faults");
    let wanted = "--admin-token-file: given twice: as `admin_token` by environment variable WARDROOM_ADMIN_TOKEN and as \
                  `admin_token_file` by flag --admin-token-file; keep one";
    assert_eq!(faults, [wanted]);
}

#[test]
fn a_file_that_holds_no_secret_is_refused_with_the_place_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    let faults = || {
        let text = format!("log = \"info\"\nkey_file = \"{}\"\n", file.display());
        merged::<Config>(&text, &[], &[]).expect_err("faults").join("\n")
    };
    let shown = file.display();
    assert!(faults().starts_with(&format!("wardroom.toml:2:12: key_file: cannot read the file {shown}: No such file")));
    for (contents, wanted) in [
        (&b"\n"[..], format!("expected a value, found nothing in {shown}")),
        (b"\xff", format!("expected UTF-8 in {shown}")),
        ("a".repeat((64 << 10) + 1).as_bytes(), format!("expected at most 64 KiB in {shown}")),
        (b"hunter2", format!("in {shown}: expected 64 hexadecimal characters, found 7 characters")),
    ] {
        fs::write(&file, contents).expect("is written");
        assert_eq!(faults(), format!("wardroom.toml:2:12: key_file: {wanted}"));
    }
}

#[test]
fn a_file_with_a_secret_that_everybody_may_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wardroom.toml");
    let warnings = |text: &str, mode: u32| {
        fs::write(&file, text).expect("is written");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode is set");
        let Loaded { warnings, .. } =
            load(Some(file.clone()), &environment(&[]), &flags(&spec::all::<Config>(), &[])).expect("a configuration");
        warnings
    };
    let shown = file.display();
    let secret = format!("log = \"info\"\nadmin_token = \"{PASSWORD}\"\n");
    assert_eq!(
        warnings(&secret, 0o644),
        [format!(
            "{shown}:2: `admin_token` is a secret, and every account of this machine can read the file; run `chmod o-r {shown}`, \
             or name a file with `admin_token_file`"
        )]
    );
    assert!(warnings(&secret, 0o640).is_empty());
    // URLs without a password are no secrets.
    let url = |url: &str| format!("database_url = \"{url}\"\n");
    assert!(warnings(&url("sqlite:/srv/wardroom.db"), 0o644).is_empty());
    assert_eq!(warnings(&url("postgres://wardroom:hunter2@db/wardroom"), 0o644).len(), 1);
    let token = folder.path().join("token");
    fs::write(&token, PASSWORD).expect("is written");
    assert!(warnings(&format!("admin_token_file = \"{}\"\n", token.display()), 0o644).is_empty());
    assert!(Path::new(&token).exists());
}
