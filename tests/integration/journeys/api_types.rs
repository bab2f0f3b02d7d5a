//! The API's description: every type has a schema of its own, because two of one name would share it without a word.

use std::{collections::BTreeMap, fs, path::Path};

use wardroom_tests::guests::root;

/// The names of the types in a folder that derive a schema, with their files.
fn schemas(folder: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            schemas(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file of source");
        let mut derives = false;
        for line in text.lines() {
            if line.starts_with("#[derive(") {
                derives = line.contains("ToSchema");
            }
            let words =
                line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            let name = words.strip_prefix("struct ").or_else(|| words.strip_prefix("enum "));
            if let (true, Some(name)) = (derives, name) {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.entry(name).or_default().push(path.display().to_string());
                derives = false;
            }
        }
    }
}

#[test]
fn no_two_types_of_the_api_share_a_schema() {
    let mut found = BTreeMap::new();
    schemas(&root().join("host/http/src"), &mut found);
    assert!(found.len() > 80, "the types were not found: {found:#?}");
    let shared: Vec<_> = found.into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(shared.is_empty(), "give each a name of its own, such as CreateTaskRequest or TaskResponse: {shared:#?}");
}
