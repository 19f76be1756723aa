//! Encrypted connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use edge::Peer;
use edge::listener::{Bound, Bounds, Encryption, Stop};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::TaskTracker;

use super::testing::Authority;
use super::*;
use crate::config::ClientAuth;

/// Serves `/now`, and `/names`: those in the caller's certificate.
struct Encrypted {
    address: SocketAddr,
    stop: Stop,
    tasks: TaskTracker,
    tls: Arc<Tls>,
    authority: Authority,
    folder: TempDir,
}

async fn serve(auth: ClientAuth, handshake: Duration) -> Encrypted {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let config = TlsConfig { tls_client_auth: auth, ..authority.server(folder.path()) };
    let tls = Arc::new(Tls::open(&config).unwrap().unwrap());
    let now = Arc::clone(&tls);
    let encryption = Encryption { config: Box::new(move || now.config()), handshake };
    let names = |Extension(peer): Extension<Arc<Peer>>| async move { peer.names.join(" ") };
    let router = Router::new().route("/now", get(|| async { "now" })).route("/names", get(names));
    let bounds = Bounds {
        connections: 100,
        per_address: 100,
        head_read: LONG,
        write_stall: LONG,
        cut: || (),
        refused: || (),
    };
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = bound.listen(&bounds, Some(encryption)).unwrap();
    let (address, stop, tasks) = (listener.address().unwrap(), Stop::default(), TaskTracker::new());
    tasks.spawn(listener.serve(router, stop.clone(), tasks.clone()));
    tasks.close();
    Encrypted { address, stop, tasks, tls, authority, folder }
}

/// A client that trusts this authority, and shows a certificate of this name.
fn client(trusts: &Authority, shows: Option<(&Authority, &str)>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusts.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config =
        config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = match shows.map(|(authority, name)| authority.leaf(name)) {
        Some((cert, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

impl Encrypted {
    async fn connect(&self, client: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        client.connect("localhost".try_into().unwrap(), stream).await
    }

    /// What is answered, if anything.
    async fn ask(&self, client: &TlsConnector, path: &str) -> String {
        let Ok(mut stream) = self.connect(client).await else { return String::new() };
        ask(&mut stream, path, "close").await
    }
}

async fn ask(stream: &mut TlsStream<TcpStream>, path: &str, then: &str) -> String {
    let text = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: {then}\r\n\r\n");
    let mut bytes = vec![0; 4_096];
    if stream.write_all(text.as_bytes()).await.is_err() {
        return String::new();
    }
    let read = stream.read(&mut bytes).await.unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_names_in_a_clients_certificate_come_with_its_requests() {
    let server = serve(ClientAuth::Required, LONG).await;
    for name in ["gw.example", "spiffe://cluster/gw"] {
        let client = client(&server.authority, Some((&server.authority, name)));
        let answer = server.ask(&client, "/names").await;
        assert!(answer.ends_with(&format!("\r\n\r\n{name}")), "{answer}");
    }
}

#[tokio::test]
async fn a_certificate_is_asked_for_and_verified() {
    let server = serve(ClientAuth::Required, LONG).await;
    let stranger = Authority::new();
    for shows in [None, Some((&stranger, "gw.example"))] {
        assert_eq!(server.ask(&client(&server.authority, shows), "/now").await, "");
    }
    let optional = serve(ClientAuth::Optional, LONG).await;
    let answer = optional.ask(&client(&optional.authority, None), "/names").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    let bad = client(&optional.authority, Some((&stranger, "gw.example")));
    assert_eq!(optional.ask(&bad, "/now").await, "", "shown, so it must be good");
}

#[tokio::test]
async fn who_does_not_shake_hands_keeps_nobody_out_and_is_given_up() {
    let server = serve(ClientAuth::Optional, Duration::from_millis(50)).await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET /now HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = server.ask(&client(&server.authority, None), "/now").await;
    assert!(answer.ends_with("now"), "{answer}");
    assert!(!is_answered(silent).await && !is_answered(plain).await);
}

/// Whether an answer of HTTP came before the end; an alert of TLS is none.
async fn is_answered(mut stream: TcpStream) -> bool {
    let mut bytes = Vec::new();
    let _closed = stream.read_to_end(&mut bytes).await;
    bytes.starts_with(b"HTTP")
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_cuts_off_none() {
    let server = serve(ClientAuth::Optional, LONG).await;
    let (old, next) = (client(&server.authority, None), Authority::new());
    let new = client(&next, None);
    let mut open = server.connect(&old).await.unwrap();
    assert!(ask(&mut open, "/now", "keep-alive").await.ends_with("now"));
    next.server(server.folder.path());
    server.tls.renew().unwrap();
    assert!(server.ask(&new, "/now").await.ends_with("now"));
    assert_eq!(server.ask(&old, "/now").await, "", "its authority is another");
    assert!(ask(&mut open, "/now", "close").await.ends_with("now"), "it goes on");
}

#[tokio::test]
async fn a_bad_certificate_changes_nothing() {
    let server = serve(ClientAuth::Optional, LONG).await;
    std::fs::write(server.folder.path().join("server.pem"), "half a fi").unwrap();
    assert!(server.tls.renew().unwrap_err().place.ends_with("server.pem"));
    let answer = server.ask(&client(&server.authority, None), "/now").await;
    assert!(answer.ends_with("now"), "{answer}");
}

#[tokio::test]
async fn a_stop_waits_for_no_handshake() {
    let server = serve(ClientAuth::Optional, LONG).await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let answer = server.ask(&client(&server.authority, None), "/now").await;
    assert!(answer.ends_with("now"), "the silent one was accepted before");
    server.stop.draining.cancel();
    server.tasks.wait().await;
    drop(silent);
}
