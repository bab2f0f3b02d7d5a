//! A small HTTP server of the test's own that remembers what it was asked. It stands in for no product: it is the far end
//! of the sandbox's network.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::process::{GUARD, now};

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path with query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

/// The server.
#[derive(Debug, Clone)]
pub struct ThirdParty {
    /// Where it listens.
    pub address: SocketAddr,
    connected: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<Asked>>>,
    at_once: Arc<AtOnce>,
    /// The beginning of the paths that get no answer for now.
    held: watch::Sender<Option<String>>,
}

/// How many requests have no answer yet, and how many that were at most.
#[derive(Debug, Default)]
struct AtOnce {
    open: AtomicUsize,
    most: AtomicUsize,
}

impl ThirdParty {
    /// Starts it. A path under `/flaky` answers 503 the first time it is asked, `/echo` answers with the request's headers
    /// and body, `/mirror` with the secret it was given in a header's name and value, `/straddle` with one that begins within
    /// the first MiB and ends behind it, `/redirect?TO` sends elsewhere, `/loop` to itself, `/notes` opens a note, `/encoded`
    /// claims gzip, `/large` answers 3 MiB, `/slow` never, `/cut` hangs up, `/broken` 500, everything else 200 `{}`. As a proxy it stands for
    /// every host that it is asked to CONNECT to.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        Self::slowly(Duration::ZERO).await
    }

    /// Starts one that takes its time for each answer.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn slowly(pause: Duration) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), pause).await
    }

    /// Starts one at an address of this machine; port 0 takes a free one.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn at(address: SocketAddr, pause: Duration) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let third = Self {
            address,
            connected: Arc::default(),
            asked: Arc::default(),
            at_once: Arc::default(),
            held: watch::Sender::new(None),
        };
        let server = third.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                server.connected.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, server.clone(), pause));
            }
        });
        third
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it took so far, whatever was said in them.
    pub fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// How often it was asked so far.
    pub fn count(&self) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until it was asked at least so often.
    ///
    /// # Panics
    /// When it is not within [`GUARD`].
    pub async fn asked_often(&self, count: usize) {
        let deadline = now() + GUARD;
        while self.count() < count {
            assert!(now() < deadline, "asked {} times, not {count}", self.count());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How many requests at most it had at the same time without having answered them.
    pub fn most_at_once(&self) -> usize {
        self.at_once.most.load(Ordering::Relaxed)
    }

    /// Keeps back the answers to requests whose path begins so, until they are let go.
    pub fn hold(&self, path: &str) {
        self.held.send_replace(Some(path.to_owned()));
    }

    /// Gives the answers that were kept back.
    pub fn let_go(&self) {
        self.held.send_replace(None);
    }

    /// Forgets what it was asked.
    pub fn forget(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(stream: TcpStream, third: ThirdParty, pause: Duration) {
    let asked = &third.asked;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let open = third.at_once.open.fetch_add(1, Ordering::Relaxed) + 1;
        third.at_once.most.fetch_max(open, Ordering::Relaxed);
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        tokio::time::sleep(pause).await;
        let is_free = |held: &Option<String>| held.as_ref().is_none_or(|path| !request.path.starts_with(path));
        // Nobody is left who would let go.
        if third.held.subscribe().wait_for(is_free).await.is_err() {
            return;
        }
        // Before the answer: whoever has it may ask again at once.
        third.at_once.open.fetch_sub(1, Ordering::Relaxed);
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let answer = match path {
            _ if request.method == "CONNECT" => "HTTP/1.1 200 Connection established\r\n\r\n".to_owned(),
            flaky if flaky.starts_with("/flaky") && is_first(asked, &request.path) => {
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            "/broken" => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "/slow" => return std::future::pending().await,
            "/cut" => return,
            "/redirect" => format!("HTTP/1.1 302 Found\r\nlocation: {query}\r\ncontent-length: 0\r\n\r\n"),
            "/loop" => "HTTP/1.1 302 Found\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "/mirror" => {
                let given = given(&request);
                format!("HTTP/1.1 200 OK\r\nx-{given}: 1\r\nx-mirror: {given}\r\ncontent-length: 0\r\n\r\n")
            }
            "/straddle" => body(&format!("{}{}{}", "x".repeat((1 << 20) - 20), given(&request), "x".repeat(1 << 20))),
            "/encoded" => "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "/large" => body(&"x".repeat(3 << 20)),
            "/notes" => body(r#"{"id": "7", "url": "https://notes.example.com/7"}"#),
            "/echo" => body(&format!("{:?} {}", request.headers, request.body)),
            _ => body("{}"),
        };
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The secret of a bearer.
fn given(request: &Asked) -> &str {
    request.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

fn is_first(asked: &Mutex<Vec<Asked>>, path: &str) -> bool {
    asked.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|known| known.path == path).count() == 1
}

fn body(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
