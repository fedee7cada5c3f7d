//! What must never be shown: in logs as they are served, in failures, in what captd says itself.

use uuid::Uuid;

use super::Service;
use crate::config::Providers;
use crate::config::providers::Credentials;
use crate::domain::redaction::Secrets;
use crate::terraform::environment::Environment;

/// What is known from the start on.
pub(super) fn at_start(own: &[String], environment: &Environment, providers: &Providers) -> Secrets {
    let mut secrets = Secrets::default();
    for value in own {
        secrets.add(value);
    }
    for (name, value) in environment {
        secrets.add_variable(name, value);
    }
    add_providers(&mut secrets, providers);
    secrets
}

/// Those of provider configurations, too. Older ones stay: they stand in older logs.
pub(super) fn add_providers(secrets: &mut Secrets, providers: &Providers) {
    for provider in providers.aws.values() {
        if let Credentials::Key { access_key, secret_key } = &provider.credentials {
            secrets.add(access_key);
            secrets.add(secret_key);
        }
    }
}

impl Service {
    /// What must not be shown of a run: what is known, and its own passwords.
    #[must_use]
    pub fn secrets_of(&self, run: Uuid) -> Secrets {
        let mut secrets = self.known_secrets();
        for password in self.run_passwords(run).unwrap_or_default() {
            secrets.add(&password);
        }
        secrets
    }

    /// What must not be shown of anything.
    pub(super) fn known_secrets(&self) -> Secrets {
        self.secrets.read().expect("invariant: no holder of this lock panics").clone()
    }
}
