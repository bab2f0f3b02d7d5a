//! What administrators keep: revisions, replacements, and the small state of plugins.

use std::collections::BTreeMap;

use serde_json::json;
use wardroom_domain::{
    audit::{AuditEntry, AuditFilter},
    connection::{Auth, Connection, Grant},
    id::{PersonId, TokenId},
    limits::CallLimits,
    pause::{Pause, PauseScope},
    person::{AccessRole, Actor, Person, Profile, Token},
    plugin::Provenance,
};
use wardroom_store::{
    Committed, Dependant, DocumentKind, DocumentRevision, Guard, KeyRecord, Page, SealedSecret, StateChange,
    StateExpect, Store, StoredPlugin, Write,
};

use crate::durability::store::{
    nouns::{at, id},
    on_both,
};

async fn commit(store: &Store, guard: Guard) -> Committed {
    let entry = AuditEntry {
        id: id(),
        at: at(1),
        actor: Actor::System,
        action: "test".to_owned(),
        target: "thing".to_owned(),
        data: json!({}),
    };
    let then = vec![Dependant::Audit(entry), Dependant::CatalogChanged];
    store.commit(Write { guard, then }).await.expect("commits")
}

fn workflow(revision: i64, deleted: bool) -> Guard {
    Guard::Document(Box::new(DocumentRevision {
        kind: DocumentKind::Workflow,
        name: "roll-back".to_owned(),
        revision,
        source: format!("revision {revision}"),
        created_at: at(1),
        created_by: "ada".to_owned(),
        deleted,
    }))
}

#[tokio::test]
async fn a_workflow_keeps_its_revisions_and_two_writers_cannot_make_the_same() {
    on_both(|store, _| async move {
        let before = store.catalog_version().await.expect("reads");
        assert_eq!(commit(&store, workflow(1, false)).await, Committed::Applied);
        assert_eq!(commit(&store, workflow(1, false)).await, Committed::Lost);
        assert_eq!(commit(&store, workflow(2, false)).await, Committed::Applied);
        assert_eq!(store.catalog_version().await.expect("reads"), before + 2, "a lost write changes nothing");
        assert_eq!(
            store.audit(&AuditFilter::default(), &Page { after: None, limit: 10 }).await.expect("reads").len(),
            2
        );
        let live = store.live_documents(DocumentKind::Workflow).await.expect("reads");
        assert_eq!(live.iter().map(|one| one.revision).collect::<Vec<_>>(), [2]);
        assert_eq!(commit(&store, workflow(3, true)).await, Committed::Applied);
        assert_eq!(store.live_documents(DocumentKind::Workflow).await.expect("reads"), []);
        let old = store.revision(DocumentKind::Workflow, "roll-back", 1).await.expect("reads").expect("is kept");
        assert_eq!(old.source, "revision 1");
    })
    .await;
}

fn plugin(version: &str) -> Guard {
    let manifest = serde_json::from_value(json!({
        "api": "1.0", "name": "chat", "version": version, "description": "Talks.", "actions": [],
    }))
    .expect("a manifest");
    let plugin = StoredPlugin {
        digest: format!("digest of {version}"),
        manifest,
        size: 3,
        installed_at: at(1),
        installed_by: "ada".to_owned(),
        active: true,
        activated_at: Some(at(1)),
        provenance: Provenance::default(),
    };
    Guard::Plugin(Box::new(plugin), vec![0, 97, 115])
}

#[tokio::test]
async fn the_newest_installed_plugin_is_active_and_older_ones_stay() {
    on_both(|store, _| async move {
        commit(&store, plugin("1.0.0")).await;
        commit(&store, plugin("2.0.0")).await;
        let active = store.active_plugins().await.expect("reads");
        assert_eq!(active.iter().map(|one| one.manifest.version.as_str()).collect::<Vec<_>>(), ["2.0.0"]);
        let old = store.plugin("digest of 1.0.0").await.expect("reads").expect("is kept");
        assert!(!old.active);
        assert_eq!(store.component("digest of 1.0.0").await.expect("reads"), Some(vec![0, 97, 115]));
        assert_eq!(commit(&store, plugin("1.0.0")).await, Committed::Applied, "rolling back is installing again");
        let active = store.active_plugins().await.expect("reads");
        assert_eq!(active.iter().map(|one| one.manifest.version.as_str()).collect::<Vec<_>>(), ["1.0.0"]);
        assert_eq!(commit(&store, Guard::PluginOff("chat".to_owned())).await, Committed::Applied);
        assert_eq!(commit(&store, Guard::PluginOff("chat".to_owned())).await, Committed::Lost);
    })
    .await;
}

