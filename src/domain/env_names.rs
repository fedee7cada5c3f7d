//! Which variables of the environment a declaration may set: those that an administrator has named, and never one
//! that steers the programs of a run.
//!
//! **Invariant:** no allow-list opens a name of `STEERING`, in whatever case its letters are written.

/// Bytes of one text of the environment. With [`VARIABLES_MAX`] it stays below what Linux hands to a program.
pub const TEXT_BYTES_MAX: usize = 16 << 10;
/// Variables that one declaration sets.
pub const VARIABLES_MAX: usize = 100;

/// Names that steer programs: why none of them is a declaration's to set, and the names. A `*` stands for any text.
const STEERING: &[(&str, &[&str])] = &[
    ("is captd's own to set", &["PATH", "HOME", "TMPDIR"]),
    (
        ": captd says itself how Terraform runs; a value of a variable belongs in `variables`",
        &[
            "TF_*",
            "TERRAFORM_*",
            "TERRAGRUNT_*",
            "TOFU_*",
            "OPENTOFU_*",
            "CHECKPOINT_*",
            "PLUGIN_*",
            "OTEL_*",
            "GRPC_*",
        ],
    ),
    (": how to sign in to AWS stands in the provider configuration", &["AWS_*", "AMAZON_*", "BOTO*", "EC2_*"]),
    (": captd keeps these for itself", &["CAPTD_*", "RUST*", "TOKIO_*", "CARGO*", "LANDLOCK_*"]),
    (
        ": what programs are loaded with is not for a declaration to say",
        &[
            "LD_*",
            "LDR_*",
            "_RLD*",
            "DYLD_*",
            "LIBPATH",
            "SHLIB_PATH",
            "GCONV_PATH",
            "GETCONF_DIR",
            "GLIBC_*",
            "MALLOC_*",
            "MTRACE*",
            "NLSPATH",
            "LOCPATH",
            "LANG",
            "LANGUAGE",
            "LC_*",
            "TZ",
            "TZDIR",
            "NIX_*",
            "GUIX_*",
            "*SAN_OPTIONS",
            "GCOV_*",
            "GMON_*",
            "LLVM_*",
            "ICU_*",
            "GIO_*",
            "GTK_*",
            "GST_*",
            "QT_*",
            "G_*",
            "LTDL_*",
            "AUDITD_*",
            "SEGFAULT_*",
        ],
    ),
    (
        ": which proxy runs take is the operator's to say, by `proxy` of the provider configuration or by captd's own environment",
        &["*PROXY*", "SOCKS*", "TSOCKS*", "REQUEST_METHOD", "WPAD_*"],
    ),
    (
        ": whose certificates runs trust is the operator's to say, by `ca_file` of the provider configuration or by captd's own environment",
        &[
            "SSL*",
            "TLS_*",
            "OPENSSL*",
            "GNUTLS_*",
            "NSS_*",
            "PKCS11*",
            "P11_*",
            "CURL_*",
            "WGET*",
            "NETRC",
            "*_CA_BUNDLE",
            "CA_BUNDLE",
            "*_CACERT",
            "*_CAPATH",
            "*_CA_CERT",
            "*_CA_CERTS",
            "*_CA_FILE",
            "*_CA_PATH",
            "*_CA_DIR",
            "*_CERT_FILE",
            "*_CERT_DIR",
            "*_CERT_PATH",
            "CERT_*",
            "*SSL_VERIFY*",
            "*SSLVERIFY*",
            "*TLS_VERIFY*",
            "*SSLKEYLOG*",
            "*SKIP_VERIFY*",
            "*TLS_REJECT*",
            "PIP_CERT",
            "LDAPTLS_*",
            "LDAPCONF",
            "LDAPRC",
            "SASL_*",
            "X509_*",
        ],
    ),
    (
        ": how names are looked up is the operator's to say",
        &["LOCALDOMAIN", "RES_*", "RESOLV*", "HOSTALIASES", "HOSTS_FILE", "NIS_*", "GETADDRINFO_*", "KRB5*", "NSCD_*"],
    ),
    (
        ": git, ssh and the like belong to captd alone",
        &[
            "GIT_*",
            "GCM_*",
            "SSH*",
            "RSYNC*",
            "SVN_*",
            "HG*",
            "BZR_*",
            "CVS*",
            "GPG*",
            "GNUPGHOME",
            "SUDO_*",
            "DBUS_*",
            "SYSTEMD_*",
        ],
    ),
    (
        ": what the service manager says is between it and captd",
        &[
            "NOTIFY_SOCKET",
            "WATCHDOG_*",
            "LISTEN_*",
            "INVOCATION_ID",
            "JOURNAL_STREAM",
            "MAINPID",
            "CREDENTIALS_DIRECTORY",
            "STATE_DIRECTORY",
            "RUNTIME_DIRECTORY",
            "CACHE_DIRECTORY",
            "LOGS_DIRECTORY",
            "CONFIGURATION_DIRECTORY",
        ],
    ),
    (
        ": it steers a shell or an interpreter",
        &[
            "BASH*",
            "SH",
            "SHELL*",
            "ENV",
            "IFS",
            "PS0",
            "PS1",
            "PS2",
            "PS3",
            "PS4",
            "PROMPT*",
            "CDPATH",
            "GLOBIGNORE",
            "FIGNORE",
            "FPATH",
            "ZDOTDIR",
            "ZSH*",
            "KSH*",
            "FISH*",
            "HIST*",
            "INPUTRC",
            "POSIXLY_CORRECT",
            "MAIL",
            "MAILPATH",
            "MAILCHECK",
            "OPTIND",
            "OPTARG",
            "OPTERR",
            "TMOUT",
            "EXECIGNORE",
            "PYTHON*",
            "CLOUDSDK_PYTHON*",
            "VIRTUAL_ENV",
            "CONDA_*",
            "PIP_*",
            "UV_*",
            "PERL*",
            "RUBY*",
            "GEM_*",
            "BUNDLE*",
            "NODE_*",
            "NPM_*",
            "YARN_*",
            "PNPM_*",
            "DENO_*",
            "BUN_*",
            "ELECTRON_*",
            "JAVA*",
            "JDK_*",
            "JRE_*",
            "_JAVA*",
            "JVM_*",
            "CLASSPATH",
            "MAVEN_*",
            "GRADLE_*",
            "ANT_*",
            "PHP*",
            "LUA*",
            "TCL*",
            "TK_*",
            "ERL_*",
            "ELIXIR_*",
            "DOTNET*",
            "COMPLUS_*",
            "CORECLR_*",
            "COR_*",
            "MONO_*",
            "GUILE_*",
            "GHC*",
            "OCAML*",
            "CAML*",
            "JULIA_*",
            "R_*",
            "RENVIRON*",
            "AWK*",
            "GAWK*",
            "M4PATH",
            "VIM*",
            "EXINIT",
            "EMACS*",
            "POWERSHELL*",
            "PSMODULEPATH",
        ],
    ),
    (
        ": it steers programs that templates call",
        &[
            "EDITOR",
            "VISUAL",
            "PAGER",
            "*_PAGER",
            "MANOPT",
            "LESS*",
            "GREP_*",
            "TAR_OPTIONS",
            "GZIP",
            "BZIP*",
            "XZ_*",
            "ZSTD_*",
            "ZIPOPT",
            "UNZIP*",
            "MAGIC",
            "BROWSER",
            "TERM",
            "TERMCAP",
            "TERMINFO*",
            "DISPLAY",
            "XAUTHORITY",
            "*_ASKPASS",
            "ASKPASS",
            "MAKE*",
            "MFLAGS",
            "CC",
            "CXX",
            "LDFLAGS",
            "CFLAGS",
            "CXXFLAGS",
            "CPATH",
            "*INCLUDE_PATH",
            "LIBRARY_PATH",
            "CMAKE_*",
            "PKG_CONFIG*",
            "COMSPEC",
            "PATHEXT",
            "SYSTEMROOT",
            "WINDIR",
        ],
    ),
    (
        ": where programs look for their files is captd's own to set",
        &["XDG_*", "USER", "LOGNAME", "USERNAME", "PWD", "OLDPWD", "TMP", "TEMP", "TEMPDIR", "TMPPREFIX", "SHLVL", "_"],
    ),
    (": it steers the runtime of Go, in which Terraform and its providers are written", &["GO*", "CGO_*", "QUIC_GO_*"]),
];

