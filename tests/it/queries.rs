//! A parameter that an address does not know is refused, whatever the address: all routes, as
//! `src/http/mod.rs` lists them.

use reqwest::Method;

use crate::support::{Daemon, requires};

const ROUTES: &str = include_str!("../../src/http/mod.rs");
const METHODS: [(&str, Method); 5] = [
    ("get(", Method::GET),
    ("put(", Method::PUT),
    ("post(", Method::POST),
    ("patch(", Method::PATCH),
    ("delete(", Method::DELETE),
];

/// Where the routes that follow a line of the page begin.
const PREFIXES: [(&str, &str); 4] = [
    ("let one = Router::new()", "/v1/namespaces/default/machines/x"),
    ("let all = kind.plural()", "/v1/namespaces/default"),
    ("let namespaced = Router::new()", "/v1/namespaces/default"),
    ("let v1 = Router::new()", "/v1"),
];

/// Methods and paths, with something in place of every variable part.
pub fn routes() -> Vec<(Method, String)> {
    let mut prefix = "";
    let mut found = Vec::new();
    for line in ROUTES.lines().map(str::trim) {
        if let Some((_, next)) = PREFIXES.iter().find(|(mark, _)| line.starts_with(mark)) {
            prefix = next;
        }
        let Some(route) = line.strip_prefix(".route(") else { continue };
        let (_, rest) = route.split_once('"').expect("a path is quoted");
        let (path, handlers) = rest.split_once('"').expect("a path is quoted");
        let path = [
            ("{all}", "machines"),
            ("{id}", "01a20df5-341e-76c8-abe2-110f67ea2a22"),
            ("{verb}", if path.starts_with("/runs") { "approve" } else { "plan" }),
            ("{namespace}", "default"),
            ("{name}", "x"),
            ("{revision}", "x"),
            ("{output}", "x"),
        ]
        .iter()
        .fold(path.to_owned(), |path, (variable, value)| path.replace(variable, value));
        assert!(!path.contains('{'), "something must stand in place of a part of {path}");
        let path = format!("{prefix}{}", if path == "/" { "" } else { &path });
        let methods = METHODS.iter().filter(|(word, _)| handlers.contains(word));
        found.extend(methods.map(|(_, method)| (method.clone(), path.clone())));
    }
    found
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_every_address() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let routes = routes();
    assert!(routes.len() > 50, "the page is read as it is written: {routes:?}");
    for (method, path) in routes {
        let json = [("content-type", "application/json")];
        let answer = daemon.request(method.clone(), &format!("{path}?nonsense=1"), &json, b"{}".to_vec()).await;
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        assert_eq!(answer.json()["detail"], "unknown parameter `nonsense`", "{method} {path}");
    }
    assert_eq!(daemon.get("/v1/drain").await.json()["draining"], false, "nothing of it was done");
    daemon.stop().await;
}
