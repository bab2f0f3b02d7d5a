//! A name server of the test's own on UDP, whose answers change from one question to the next, and a resolver that asks it.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use simple_dns::{
    CLASS, Name, Packet, QTYPE, Question, RCODE, ResourceRecord, TYPE,
    rdata::{CNAME, RData},
};
use tokio::{net::UdpSocket, time::timeout};
use wardroom_runtime::ports::Resolve;
use wardroom_tests::process::GUARD;

/// What a name means.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Addresses of either family, good for no time at all.
    Addresses(&'static [&'static str]),
    /// Another name, with its address beside it.
    Alias(&'static str, &'static str),
    /// A refusal.
    Failure(RCODE),
}

/// What each name means: the first time, the second time, and so on; the last answer stays.
type Zone = HashMap<String, Meaning>;

#[derive(Debug, Default)]
struct Meaning {
    answers: Vec<Answer>,
    /// How often it was asked for an address of IPv4, and of IPv6.
    asked: [usize; 2],
}

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let server = Self { address: socket.local_addr().expect("an address"), zone: Arc::default() };
        let zone = Arc::clone(&server.zone);
        tokio::spawn(async move {
            let mut packet = vec![0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let asked = Packet::parse(&packet[..length]).expect("a question");
                let answer = answer(&zone, &asked).build_bytes_vec().expect("an answer");
                socket.send_to(&answer, from).await.expect("is sent");
            }
        });
        server
    }

    /// Says what a name means.
    pub(crate) fn means(&self, name: &str, answers: Vec<Answer>) {
        let mut zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.insert(name.to_owned(), Meaning { answers, ..Meaning::default() });
    }

    /// Forgets every name.
    pub(crate) fn forget(&self) {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How often a name was looked up.
    pub(crate) fn lookups(&self, name: &str) -> usize {
        let zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.get(name).map_or(0, |meaning| meaning.asked[0])
    }
}

fn answer<'a>(zone: &Mutex<Zone>, asked: &Packet<'a>) -> Packet<'a> {
    let mut answer = Packet::new_reply(asked.id());
    let Some(question) = asked.questions.first() else { return answer };
    let name = question.qname.to_string().to_ascii_lowercase();
    let mut zone = zone.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(meaning) = zone.get_mut(name.trim_end_matches('.')) else {
        *answer.rcode_mut() = RCODE::NameError;
        return answer;
    };
    let family = usize::from(question.qtype == QTYPE::TYPE(TYPE::AAAA));
    meaning.asked[family] += 1;
    answer.questions.push(question.clone());
    match meaning.answers.get(meaning.asked[family] - 1).or(meaning.answers.last()) {
        Some(Answer::Addresses(addresses)) => {
            answer.answers.extend(addresses.iter().filter_map(|address| record(&question.qname, family, address)));
        }
        Some(Answer::Alias(alias, address)) => {
            let alias = Name::new_unchecked(alias);
            let pointer = RData::CNAME(CNAME(alias.clone()));
            answer.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 0, pointer));
            answer.answers.extend(record(&alias, family, address));
        }
        Some(Answer::Failure(code)) => *answer.rcode_mut() = *code,
        None => {}
    }
    answer
}

/// The record for an address, if it is of the family that was asked for.
fn record<'a>(name: &Name<'a>, family: usize, address: &str) -> Option<ResourceRecord<'a>> {
    let data = match (address.parse().expect("an address"), family) {
        (IpAddr::V4(v4), 0) => RData::A(v4.into()),
        (IpAddr::V6(v6), 1) => RData::AAAA(v6.into()),
        _ => return None,
    };
    Some(ResourceRecord::new(name.clone(), CLASS::IN, 0, data))
}

/// A resolver that asks the server anew each time, for both families, over the wire.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) server: SocketAddr,
}

impl Resolve for Asking {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let mut found = self.ask(host, TYPE::A).await?;
            found.extend(self.ask(host, TYPE::AAAA).await?);
            Ok(found)
        })
    }
}

impl Asking {
    async fn ask(&self, host: &str, family: TYPE) -> io::Result<Vec<IpAddr>> {
        let name = Name::new(host.trim_end_matches('.')).map_err(io::Error::other)?;
        let mut question = Packet::new_query(1);
        question.questions.push(Question::new(name, family.into(), CLASS::IN.into(), false));
        let question = question.build_bytes_vec().map_err(io::Error::other)?;
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(self.server).await?;
        socket.send(&question).await?;
        let mut packet = vec![0; 4096];
        let length = timeout(GUARD, socket.recv(&mut packet)).await??;
        let answer = Packet::parse(&packet[..length]).map_err(io::Error::other)?;
        if answer.rcode() != RCODE::NoError {
            return Err(io::Error::other(format!("{:?}", answer.rcode())));
        }
        let address = |record: &ResourceRecord| match &record.rdata {
            RData::A(found) => Some(IpAddr::V4(found.address.into())),
            RData::AAAA(found) => Some(IpAddr::V6(found.address.into())),
            _ => None,
        };
        Ok(answer.answers.iter().filter_map(address).collect())
    }
}
