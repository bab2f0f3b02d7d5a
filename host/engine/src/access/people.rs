//! People and their tokens. A token is shown once, when it is made; the platform keeps its hash.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) use crate::access::known_callers::Callers;
use crate::{Caller, Engine, EngineError, platform::between};
use wardroom_base::clock::random;
use wardroom_domain::{
    id::{PersonId, TokenId},
    page::Page,
    person::{AccessRole, Away, Person, Profile, Token},
};
use wardroom_store::{Dependant, Guard, Write};

/// What every token begins with, so that scanners find one that leaked.
const PREFIX: &str = "wrd_";
const LOST_WRITES: usize = 16;

/// Somebody to add.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Unique short name: 1 to 64 of `a-z 0-9 . _ -`.
    pub handle: String,
    /// Full name.
    pub name: String,
    /// Address for mail.
    pub email: Option<String>,
}

/// What to change of a person; what is absent stays, null clears.
#[derive(Debug, Clone, Default)]
pub struct PersonEdit {
    /// Full name.
    pub name: Option<String>,
    /// Address for mail.
    pub email: Option<Option<String>>,
    /// An IANA time zone.
    pub time_zone: Option<Option<String>>,
    /// Who they are in chat, by connection, all anew: at most 20.
    pub chat: Option<BTreeMap<String, String>>,
    /// When they are away, all anew: at most 50.
    pub away: Option<Vec<Away>>,
}

fn check_edit(edit: &PersonEdit) -> Result<(), EngineError> {
    if let Some(name) = &edit.name {
        check_person_name(name)?;
    }
    if let Some(Some(email)) = &edit.email {
        check_email(email)?;
    }
    if let Some(Some(zone)) = &edit.time_zone
        && !wardroom_domain::schedule::is_time_zone(zone)
    {
        return Err(EngineError::invalid("time_zone", "an IANA name such as Europe/Berlin is wanted"));
    }
    if let Some(chat) = &edit.chat {
        let fits = |text: &String| (1..=200).contains(&text.chars().count());
        if chat.len() > 20 || !chat.iter().all(|(connection, id)| fits(connection) && fits(id)) {
            return Err(EngineError::invalid("chat", "at most 20 are wanted, each of 1 to 200 characters"));
        }
    }
    if let Some(away) = &edit.away {
        if away.len() > 50 {
            return Err(EngineError::invalid("away", "at most 50 are wanted"));
        }
        for (index, one) in away.iter().enumerate() {
            if one.until <= one.from {
                return Err(EngineError::invalid(format!("away[{index}].until"), "a time after `from` is wanted"));
            }
            if one.reason.chars().count() > 200 {
                return Err(EngineError::invalid(format!("away[{index}].reason"), "at most 200 characters are wanted"));
            }
        }
    }
    Ok(())
}

fn check_person_name(name: &str) -> Result<(), EngineError> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(EngineError::invalid("name", "1 to 200 characters are wanted"));
    }
    Ok(())
}

fn check_email(email: &str) -> Result<(), EngineError> {
    if email.len() > 320 || !email.contains('@') {
        return Err(EngineError::invalid("email", "an address such as ada@example.com is wanted"));
    }
    Ok(())
}

impl Engine {
    /// All people.
    pub async fn person_list(&self) -> Result<Vec<Person>, EngineError> {
        Ok(self.store().people().await?)
    }

    /// A page of tokens, each with its person.
    pub async fn token_list(&self, page: &Page) -> Result<Vec<(Token, Person)>, EngineError> {
        Ok(self.store().tokens(page).await?)
    }

    /// Adds a person.
    pub async fn person_create(&self, caller: &Caller, new: NewPerson) -> Result<Person, EngineError> {
        let person = self.person(new)?;
        let data = between(Value::Null, &person);
        let guard = Guard::Person(Box::new(person.clone()));
        if self.change_platform(caller, guard, "person.add", &person.handle, data).await? {
            Ok(person)
        } else {
            Err(EngineError::Conflict(format!("there is already a person {}", person.handle)))
        }
    }

