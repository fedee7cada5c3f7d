//! What a supervisor asks for: a description, a check, a process.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Gateway, POOL};
use crate::control::{Answer, Borrower, Octets};
use crate::grpc::{self, Cause};
use crate::heartbeat::until_provider_hangs;
use crate::key;
use crate::package::{self, Provider, hex};
use crate::plugin::{self, Environment, Plugin};
use crate::pool::{Loan, Member, Place};
use crate::protocol::{Call, Dialect, errors};

/// How long a provider may take for an answer that the gateway waits for.
const CALL: Duration = Duration::from_mins(5);

/// It is not done.
pub(super) struct Refusal {
    pub(super) why: String,
    /// Whether nobody should do it.
    pub(super) is_fatal: bool,
}

impl From<package::Error> for Refusal {
    fn from(error: package::Error) -> Self {
        let is_fatal = matches!(error, package::Error::OtherHash { .. });
        Self { why: error.to_string(), is_fatal }
    }
}

impl From<plugin::Error> for Refusal {
    fn from(error: plugin::Error) -> Self {
        error.to_string().into()
    }
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { why, is_fatal: false }
    }
}

impl Gateway {
    /// What there is to know of a provider before terraform begins.
    pub(super) async fn describe(&self, provider: &Provider, borrower: &Borrower) -> Result<Answer, Refusal> {
        let hash = self.verified(provider).await?;
        let described = |(dialect, schema): (Dialect, PathBuf)| Answer::Described { dialect: dialect.number(), schema };
        if let Some(kept) = self.answers.schema(&hash) {
            self.counts().schema_hits += 1;
            return Ok(described(kept));
        }
        let turn = self.turn(&hash);
        let _turn = turn.lock().await;
        if let Some(kept) = self.answers.schema(&hash) {
            self.counts().schema_hits += 1;
            return Ok(described(kept));
        }
        self.counts().schema_misses += 1;
        let (dialect, schema) = self.throw_away(provider, borrower, Call::Schema, &[]).await?;
        let wrong = errors(Call::Schema, &schema);
        if !wrong.is_empty() {
            return Err(format!("the provider gives no schema: {}", wrong.join("; ")).into());
        }
        let kept = self.answers.keep_schema(&hash, dialect, &schema).map_err(|error| error.to_string())?;
        Ok(described((dialect, kept)))
    }

    /// The answer to a check of a provider block.
    pub(super) async fn check(
        &self,
        provider: &Provider,
        request: &[u8],
        borrower: &Borrower,
    ) -> Result<Answer, Refusal> {
        let hash = self.verified(provider).await?;
        let kept = || {
            let (dialect, _) = self.answers.schema(&hash)?;
            self.answers.check(&hash, dialect, request)
        };
        let message = |bytes: Vec<u8>| Answer::Message { octets: Octets(bytes) };
        if let Some(answer) = kept() {
            self.counts().check_hits += 1;
            return Ok(message(answer));
        }
        let turn = self.turn(&hash);
        let _turn = turn.lock().await;
        if let Some(answer) = kept() {
            self.counts().check_hits += 1;
            return Ok(message(answer));
        }
        self.counts().check_misses += 1;
        let (dialect, answer) = self.throw_away(provider, borrower, Call::Check, request).await?;
        self.answers.keep_check(&hash, dialect, request, &answer);
        Ok(message(answer))
    }

    /// A process: configured by `configure`, or one that need not be configured.
    pub(super) async fn lend(
        &self,
        provider: &Provider,
        configure: Option<&[u8]>,
        borrower: &Borrower,
    ) -> Result<Answer, Refusal> {
        let hash = self.verified(provider).await?;
        let environment = plugin::environment_of(&borrower.environment);
        let base = key::base(&hash, &environment);
        let turn = self.turn(&base);
        let _turn = turn.lock().await;
        // Only now: a file that is rewritten while others start counts as it is then.
        let now = self.now();
        let key = configure.map(|request| key::configured(&base, request, &environment, now));
        let purpose = Self::purpose(borrower);
        self.counts().lent += 1;
        let lent = self.pool().lend(&base, key.as_ref().map(|key| key.digest.as_str()), &purpose, now);
        if let Some(loan) = lent {
            self.counts().configure_hits += u64::from(key.is_some());
            return Ok(lent_answer(loan));
        }
        let blank = self.pool().take_blank(&base, now);
        let member = match blank {
            Some(member) => member,
            None => self.start(provider, &environment, &base).await?,
        };
        let Some((key, request)) = key.zip(configure) else { return self.take_in(member, &purpose) };
        let answer = match call(member.plugin(), Call::Configure, request, self.beat()).await {
            Ok(answer) => answer,
            Err(error) => {
                member.plugin().end();
                return Err(format!("the provider cannot be configured: {error}").into());
            }
        };
        self.counts().configured += 1;
        if errors(Call::Configure, &answer).is_empty() {
            return self.take_in(member.configured(key, answer), &purpose);
        }
        // Terraform is to say so itself. It ends there, and so does the process.
        member.plugin().end();
        Ok(Answer::Message { octets: Octets(answer) })
    }

