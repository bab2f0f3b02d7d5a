//! Walks every option and proves that it can be set by file, environment and flag, so that a new one cannot miss a source.

use super::{
    super::{
        options::Config,
        reference,
        source::Source,
        spec::{self, Scalar, Shape, Spec},
    },
    merged,
};

/// A value that is not the default.
fn sample(spec: &Spec) -> String {
    let default = spec.defaults();
    if let Some(word) = spec.words().into_iter().find(|word| default.iter().all(|default| *default != **word)) {
        return word;
    }
    match (spec.scalar, spec.value_name()) {
        (Scalar::Boolean, _) => (default != ["true"]).to_string(),
        (Scalar::Integer, _) => "7".to_owned(),
        (_, "ADDRESS") => "127.0.0.9:9".to_owned(),
        (_, "DIR") => "/srv/wardroom".to_owned(),
        (_, "DURATION") => "77h".to_owned(),
        (_, "FILTER") => "wardroom=trace".to_owned(),
        (_, "HEX") => "ab".repeat(32),
        (_, "KEY") => "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned(),
        (_, "ORIGIN") => "https://chat.example.com".to_owned(),
        (_, "TOKEN") => "wrd_7".to_owned(),
        (_, "URL") if spec.key == "database_url" => "sqlite:/srv/wardroom.db".to_owned(),
        (_, "URL") => "http://wardroom.example.com".to_owned(),
        (_, name) => panic!("{}: add a sample for values called {name} to this test", spec.key),
    }
}

/// The line of a file that sets an option.
fn line(spec: &Spec, value: &str) -> String {
    let scalar = if spec.scalar == Scalar::String { format!("\"{value}\"") } else { value.to_owned() };
    match spec.shape {
        Shape::One => format!("{} = {scalar}\n", spec.key),
        Shape::List => format!("{} = [{scalar}]\n", spec.key),
        Shape::Table => format!("{} = {{ name = {scalar} }}\n", spec.key),
    }
}

#[test]
fn every_option_can_be_set_by_file_environment_and_flag() {
    let unset = format!("{:?}", Config::default());
    let specs = spec::all::<Config>();
    assert!(specs.len() >= 15, "options have been lost: {}", specs.len());
    for spec in &specs {
        let value = sample(spec);
        let item = if spec.shape == Shape::Table { format!("name={value}") } else { value.clone() };
        let (variable, flag) = (spec.variable(), format!("--{}={item}", spec.flag()));
        let mut set = Vec::new();
        for (text, variables, arguments) in [
            (line(spec, &value), vec![], vec![]),
            (String::new(), vec![(variable.as_str(), item.as_str())], vec![]),
            (String::new(), vec![], vec![flag.as_str()]),
        ] {
            let (config, options) = merged::<Config>(&text, &variables, &arguments).expect(&spec.key);
            let changed: Vec<_> = options.iter().filter(|option| option.source != Source::Default).collect();
            assert!(changed.len() == 1 && changed[0].key == spec.key, "{changed:?}");
            assert_eq!(changed[0].values, [spec.shown(item.as_ref())], "{}", spec.key);
            set.push(format!("{config:?}"));
        }
        // The typed field has it too, and the same whoever set it.
        assert!(set[0] != unset && set.iter().all(|config| *config == set[0]), "{}: {set:#?}", spec.key);
    }
}

#[test]
fn every_secret_can_be_read_from_a_file_that_each_source_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let specs = spec::all::<Config>();
    let secrets: Vec<&Spec> = specs.iter().filter(|spec| spec.is_secret).collect();
    assert_eq!(secrets.len(), 4);
    for spec in secrets {
        let path = folder.path().join(&spec.key);
        std::fs::write(&path, sample(spec)).expect("is written");
        let (key, path) = (spec.file_key().expect("a key for a file"), path.to_str().expect("UTF-8"));
        let (variable, flag) = (spec::variable(&key), format!("--{}={path}", spec.file_flag()));
        for (text, variables, arguments) in [
            (format!("{key} = \"{path}\"\n"), vec![], vec![]),
            (String::new(), vec![(variable.as_str(), path)], vec![]),
            (String::new(), vec![], vec![flag.as_str()]),
        ] {
            let (_, options) = merged::<Config>(&text, &variables, &arguments).expect(&spec.key);
            let option = options.iter().find(|option| option.key == spec.key).expect("an option");
            assert_eq!(option.values, [spec.shown(sample(spec).as_ref())]);
        }
    }
}

#[test]
fn names_follow_from_the_key() {
    let specs = spec::all::<Config>();
    for spec in &specs {
        let dashed = spec.key.replace('_', "-");
        let flag = if spec.shape == Shape::One { dashed.as_str() } else { dashed.strip_suffix('s').expect("a plural") };
        assert_eq!(spec.flag(), flag, "{}", spec.key);
        assert!(!spec.help().is_empty() && !spec.help().ends_with('.'), "{}: {}", spec.key, spec.help());
        // A second name for the same thing would be taken for it.
        assert!(specs.iter().all(|other| other.file_key().as_deref() != Some(spec.key.as_str())), "{}", spec.key);
        // Kubernetes sets it beside a service called wardroom, to another thing.
        assert!(!spec.key.starts_with("port") && !spec.key.starts_with("service"), "{}", spec.key);
    }
}

#[test]
fn the_documentation_has_the_table_of_all_options() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let text = std::fs::read_to_string(path).expect("is there");
    let (_, rest) = text.split_once("<!-- table of options -->\n").expect("the beginning of the table");
    let (table, _) = rest.split_once("<!-- end of the table -->").expect("the end of the table");
    let wanted = reference::table();
    assert!(table == wanted, "docs/configuration.md: put this between the two marks:\n{wanted}");
}