    /// Changes a person. `expected` is the revision the caller read. People may say themselves when they are away.
    pub async fn person_edit(
        &self,
        caller: &Caller,
        handle: &str,
        edit: &PersonEdit,
        expected: Option<i64>,
    ) -> Result<Person, EngineError> {
        let themself = caller.person.handle == handle;
        let only_profile = edit.name.is_none() && edit.email.is_none();
        if caller.role < AccessRole::Admin && !(themself && only_profile) {
            let message = "only an administrator changes people; everybody sets their own time zone, chat and absences";
            return Err(EngineError::Forbidden(message.to_owned()));
        }
        check_edit(edit)?;
        for _ in 0..LOST_WRITES {
            let known = self.store().person_by_handle(handle).await?;
            let known = known.ok_or_else(|| EngineError::not_found("person", handle))?;
            if expected.is_some_and(|expected| expected != known.revision) {
                return Err(EngineError::Stale { noun: "person", actual: known.revision });
            }
            let mut person = known.clone();
            if let Some(name) = &edit.name {
                name.trim().clone_into(&mut person.name);
            }
            person.email = edit.email.clone().unwrap_or(person.email);
            person.profile.time_zone = edit.time_zone.clone().unwrap_or(person.profile.time_zone);
            person.profile.chat = edit.chat.clone().unwrap_or(person.profile.chat);
            if let Some(away) = &edit.away {
                person.profile.away.clone_from(away);
                person.profile.away.sort_by_key(|away| away.from);
            }
            if person == known {
                return Ok(known);
            }
            person.revision += 1;
            let data = between(&known, &person);
            let guard = Guard::PersonChange(Box::new(person.clone()));
            if self.change_platform(caller, guard, "person.edit", handle, data).await? {
                return Ok(person);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Makes a token for a person; the text is shown this once.
    pub async fn token_create(
        &self,
        caller: &Caller,
        handle: &str,
        role: AccessRole,
        name: &str,
    ) -> Result<(Token, SecretString), EngineError> {
        let person = self.store().person_by_handle(handle).await?;
        let person = person.ok_or_else(|| EngineError::invalid("person", format!("there is no person {handle:?}")))?;
        if name.chars().count() > 100 {
            return Err(EngineError::invalid("name", "at most 100 characters are wanted"));
        }
        let text = self.token_text();
        let token = self.token(&person, role, name, &text);
        let data = between(Value::Null, json!({ "person": handle, "role": role, "name": name }));
        let guard = Guard::Token(Box::new(token.clone()));
        self.change_platform(caller, guard, "token.create", &token.id.to_string(), data).await?;
        Ok((token, text))
    }

    /// Ends a token: it is refused from now on.
    pub async fn token_revoke(&self, caller: &Caller, id: TokenId) -> Result<(), EngineError> {
        let now = self.now();
        let data = between(json!({ "revoked_at": null }), json!({ "revoked_at": now }));
        if self.change_platform(caller, Guard::TokenOff(id, now), "token.revoke", &id.to_string(), data).await? {
            Ok(())
        } else {
            Err(EngineError::not_found("live token", id))
        }
    }

    /// Who a token's text stands for; none for a text that is no live token. A token revoked on another host is refused
    /// here a second later at most, as every other change of the platform.
    pub async fn authenticate(&self, text: &str) -> Result<Option<Caller>, EngineError> {
        let hash = hash(text);
        let version = self.catalog().await?.version;
        if let Some(known) = self.0.callers.get(version, &hash) {
            return Ok(Some(known));
        }
        let Some((token, person)) = self.store().token(&hash).await? else { return Ok(None) };
        if token.revoked_at.is_some() {
            return Ok(None);
        }
        let caller = Caller { person, role: token.role, token: token.id };
        self.0.callers.put(version, hash, caller.clone());
        Ok(Some(caller))
    }

    /// Makes sure there is an administrator: with the given token, or with a new one whose text is given back once, when
    /// there is no token at all.
    pub async fn ensure_admin(&self, given: Option<&SecretString>) -> Result<Option<SecretString>, EngineError> {
        let known = match given {
            Some(text) => self.store().token(&hash(text.expose_secret())).await?.is_some(),
            None => self.store().has_tokens().await?,
        };
        if known {
            return Ok(None);
        }
        let person = if let Some(person) = self.store().person_by_handle("admin").await? {
            person
        } else {
            let new = NewPerson { handle: "admin".to_owned(), name: "Administrator".to_owned(), email: None };
            let person = self.person(new)?;
            let guard = Guard::Person(Box::new(person.clone()));
            self.store().commit(Write { guard, then: vec![Dependant::CatalogChanged] }).await?;
            person
        };
        let made = if given.is_some() { None } else { Some(self.token_text()) };
        if let Some(text) = given.or(made.as_ref()) {
            let token = self.token(&person, AccessRole::Admin, "first administrator", text);
            self.store().commit(Write { guard: Guard::Token(Box::new(token)), then: Vec::new() }).await?;
        }
        Ok(made)
    }

    fn person(&self, new: NewPerson) -> Result<Person, EngineError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if new.handle.is_empty() || new.handle.len() > 64 || !new.handle.chars().all(allowed) {
            return Err(EngineError::invalid("handle", "1 to 64 of a-z 0-9 . _ - are wanted"));
        }
        check_person_name(&new.name)?;
        new.email.as_deref().map(check_email).transpose()?;
        let id = PersonId(self.new_id());
        Ok(Person {
            id,
            handle: new.handle,
            name: new.name,
            email: new.email,
            created_at: self.now(),
            profile: Profile::default(),
            revision: 1,
        })
    }

    fn token(&self, person: &Person, role: AccessRole, name: &str, text: &SecretString) -> Token {
        Token {
            id: TokenId(self.new_id()),
            person: person.id,
            name: name.to_owned(),
            role,
            hash: hash(text.expose_secret()),
            created_at: self.now(),
            revoked_at: None,
        }
    }

    fn token_text(&self) -> SecretString {
        let bytes: [u8; 32] = random(&*self.0.parts.random);
        format!("{PREFIX}{}", base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)).into()
    }
}

/// SHA-256 in hexadecimal. A token carries 256 random bits, so a slow hash would protect nothing more.
fn hash(text: &str) -> String {
    wardroom_domain::hex(&Sha256::digest(text.as_bytes()))
}
