//! Reading people and tokens.

use super::{
    Store, StoreError,
    read::{Cursor, Select, each},
    rows,
    statement::Cell,
};
use crate::domain::{
    id::{PersonId, TokenId},
    person::{Person, Token},
};

const PERSON: &str = "SELECT id, handle, name, email, created_at FROM people";

impl Store {
    /// The person of an identifier.
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        let row = Select::new(PERSON).and("id =", rows::id(id.0)).one(self).await?;
        row.map(|row| person(&Cursor(&row))).transpose()
    }

    /// The person of a handle.
    pub async fn person_by_handle(&self, handle: &str) -> Result<Option<Person>, StoreError> {
        let row = Select::new(PERSON).and("handle =", Cell::text(handle)).one(self).await?;
        row.map(|row| person(&Cursor(&row))).transpose()
    }

    /// Everybody, by handle.
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        each(&Select::new(PERSON).order("handle", 10_000).all(self).await?, person)
    }

    /// The token of a hash, with whose it is.
    pub async fn token(&self, hash: &str) -> Result<Option<(Token, Person)>, StoreError> {
        let sql = "SELECT t.id AS token_id, t.person_id, t.name AS token_name, t.role, t.hash, t.created_at AS made_at, \
                   t.revoked_at, p.id, p.handle, p.name, p.email, p.created_at FROM tokens t JOIN people p \
                   ON p.id = t.person_id";
        let row = Select::new(sql).and("t.hash =", Cell::text(hash)).one(self).await?;
        row.map(|row| {
            let row = Cursor(&row);
            Ok((token(&row)?, person(&row)?))
        })
        .transpose()
    }

    /// Whether there is any token.
    pub async fn has_tokens(&self) -> Result<bool, StoreError> {
        Ok(Select::new("SELECT id FROM tokens").order("id", 1).one(self).await?.is_some())
    }
}

fn person(row: &Cursor<'_>) -> Result<Person, StoreError> {
    Ok(Person {
        id: PersonId(row.uuid("id")?),
        handle: row.text("handle")?,
        name: row.text("name")?,
        email: row.maybe_text("email")?,
        created_at: row.time("created_at")?,
    })
}

fn token(row: &Cursor<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: TokenId(row.uuid("token_id")?),
        person: PersonId(row.uuid("person_id")?),
        name: row.text("token_name")?,
        role: row.word("role")?,
        hash: row.text("hash")?,
        created_at: row.time("made_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}
