//! The API over TCP, and the probes. Those whom a cluster knows are seen in `tests/tests/cluster_api.rs`.

use crate::support::{Home, Running, misbehaving, within};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wharf::api::types::{ErrorCode, RunAnswer, RunEvent, RunList};
use wharf::api::{Authentication, Health, Listen, TlsFiles};
use wharf::client::{Client, ClientError, Place, Remote};
use wharf::coordinator::{Options, Phase, StartError, Vitals};
use wharf::executor::kubernetes::Access;
use wharf_core::event::RunState;

fn home() -> Home {
    Home::new(&misbehaving(&json!({"mode": "echo", "value": 1}), json!({})))
}

fn listen(authentication: Authentication, tls: Option<TlsFiles>) -> Option<Listen> {
    Some(Listen::new("127.0.0.1:0".parse().unwrap(), authentication, tls).unwrap())
}

fn client(scheme: &str, running: &Running, token: Option<PathBuf>, authority: Option<&Path>) -> Client {
    let url = format!("{scheme}://{}", running.handle.address().unwrap());
    Client::at(Place::Remote(Box::new(Remote::new(&url, token, authority).unwrap())))
}

/// Status line and all else of the answer to a request written by hand.
async fn raw(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("{request}: {answer}")), answer)
}

#[tokio::test]
async fn programs_of_this_machine_are_answered_and_web_pages_are_not() {
    let home = home();
    let options = Options { listen: listen(Authentication::None, None), ..home.options() };
    let running = home.start_with(options).await.unwrap();
    let client = client("http", &running, None, None);
    let made: RunAnswer = within(client.post("/v1/runs?wait=true", &json!({"flow": "f"}))).await.unwrap();
    assert_eq!(made.state, RunState::Succeeded);
    let mut events = within(client.events(&format!("/v1/runs/{}/watch", made.run))).await.unwrap();
    let mut last = None;
    while let Some(event) = within(events.next()).await.unwrap() {
        last = Some(serde_json::from_str::<RunEvent>(&event.data).unwrap());
    }
    assert_eq!(last, Some(RunEvent::Ended { state: RunState::Succeeded }));

    let address = running.handle.address().unwrap();
    for (head, expect) in [
        (format!("Host: {address}"), 200),
        ("Host: localhost".to_owned(), 200),
        ("Host: rebound.example.org".to_owned(), 403),
        (format!("Host: {address}\r\nOrigin: https://example.org"), 403),
    ] {
        let (status, answer) = raw(address, &format!("GET /v1/runs HTTP/1.1\r\n{head}")).await;
        assert_eq!(status, expect, "{head}: {answer}");
        assert_eq!(answer.contains("succeeded"), expect == 200, "{head}: {answer}");
    }
    assert_eq!(raw(address, "GET /v1/none HTTP/1.1\r\nHost: localhost").await.0, 404);
    assert_eq!(raw(address, "DELETE /v1/runs/1 HTTP/1.1\r\nHost: localhost").await.0, 404);
    // The connection is still open, and keeps nobody from ending.
    running.drain().await;
    assert!(matches!(
        client.get::<Value>("/v1/runs").await,
        Err(ClientError::NotRunning(_) | ClientError::Broken { .. })
    ));
}

