//! The practice town's mailbox: enough of SMTP (RFC 5321) to take a mail.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::shop_state::Shop;

/// The longest mail, in bytes.
const LONGEST: u64 = 1 << 20;

/// Takes mails until the demo ends.
pub(super) async fn serve(listener: TcpListener, shop: Arc<Mutex<Shop>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            // A client that breaks off has had its mail taken or not; either is fine in practice.
            _ = talk(stream, &shop).await;
        });
    }
}

async fn talk(stream: TcpStream, shop: &Mutex<Shop>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LONGEST)).lines();
    write.write_all(b"220 mailbox.shop.example\r\n").await?;
    let mut subject = String::new();
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    if let Some(text) = line.strip_prefix("Subject: ") {
                        text.clone_into(&mut subject);
                    }
                }
                shop.lock().unwrap_or_else(PoisonError::into_inner).mails.push(std::mem::take(&mut subject));
                "250 taken\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 fine\r\n",
        };
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