#[tokio::test]
async fn a_connection_keeps_the_revisions_that_runs_began_with() {
    on_both(|store, _| async move {
        let one = Connection {
            name: "chat".to_owned(),
            plugin: "matrix".to_owned(),
            base_url: "http://127.0.0.1:1".to_owned(),
            auth: Some(Auth::Bearer("bot".to_owned())),
            tls: None,
            config: json!({ "a": 1 }),
            grant: Grant {
                networks: vec!["127.0.0.0/8".parse().expect("a network")],
                secrets: BTreeMap::from([("signing".to_owned(), "stored".to_owned())]),
                ..Grant::default()
            },
            real_in_drills: false,
            record: false,
            limits: CallLimits::default(),
            revision: 1,
            updated_at: at(1),
        };
        commit(&store, Guard::Connection(Box::new(one.clone()))).await;
        let two = Connection { base_url: "http://127.0.0.1:2".to_owned(), revision: 2, ..one.clone() };
        commit(&store, Guard::Connection(Box::new(two.clone()))).await;
        assert_eq!(store.connections().await.expect("reads"), std::slice::from_ref(&two));
        assert_eq!(store.connection("chat").await.expect("reads"), Some(two));
        assert_eq!(store.connection_revision("chat", 1).await.expect("reads"), Some(one));
    })
    .await;
}

#[tokio::test]
async fn secrets_pauses_and_keys_are_kept_by_name() {
    on_both(|store, _| async move {
        let secret = |byte| SealedSecret {
            name: "bot".to_owned(),
            sealed: vec![byte, 255],
            updated_at: at(1),
            updated_by: "ada".to_owned(),
        };
        commit(&store, Guard::Secret(secret(0))).await;
        commit(&store, Guard::Secret(secret(1))).await;
        assert_eq!(store.secret("bot").await.expect("reads"), Some(secret(1)));
        assert!(!store.has_secret("other").await.expect("reads"));

        let scope = PauseScope::Workflow("roll-back".to_owned());
        let pause = Pause { scope: scope.clone(), reason: "Freeze.".to_owned(), by: Actor::System, at: at(1) };
        commit(&store, Guard::Pause(pause.clone())).await;
        assert_eq!(store.pauses().await.expect("reads"), [pause]);
        assert_eq!(commit(&store, Guard::Resume(PauseScope::All)).await, Committed::Lost);
        assert_eq!(commit(&store, Guard::Resume(scope)).await, Committed::Applied);

        let key = |request: &str| KeyRecord {
            scope: "token".to_owned(),
            key: "k".to_owned(),
            request: request.to_owned(),
            made: "m".to_owned(),
            at: at(5),
        };
        assert_eq!(commit(&store, Guard::Key(key("one"))).await, Committed::Applied);
        assert_eq!(commit(&store, Guard::Key(key("two"))).await, Committed::Lost);
        assert_eq!(store.key("token", "k").await.expect("reads"), Some(key("one")));
        store.forget_keys(at(5)).await.expect("forgets");
        assert_eq!(store.key("token", "k").await.expect("reads"), None);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_found_by_its_hash_with_its_person() {
    on_both(|store, _| async move {
        let ada = Person {
            id: PersonId(id()),
            handle: "ada".to_owned(),
            name: "Ada".to_owned(),
            email: Some("ada@example.com".to_owned()),
            created_at: at(1),
            profile: Profile::default(),
            revision: 1,
        };
        assert!(!store.has_tokens().await.expect("reads"));
        assert_eq!(commit(&store, Guard::Person(Box::new(ada.clone()))).await, Committed::Applied);
        let namesake = Person { id: PersonId(id()), ..ada.clone() };
        assert_eq!(commit(&store, Guard::Person(Box::new(namesake))).await, Committed::Lost);
        let token = Token {
            id: TokenId(id()),
            person: ada.id,
            name: "laptop".to_owned(),
            role: AccessRole::Engineer,
            hash: "h".to_owned(),
            created_at: at(2),
            revoked_at: Some(at(3)),
        };
        commit(&store, Guard::Token(Box::new(token.clone()))).await;
        assert_eq!(store.token("h").await.expect("reads"), Some((token, ada)));
        assert_eq!(store.token("other").await.expect("reads"), None);
    })
    .await;
}

#[tokio::test]
async fn plugin_state_changes_by_compare_and_set() {
    on_both(|store, _| async move {
        let key = ("chat", "main", "room");
        let put = |value: &'static [u8], expect| store.put_state(key, value.to_vec(), expect);
        assert_eq!(put(b"a", StateExpect::Version(1)).await.expect("writes"), StateChange::Conflict(0));
        assert_eq!(put(b"a", StateExpect::Absent).await.expect("writes"), StateChange::Done(1));
        assert_eq!(put(b"b", StateExpect::Absent).await.expect("writes"), StateChange::Conflict(1));
        assert_eq!(put(b"b", StateExpect::Version(1)).await.expect("writes"), StateChange::Done(2));
        assert_eq!(put(b"c", StateExpect::Any).await.expect("writes"), StateChange::Done(3));
        let found = store.state("chat", "main", "room").await.expect("reads").expect("is there");
        assert_eq!((found.value.as_slice(), found.version), (b"c".as_slice(), 3));
        assert_eq!(store.state("chat", "other", "room").await.expect("reads"), None, "scopes do not meet");
        assert_eq!(store.state_keys("chat", "main", "ro", 10).await.expect("reads"), ["room"]);
        let gone = store.delete_state(key, StateExpect::Version(2)).await.expect("asks");
        assert_eq!(gone, StateChange::Conflict(3));
        assert_eq!(store.delete_state(key, StateExpect::Version(3)).await.expect("deletes"), StateChange::Done(0));
    })
    .await;
}