/// Providers of other clouds whose names begin like Go's own.
const NOT_OF_GO: [&str; 2] = ["GOOGLE_", "GODADDY_"];

/// Why a variable of this name is never a declaration's to set, if so: what follows its name in a sentence.
fn steers(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let is_in = |patterns: &[&str]| patterns.iter().any(|pattern| is_like(pattern, &name));
    let (why, _) = STEERING.iter().find(|(_, patterns)| is_in(patterns))?;
    let is_of_go = name.starts_with("GO") && STEERING.last().is_some_and(|(last, _)| last == why);
    (!is_of_go || !NOT_OF_GO.iter().any(|other| name.starts_with(other))).then_some(why)
}

/// Whether `name` is as `pattern` has it, of which the first and the last character may be `*`.
fn is_like(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => name.contains(rest.trim_end_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(beginning)) => name.starts_with(beginning),
        (None, None) => name == pattern,
    }
}

/// Checks the name of a variable that a declaration sets, or that an allow-list opens.
///
/// # Errors
/// A sentence that says why none may set it.
pub fn check_name(name: &str) -> Result<(), String> {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(begins) || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.len() > 200 {
        return Err(format!("`{name}` is no name of a variable of the environment: letters, digits and `_`"));
    }
    match steers(name) {
        None => Ok(()),
        Some(why) if why.starts_with(':') => Err(format!("`{name}`{why}")),
        Some(why) => Err(format!("`{name}` {why}")),
    }
}

/// Checks an entry of an allow-list: a name, or the beginning of names with a `*` behind it.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    let beginning = pattern.strip_suffix('*');
    if beginning == Some("") || pattern.trim_end_matches('*').contains('*') || pattern.ends_with("**") {
        return Err(format!(
            "`{pattern}` is no name and no beginning of names: write one as `DATADOG_SITE`, or several as `DATADOG_*`"
        ));
    }
    check_name(beginning.unwrap_or(pattern))
}

/// Whether an allow-list opens `name`.
#[must_use]
pub fn opens<'a>(patterns: impl IntoIterator<Item = &'a String>, name: &str) -> bool {
    let is_opened = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => !beginning.is_empty() && name.starts_with(beginning),
        None => pattern == name,
    };
    check_name(name).is_ok() && patterns.into_iter().any(|pattern| is_opened(pattern))
}