    fn take_in(&self, member: Member, purpose: &crate::pool::Purpose) -> Result<Answer, Refusal> {
        let loan = self.pool().add(member, purpose, self.now());
        loan.map(lent_answer).ok_or_else(|| "its record of a process cannot be written".to_owned().into())
    }

    async fn start(&self, provider: &Provider, environment: &Environment, base: &str) -> Result<Member, Refusal> {
        let place = self.place()?;
        self.counts().started += 1;
        let plugin = self.start_plugin(provider, environment).await?;
        tracing::info!(provider = provider.address, pid = ?plugin.process.pid(), "a provider process begins");
        Ok(Member::new(plugin, format!("{} {}", provider.address, provider.version), base, place, self.now()))
    }

    /// A place for one more process, kept for as long as there is the process.
    fn place(&self) -> Result<Place, Refusal> {
        let place = self.pool().place(self.now());
        place.ok_or_else(|| "every process that it may have is in use".to_owned().into())
    }

    async fn start_plugin(&self, provider: &Provider, environment: &Environment) -> Result<Plugin, Refusal> {
        let program = provider.program()?;
        let mut secret = [0; 8];
        (self.parts.random)(&mut secret);
        let folder = self.new_folder().map_err(|error| format!("no folder for a process: {error}"))?;
        let patience = Duration::from_secs(self.parts.limits.handshake_seconds_max.into());
        let (folder, secret_name) = (folder.as_path(), &*hex(secret));
        let start = plugin::Start { program: &program, environment, folder, secret_name, patience };
        Ok(plugin::start(start, &self.parts.starter).await?)
    }

    /// A folder with a short name, since a socket's path has its limit.
    fn new_folder(&self) -> std::io::Result<PathBuf> {
        let pool = self.parts.folder.join(POOL);
        std::fs::create_dir_all(&pool)?;
        loop {
            let folder = pool.join(self.number.fetch_add(1, Ordering::SeqCst).to_string());
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok(folder),
                // Of an earlier gateway.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks a process that is started for it and ends afterwards: one that serves never holds the
    /// whole schema in memory.
    async fn throw_away(
        &self,
        provider: &Provider,
        borrower: &Borrower,
        asked: Call,
        request: &[u8],
    ) -> Result<(Dialect, Vec<u8>), Refusal> {
        let _place = self.place()?;
        self.counts().thrown_away += 1;
        let environment = plugin::environment_of(&borrower.environment);
        let plugin = self.start_plugin(provider, &environment).await?;
        let answer = call(&plugin, asked, request, self.beat()).await;
        plugin.end();
        let answer = answer.map_err(|error| format!("the provider gives no answer: {error}"))?;
        Ok((plugin.dialect, answer))
    }

    async fn verified(&self, provider: &Provider) -> Result<String, Refusal> {
        let (provider, cache) = (provider.clone(), self.cache());
        let hashed = tokio::task::spawn_blocking(move || provider.verified(&cache)).await;
        Ok(hashed.map_err(|error| error.to_string())??)
    }

    /// Whoever has locked it is the only one who does what `key` tells.
    fn turn(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for are not needed any more.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(key.to_owned()).or_default())
    }
}

async fn call(plugin: &Plugin, call: Call, request: &[u8], beat: Duration) -> Result<Vec<u8>, Cause> {
    let mut sender = grpc::connect(&plugin.socket).await?;
    let answer = grpc::call(&mut sender, plugin.dialect.path(call), request);
    let answer = async {
        tokio::select! {
            answer = answer => answer,
            () = until_provider_hangs(&plugin.socket, beat) => Err("it does not answer at all: it hangs".into()),
        }
    };
    let answer = tokio::time::timeout(CALL, answer).await.map_err(|_| format!("none within {} s", CALL.as_secs()))?;
    Ok(answer?.to_vec())
}

fn lent_answer(loan: Loan) -> Answer {
    Answer::Lent { socket: loan.socket, in_use: loan.in_use, answer: Octets(loan.answer) }
}
