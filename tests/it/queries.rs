//! A parameter that an address does not know is refused, whatever the address: all routes, as the table has them.

use reqwest::Method;

use crate::support::{Daemon, requires};

/// Methods and paths, with something in place of every variable part.
pub fn routes() -> Vec<(Method, String)> {
    let fill = |path: &str| {
        [
            ("{id}", "01a20df5-341e-76c8-abe2-110f67ea2a22"),
            ("{namespace}", "default"),
            ("{name}", "x"),
            ("{revision}", "x"),
            ("{output}", "x"),
        ]
        .iter()
        .fold(path.to_owned(), |path, (variable, value)| path.replace(variable, value))
    };
    captd::http::routes().into_iter().map(|route| (route.method, fill(&route.path))).collect()
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_every_address() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let routes = routes();
    assert!(routes.iter().all(|(_, path)| !path.contains('{')), "something stands in place of every part: {routes:?}");
    for (method, path) in routes {
        let json = [("content-type", "application/json")];
        let answer = daemon.request(method.clone(), &format!("{path}?nonsense=1"), &json, b"{}".to_vec()).await;
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        assert_eq!(answer.json()["detail"], "unknown parameter `nonsense`", "{method} {path}");
    }
    assert_eq!(daemon.get("/v1/drain").await.json()["draining"], false, "nothing of it was done");
    daemon.stop().await;
}
