//! nginx, Apache and Node on loopback ports, each in a folder of its own, ended when they are dropped.
//!
//! Node runs `recorder.js`, which tells how it read a request. nginx and Apache read the request whole, hand it to
//! that recorder, and add the request line as they took it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use limen_testbed::eventually_within;

const RECORDER: &str = include_str!("recorder.js");
const NGINX: &str = include_str!("nginx.conf");
const APACHE: &str = include_str!("apache.conf");

/// One server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
    /// Its configuration and logs.
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All three; the recorder first.
pub(crate) fn all() -> [Server; 3] {
    let node = node();
    let recorder = node.address.port();
    let (nginx, apache) = (nginx(recorder), apache(recorder));
    [node, nginx, apache]
}

fn node() -> Server {
    start("node", "nodejs", |folder, port| {
        let script = folder.join("recorder.js");
        std::fs::write(&script, RECORDER).expect("a file in the temporary folder");
        let mut command = Command::new("node");
        command.arg(script).arg(port.to_string());
        command
    })
}

fn nginx(recorder: u16) -> Server {
    start("nginx", "nginx-light", |folder, port| {
        let file = configured(NGINX, folder, port, recorder);
        let mut command = Command::new(found(&["/usr/sbin/nginx", "nginx"]));
        command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
        command
    })
}

fn apache(recorder: u16) -> Server {
    start("apache", "apache2-bin", |folder, port| {
        let file = configured(APACHE, folder, port, recorder);
        let mut command = Command::new(found(&["/usr/sbin/apache2", "apache2"]));
        command.arg("-X").arg("-d").arg(folder).arg("-f").arg(file);
        command
    })
}

/// The first of these that is there; `sbin` isn't in everybody's path.
fn found<'a>(places: &[&'a str]) -> &'a str {
    places.iter().find(|place| Path::new(place).exists()).or(places.last()).expect("a place")
}

fn configured(text: &str, folder: &Path, port: u16, recorder: u16) -> std::path::PathBuf {
    let text = text
        .replace("FOLDER", &folder.display().to_string())
        .replace("MODULES", "/usr/lib/apache2/modules")
        .replace("PORT", &port.to_string())
        .replace("RECORDER", &recorder.to_string());
    let file = folder.join("server.conf");
    std::fs::write(&file, text).expect("a file in the temporary folder");
    file
}

/// Starts a server on a free port. Another process may take the port in between: then on another one.
fn start(name: &'static str, package: &str, command: impl Fn(&Path, u16) -> Command) -> Server {
    for _ in 0..5 {
        let folder = tempfile::Builder::new().prefix("limen-differential-").tempdir().expect("a temporary folder");
        open_to_all(folder.path());
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let log = std::fs::File::create(folder.path().join("output.log")).expect("a file in the temporary folder");
        let output = log.try_clone().expect("a second handle");
        let mut command = command(folder.path(), free.port());
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{name} does not start ({error}); install it: apt-get install --no-install-recommends {package}")
        });
        let is_up = eventually_within(Duration::from_secs(60), name, || match child.try_wait() {
            Ok(None) => TcpStream::connect(free).is_ok().then_some(true),
            _ => Some(false),
        });
        if is_up && matches!(child.try_wait(), Ok(None)) {
            return Server { name, address: free, child, _folder: folder };
        }
        let told = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap_or_default();
        eprintln!("{name} ended at its start: {}{}", told("output.log"), told("error.log"));
    }
    panic!("{name} ended at each of five starts, see above")
}

/// Workers that gave up root's rights write here too.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("a folder of our own");
}
