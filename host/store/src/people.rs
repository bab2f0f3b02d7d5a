//! Reading people and tokens.

use super::{
    Page, Store, StoreError,
    read::{Cursor, Select, each},
    rows,
    statement::Cell,
};
use wardroom_domain::{
    id::{PersonId, TokenId},
    person::{Person, Token},
};

const TOKEN: &str = "SELECT t.id AS token_id, t.person_id, t.name AS token_name, t.role, t.hash, t.created_at AS made_at, \
                     t.revoked_at, p.id, p.handle, p.name, p.email, p.created_at, p.profile, p.revision FROM tokens t JOIN people p \
                     ON p.id = t.person_id";
const PERSON: &str = "SELECT id, handle, name, email, created_at, profile, revision FROM people";

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
        let row = Select::new(TOKEN).and("t.hash =", Cell::text(hash)).one(self).await?;
        row.map(|row| owned_token(&Cursor(&row))).transpose()
    }

    /// A page of tokens with whose they are, the newest first; the cursor is the last one's identifier.
    pub async fn tokens(&self, page: &Page) -> Result<Vec<(Token, Person)>, StoreError> {
        let rows = Select::new(TOKEN)
            .and_maybe("t.id <", page.after.as_ref().map(Cell::text))
            .order("t.id DESC", page.limit)
            .all(self)
            .await?;
        each(&rows, owned_token)
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
        profile: row.json("profile")?,
        revision: row.int("revision")?,
    })
}

fn owned_token(row: &Cursor<'_>) -> Result<(Token, Person), StoreError> {
    Ok((token(row)?, person(row)?))
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
