//! The admin socket: bound for its owner alone, and open to the owner's processes and root's only.
//!
//! It decides who may speak and not what may be said.

use std::fs::{self, DirBuilder, File, Permissions};
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{UnixListener, UnixStream};

/// The socket's name in the data folder.
const SOCKET: &str = "admin.sock";
/// Where it is made before it is moved to its place.
const CRADLE: &str = ".admin.new";
/// The longest path that a socket's address takes, with room for the terminating NUL (`sun_path` is 108 bytes).
const ADDRESS_MAX_BYTES: usize = 107;

/// A folder by a path that is short enough for the sockets in it.
struct Folder {
    path: PathBuf,
    /// Keeps `/proc/self/fd/N` alive where `path` is that.
    _open: Option<File>,
}

impl Folder {
    fn of(data_dir: &Path) -> io::Result<Self> {
        let longest = data_dir.join(CRADLE).join(SOCKET);
        if longest.as_os_str().len() <= ADDRESS_MAX_BYTES {
            return Ok(Self { path: data_dir.to_owned(), _open: None });
        }
        let open = File::open(data_dir)?;
        Ok(Self { path: PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())), _open: Some(open) })
    }
}

/// Binds `admin.sock` in the data folder with mode 0600, replacing the socket of a process that is gone.
///
/// It is made in a folder that only the owner may enter and moved to its place once its mode is set, so there is no
/// moment at which somebody else could connect. A data folder whose name is too long for a socket's address is
/// reached through its descriptor. Must be called within a tokio runtime.
///
/// # Errors
/// `AddrInUse` if a living process answers there, `AlreadyExists` if something that isn't a socket stands there,
/// or what the file system says.
pub fn bind_admin_socket(data_dir: &Path) -> io::Result<UnixListener> {
    let folder = Folder::of(data_dir)?;
    let place = folder.path.join(SOCKET);
    refuse_living(&place)?;
    let cradle = folder.path.join(CRADLE);
    clear(&cradle)?;
    DirBuilder::new().mode(0o700).create(&cradle)?;
    let made = bind_in(&cradle, &place);
    clear(&cradle)?;
    made
}

fn bind_in(cradle: &Path, place: &Path) -> io::Result<UnixListener> {
    let new = cradle.join(SOCKET);
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, place)?;
    Ok(listener)
}

/// Refuses a place where a process answers, or that holds something other than a socket.
fn refuse_living(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{SOCKET} is there and isn't a socket")));
        }
        Ok(_) => {}
    }
    match BlockingStream::connect(place) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves this data folder")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes what a start that was cut short left behind.
fn clear(cradle: &Path) -> io::Result<()> {
    match fs::remove_dir_all(cradle) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Connects to the admin socket of the process that serves the data folder.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` if no process serves it.
pub fn connect_admin_socket(data_dir: &Path) -> io::Result<BlockingStream> {
    let folder = Folder::of(data_dir)?;
    BlockingStream::connect(folder.path.join(SOCKET))
}

/// Who is at the other end of the admin socket, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The user's id.
    pub uid: u32,
    /// The process's id, where the kernel tells it.
    pub pid: Option<i32>,
}

/// Whether a process of `uid` may administer one of `own_uid`: its own user and root.
fn may_administer(uid: u32, own_uid: u32) -> bool {
    uid == own_uid || uid == 0
}

/// Hands out the connections of those who may administer and closes the others unread.
struct OwnersOnly {
    listener: UnixListener,
    own_uid: u32,
}

impl Listener for OwnersOnly {
    type Io = UnixStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (UnixStream, Peer) {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the admin socket could not accept a connection");
                    // Out of descriptors, most likely: asking again at once would only spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            match stream.peer_cred() {
                Ok(peer) if may_administer(peer.uid(), self.own_uid) => {
                    return (stream, Peer { uid: peer.uid(), pid: peer.pid() });
                }
                Ok(peer) => {
                    tracing::warn!(uid = peer.uid(), "another user's connection to the admin socket was closed")
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the admin socket was closed: its peer is unknown")
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { uid: self.own_uid, pid: None })
    }
}

impl Connected<IncomingStream<'_, OwnersOnly>> for Peer {
    fn connect_info(stream: IncomingStream<'_, OwnersOnly>) -> Self {
        *stream.remote_addr()
    }
}

/// Serves `router` (see [`crate::admin_router`]) on the admin socket until `stop` is ready, and then ends what is
/// under way.
///
/// # Errors
/// None at present; axum reserves the right to them.
pub async fn serve_admin(
    listener: UnixListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = OwnersOnly { listener, own_uid: rustix::process::geteuid().as_raw() };
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_is_for_its_owner_alone_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let _listener = bind_admin_socket(folder.path()).unwrap();
        assert_eq!(mode(&folder.path().join(SOCKET)), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        connect_admin_socket(folder.path()).unwrap();
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let first = bind_admin_socket(folder.path()).unwrap();
        assert_eq!(bind_admin_socket(folder.path()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(folder.path().join(SOCKET).exists());
        let _second = bind_admin_socket(folder.path()).unwrap();
        connect_admin_socket(folder.path()).unwrap();
    }

    #[tokio::test]
    async fn what_a_broken_start_left_is_cleared_and_a_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(CRADLE)).unwrap();
        fs::write(folder.path().join(CRADLE).join(SOCKET), "").unwrap();
        drop(bind_admin_socket(folder.path()).unwrap());
        fs::remove_file(folder.path().join(SOCKET)).unwrap();
        fs::write(folder.path().join(SOCKET), "precious").unwrap();
        assert_eq!(bind_admin_socket(folder.path()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(folder.path().join(SOCKET)).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_folder_name_may_be_longer_than_a_socket_address() {
        let root = tempfile::tempdir().unwrap();
        let long = root.path().join("d".repeat(120)).join("e".repeat(120));
        fs::create_dir_all(&long).unwrap();
        let _listener = bind_admin_socket(&long).unwrap();
        assert_eq!(mode(&long.join(SOCKET)), 0o600);
        connect_admin_socket(&long).unwrap();
    }

    #[test]
    fn the_owner_and_root_may_administer_and_nobody_else() {
        assert!(may_administer(1000, 1000) && may_administer(0, 1000));
        assert!(!may_administer(1001, 1000) && !may_administer(1000, 0));
    }
}