#[tokio::test]
async fn without_an_answer_from_the_cluster_nobody_is_let_in() {
    let home = home();
    let none = Access { kubeconfig: Some(home.path("none")), context: None };
    let authenticated = Options { listen: listen(Authentication::Kubernetes, None), ..home.options() };
    let refused = home.start_with(Options { access: none, ..authenticated.clone() }).await;
    assert!(matches!(refused, Err(StartError::Cluster(_))), "{:?}", refused.err());

    // Nobody listens on this port: it was free a moment ago, and is in nobody's range of ports to choose.
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    std::fs::write(home.path("kubeconfig"), kubeconfig.to_string()).unwrap();
    let access = Access { kubeconfig: Some(home.path("kubeconfig")), context: None };
    let running = home.start_with(Options { access, ..authenticated }).await.unwrap();
    let token = home.path("token");
    std::fs::write(&token, "abc").unwrap();
    for (token, expect) in [(None, ErrorCode::Unauthorized), (Some(token), ErrorCode::Unavailable)] {
        let client = client("http", &running, token, None);
        for path in
            ["/v1/health/live", "/v1/health/ready", "/metrics", "/v1/flows", "/v1/runs", "/v1/runs/1", "/v1/runs/x"]
        {
            match within(client.get::<Value>(path)).await {
                Err(ClientError::Api(error)) => assert_eq!(error.code, expect, "{path}: {error:?}"),
                other => panic!("{path}: {other:?}"),
            }
        }
        match within(client.post::<_, Value>("/v1/runs", &json!({"flow": "f"}))).await {
            Err(ClientError::Api(error)) => assert_eq!(error.code, expect, "{error:?}"),
            other => panic!("{other:?}"),
        }
    }
    let (status, answer) = raw(running.handle.address().unwrap(), "GET /v1/runs HTTP/1.1\r\nHost: x").await;
    assert_eq!(status, 401);
    assert!(answer.to_lowercase().contains("\r\nwww-authenticate: bearer"), "{answer}");
    // The socket's owner is asked for nothing.
    assert_eq!(running.get::<RunList>("/v1/runs").await.runs, []);
    running.drain().await;
}

/// A certificate for 127.0.0.1, and the authority that it is checked by.
fn certificate(home: &Home) -> (TlsFiles, PathBuf) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let files = TlsFiles { certificate: home.path("tls.crt"), key: home.path("tls.key") };
    std::fs::write(&files.certificate, own.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::write(home.path("ca.crt"), authority.pem()).unwrap();
    (files, home.path("ca.crt"))
}

#[tokio::test]
async fn over_tls_the_server_is_who_its_authority_says() {
    let home = home();
    let (files, authority) = certificate(&home);
    let wrong = TlsFiles { certificate: files.certificate.clone(), key: files.certificate.clone() };
    let options = Options { listen: listen(Authentication::None, Some(wrong)), ..home.options() };
    match home.start_with(options).await {
        Err(StartError::Io(why)) => assert!(why.contains("there is no private key in"), "{why}"),
        other => panic!("{:?}", other.err()),
    }
    let options = Options { listen: listen(Authentication::None, Some(files)), ..home.options() };
    let running = home.start_with(options).await.unwrap();
    let believed = client("https", &running, None, Some(&authority));
    assert_eq!(within(believed.get::<RunList>("/v1/runs")).await.unwrap().runs, []);
    for stranger in [client("https", &running, None, None), client("http", &running, None, None)] {
        match within(stranger.get::<RunList>("/v1/runs")).await {
            Err(ClientError::Broken { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    running.drain().await;
}

#[tokio::test]
async fn probes_are_answered_from_the_start_of_the_process_to_its_end() {
    let home = home();
    let vitals = Vitals::standby();
    let health = Health::open("127.0.0.1:0".parse().unwrap(), vitals.clone()).await.unwrap();
    let check = async |path: &str, status: u16, expect: &str| {
        let answer = raw(health.address(), &format!("GET {path} HTTP/1.1\r\nHost: x")).await;
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
        assert!(answer.1.contains(expect), "{path}: {expect}: {}", answer.1);
    };
    check("/livez", 200, "\r\n\r\nok\n").await;
    check("/readyz", 503, "\r\n\r\nstandby\n").await;
    check("/metrics", 200, "\nwharf_leader 0\n").await;
    check("/v1/runs", 404, "").await;
    vitals.enter(Phase::Starting);
    check("/readyz", 503, "\r\n\r\nstarting\n").await;
    check("/metrics", 200, "\nwharf_leader 1\n").await;

    let running = home.start_with(Options { vitals, ..home.options() }).await.unwrap();
    running.run("f").await;
    check("/readyz", 200, "\r\n\r\nok\n").await;
    check("/metrics", 200, "wharf_runs_total{flow=\"default/f\",state=\"succeeded\"} 1\n").await;
    running.drain().await;
    check("/livez", 200, "\r\n\r\nok\n").await;
    check("/readyz", 503, "\r\n\r\ndraining\n").await;
    // Its counters would seem to begin anew.
    check("/metrics", 503, "does not answer").await;
}
